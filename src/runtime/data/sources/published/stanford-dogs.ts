/** Reads Stanford Dogs (Khosla et al. 2011): photos of 120 breeds from ImageNet, each with a box. */
import { join } from "node:path";
import { isImage } from "../../file-tree.js";
import { vocBox } from "./boxes.js";
import { byHash, byList } from "./divisions.js";
import { publishedSource } from "./published-set.js";

export const stanfordDogs = publishedSource({
  description: {
    kind: "stanford_dogs",
    summary: "Stanford Dogs: 120 breeds, 20,580 photos from ImageNet with boxes",
    obtain:
      "images.tar and annotation.tar from the page of the data set at Stanford (search for “Stanford Dogs dataset”); unpack both into one folder",
    license: "ImageNet's terms: for non-commercial research and education",
    download: "780 MB",
    folder: "data/stanford-dogs",
    needs: ["Images/", "Annotation/"],
    boxes: true,
  },
  root: "the folder with Images/ and Annotation/",
  divisions: { li2019: byList("stanford-dogs-li2019", "70/20/30 classes (Li et al. 2019)"), hash: byHash },
  counts: () => ({ classes: 120, images: 20_580 }),
  read(files, boxes) {
    const images = files.tree.files.flatMap((path) => {
      const [, breed, name] = /^Images\/([^/]+)\/([^/]+)\.[^./]+$/.exec(path) ?? [];
      if (breed === undefined || !isImage(path)) return [];
      const annotation = `Annotation/${breed}/${name}`;
      const box = boxes && files.has(annotation) ? vocBox(join(files.root, annotation)) : undefined;
      return [{ label: breed, path, ...(box === undefined ? {} : { box }) }];
    });
    return { classes: [...new Set(images.map(({ label }) => label))].sort().map((name) => ({ name })), images };
  },
});
