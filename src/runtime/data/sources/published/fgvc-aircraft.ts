/** Reads FGVC-Aircraft 2013b (Maji et al. 2013): photos of aircraft with three levels of labels and boxes. */
import type { SourceSplit } from "../../../../compiler/typed/tree.js";
import { boxBetweenText } from "./boxes.js";
import { byHash, byList, type Division } from "./divisions.js";
import { publishedSource } from "./published-set.js";

/** The level of a label by the argument, with the file that lists its classes and their number. */
const levels = {
  variant: { list: "variants.txt", classes: 100 },
  family: { list: "families.txt", classes: 70 },
  manufacturer: { list: "manufacturers.txt", classes: 30 },
} as const;

/** Returns the level that a source asks for. The checker has refused any other text. */
function levelOf(level: string): { readonly list: string; readonly classes: number } {
  return level === "family" || level === "manufacturer" ? levels[level] : levels.variant;
}

/** The division of Wertheimer et al. 2021 by the place of a class in `variants.txt`. */
const byPlace: Division = {
  meaning: "50/25/25 classes by their places in the list: even, 1 and 3 mod 4 (Wertheimer et al. 2021)",
  split: (_, place): SourceSplit => (place % 2 === 0 ? "train" : place % 4 === 1 ? "val" : "test"),
};

export const fgvcAircraft = publishedSource({
  description: {
    kind: "fgvc_aircraft",
    summary: "FGVC-Aircraft: 100 variants of aircraft in 70 families of 30 manufacturers, 10,000 photos with boxes",
    obtain:
      "fgvc-aircraft-2013b.tar.gz from the page of the data set at Oxford (search for “FGVC-Aircraft”); unpack it: the root has data/",
    license: "for non-commercial research only",
    download: "2.75 GB",
    folder: "data/fgvc-aircraft-2013b",
    needs: ["data/images/", "data/variants.txt", "data/images_variant_trainval.txt", "data/images_variant_test.txt"],
    boxes: true,
  },
  root: "the folder fgvc-aircraft-2013b, or the folder data in it",
  args: [
    {
      name: "level",
      type: "choice",
      choices: Object.keys(levels),
      default: "variant",
      meaning: "what is a class: a variant (Boeing 737-700), a family (Boeing 737) or a manufacturer (Boeing)",
    },
  ],
  divisions: {
    places: byPlace,
    meta_dataset: byList("fgvc-aircraft-meta-dataset", "70/15/15 variants (Meta-Dataset)"),
    hash: byHash,
  },
  counts: ({ args }) => ({ classes: levelOf(String(args["level"])).classes, images: 10_000 }),
  read(files) {
    const level = files.argument("level", "variant");
    const base = files.has("data/variants.txt") ? "data/" : "";
    const boxes = new Map(files.has(`${base}images_box.txt`) ? files.pairs(`${base}images_box.txt`) : []);
    const images = ["trainval", "test"].flatMap((part) =>
      files.pairs(`${base}images_${level}_${part}.txt`).map(([id, label]) => {
        const box = boxBetweenText(boxes.get(id) ?? "");
        return { label, path: `${base}images/${id}.jpg`, ...(box === undefined ? {} : { box }) };
      }),
    );
    return { classes: files.lines(base + levelOf(level).list).map((name) => ({ name })), images };
  },
});
