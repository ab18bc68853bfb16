/** Reads Stanford Cars (Krause et al. 2013): photos of 196 models of cars, each with a box. */
import type { MatContent } from "../../matrices/mat.js";
import { boxBetween } from "./boxes.js";
import { byHash, byList } from "./divisions.js";
import { publishedSource, type SetImage } from "./published-set.js";
import { numberOf, type SetFiles, textOf } from "./set-files.js";

export const stanfordCars = publishedSource({
  description: {
    kind: "stanford_cars",
    summary: "Stanford Cars: 196 models of cars, 16,185 photos with boxes",
    obtain:
      "cars_train.tgz, cars_test.tgz, car_devkit.tgz and cars_test_annos_withlabels.mat (search for “Stanford Cars dataset”; Stanford's own page is gone, and mirrors have them); unpack them into one folder, and put cars_test_annos_withlabels.mat into devkit/",
    license: "for research; the photos are of many owners",
    download: "1.9 GB",
    folder: "data/stanford-cars",
    needs: [
      "cars_train/",
      "cars_test/",
      "devkit/cars_meta.mat",
      "devkit/cars_train_annos.mat",
      "devkit/cars_test_annos_withlabels.mat",
    ],
    boxes: true,
  },
  root: "the folder with cars_train/, cars_test/ and devkit/; or with car_ims/ and cars_annos.mat, as in an older form",
  divisions: { li2019: byList("stanford-cars-li2019", "130/17/49 classes (Li et al. 2019)"), hash: byHash },
  counts: () => ({ classes: 196, images: 16_185 }),
  read(files) {
    const older = files.has("cars_annos.mat");
    const names = files.texts(older ? "cars_annos.mat" : "devkit/cars_meta.mat", "class_names");
    const images = older
      ? annotated(files, names, "cars_annos.mat", "relative_im_path", "")
      : [
          ...annotated(files, names, "devkit/cars_train_annos.mat", "fname", "cars_train/"),
          ...(files.has("devkit/cars_test_annos_withlabels.mat")
            ? annotated(files, names, "devkit/cars_test_annos_withlabels.mat", "fname", "cars_test/")
            : []),
        ];
    return { classes: names.map((name) => ({ name })), images };
  },
});

function annotated(files: SetFiles, names: readonly string[], list: string, field: string, folder: string): SetImage[] {
  return files.records(list, "annotations").map((record) => {
    // The older form calls the corners of the box `bbox_x1` too.
    const corner = (name: string): number => numberOf(record.get(name) as MatContent);
    const box = boxBetween(corner("bbox_x1"), corner("bbox_y1"), corner("bbox_x2"), corner("bbox_y2"));
    const label = names[numberOf(record.get("class")) - 1] ?? "";
    return { label, path: `${folder}${textOf(record.get(field))}`, ...(box === undefined ? {} : { box }) };
  });
}
