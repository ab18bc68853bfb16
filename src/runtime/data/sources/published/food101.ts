/** Reads Food-101 (Bossard et al. 2014): photos of 101 dishes. */
import { byHash } from "./divisions.js";
import { publishedSource } from "./published-set.js";

export const food101 = publishedSource({
  description: {
    kind: "food101",
    summary: "Food-101: 101 dishes, 101,000 photos",
    obtain: "food-101.tar.gz from the page of the data set at ETH Zürich (search for “Food-101”); unpack it",
    license: "none stated; photos from foodspotting.com, for research (cite Bossard et al. 2014)",
    download: "5 GB",
    folder: "data/food-101",
    needs: ["images/", "meta/classes.txt", "meta/train.txt", "meta/test.txt"],
  },
  root: "the folder food-101 of the archive",
  divisions: { hash: byHash },
  counts: () => ({ classes: 101, images: 101_000 }),
  read(files) {
    const images = ["meta/train.txt", "meta/test.txt"].flatMap((list) =>
      files.lines(list).map((path) => ({ label: path.slice(0, path.indexOf("/")), path: `images/${path}.jpg` })),
    );
    return { classes: files.lines("meta/classes.txt").map((name) => ({ name })), images };
  },
});
