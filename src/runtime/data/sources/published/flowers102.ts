/** Reads Oxford Flowers-102 (Nilsback & Zisserman 2008): photos of 102 kinds of flowers. */
import { publishedClasses } from "../class-lists.js";
import { splitNames } from "../source.js";
import { byHash, byList } from "./divisions.js";
import { publishedSource } from "./published-set.js";

const list = "flowers102-meta-dataset";

export const flowers102 = publishedSource({
  description: {
    kind: "flowers102",
    summary: "Oxford Flowers-102: 102 kinds of flowers, 8,189 photos",
    obtain:
      "102flowers.tgz and imagelabels.mat from the page of the data set at Oxford (search for “102 category flower dataset”); unpack the archive beside imagelabels.mat: the root has jpg/",
    license: "none stated; photos from the web, for research (cite Nilsback & Zisserman 2008)",
    download: "330 MB",
    folder: "data/flowers102",
    needs: ["jpg/", "imagelabels.mat"],
  },
  root: "the folder with jpg/ and imagelabels.mat",
  divisions: { meta_dataset: byList(list, "71/15/16 classes (Meta-Dataset)"), hash: byHash },
  counts: () => ({ classes: 102, images: 8189 }),
  read(files) {
    // The data have numbers only. Meta-Dataset's list has their names, each behind its number.
    const classes = publishedClasses(list);
    const names = splitNames.flatMap((split) => classes[split]).sort();
    const images = files.numbers("imagelabels.mat", "labels").map((label, i) => ({
      label: names[label - 1] ?? "",
      path: `jpg/image_${String(i + 1).padStart(5, "0")}.jpg`,
    }));
    return { classes: names.map((name) => ({ name })), images };
  },
});
