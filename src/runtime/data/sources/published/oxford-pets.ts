/** Reads Oxford-IIIT Pet (Parkhi et al. 2012): photos of 37 breeds of cats and dogs. */
import { byHash } from "./divisions.js";
import { publishedSource } from "./published-set.js";

export const oxfordPets = publishedSource({
  description: {
    kind: "oxford_pets",
    summary: "Oxford-IIIT Pet: 37 breeds of cats and dogs, 7,349 photos",
    obtain:
      "images.tar.gz and annotations.tar.gz from the page of the data set at Oxford (search for “Oxford-IIIT Pet”); unpack both into one folder",
    license: "CC BY-SA 4.0",
    download: "810 MB",
    folder: "data/oxford-pets",
    needs: ["images/", "annotations/list.txt"],
  },
  root: "the folder with images/ and annotations/",
  divisions: { hash: byHash },
  counts: () => ({ classes: 37, images: 7349 }),
  read(files) {
    const images = files.pairs("annotations/list.txt").map(([name]) => ({
      label: name.replace(/_\d+$/, ""),
      path: `images/${name}.jpg`,
    }));
    return { classes: [...new Set(images.map(({ label }) => label))].sort().map((name) => ({ name })), images };
  },
});
