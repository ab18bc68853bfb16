/** Reads Omniglot (Lake et al. 2015) in its official layout, from folders or from the official zip archives. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DataSource, SourceSplit } from "../../../compiler/typed/tree.js";
import { packageRoot } from "../../system/package.js";
import { isImage, openFileTree } from "../file-tree.js";
import {
  badArg,
  boolArg,
  type DataFolders,
  type ImageRef,
  type ListedClass,
  layoutError,
  rootOf,
  type Source,
  textArg,
} from "./source.js";

/** The number of drawings of a character. Each is by another person. */
const drawingsPerCharacter = 20;
const parts = ["images_background", "images_evaluation"] as const;
const quarterTurns = [0, 1, 2, 3] as const;

interface SplitFile {
  /** The ranges of character numbers of each split, by `part/alphabet`. Both ends are included. */
  readonly splits: Readonly<Record<SourceSplit, Readonly<Record<string, readonly (readonly [number, number])[]>>>>;
}

/** Returns the characters of each split of Vinyals et al. 2016 as `part/alphabet/characterNN`, in the published order. */
export function vinyalsSplit(): Readonly<Record<SourceSplit, readonly string[]>> {
  const path = join(packageRoot, "specs", "splits", "omniglot-vinyals.json");
  const { splits } = JSON.parse(readFileSync(path, "utf8")) as SplitFile;
  const characters = (split: SourceSplit): string[] =>
    Object.entries(splits[split]).flatMap(([alphabet, runs]) =>
      runs.flatMap(([first, last]) =>
        Array.from(
          { length: last - first + 1 },
          (_, i) => `${alphabet}/character${String(first + i).padStart(2, "0")}`,
        ),
      ),
    );
  return { train: characters("train"), val: characters("val"), test: characters("test") };
}

export const omniglot: Source = {
  description: {
    kind: "omniglot",
    summary: "Omniglot: 1,623 characters of 50 alphabets, 20 drawings each, 105 × 105 pixels, black on white",
    args: [
      {
        name: "root",
        type: "text",
        default: undefined,
        meaning:
          "the folder that holds images_background and images_evaluation, as folders or as the official zip archives",
      },
      {
        name: "rotations",
        type: "bool",
        default: true,
        meaning: "each character is four classes: turned by 0, 90, 180 and 270 degrees",
      },
      {
        name: "split",
        type: "choice",
        choices: ["vinyals", "background"],
        default: "vinyals",
        meaning: "`vinyals` (1028/172/423 characters) or `background` (964 to train on, 659 to test on)",
      },
    ],
    channels: 1,
    square: true,
    obtain:
      "images_background.zip and images_evaluation.zip from the repository brendenlake/omniglot, folder python/; they need not be unpacked",
    license: "MIT",
    download: "15 MB",
    folder: "data/omniglot",
    fetched: false,
  },
  facts(source) {
    const turns = boolArg(source, "rotations", true) ? quarterTurns.length : 1;
    const split = splitArg(source);
    const sized = (first: string, characters: number) => ({
      classes: characters * turns,
      images: characters * turns * drawingsPerCharacter,
      smallest: { name: className(first, turns > 1 ? 0 : undefined), images: drawingsPerCharacter },
    });
    if (split === "background") {
      return {
        splits: {
          train: sized("images_background/Alphabet_of_the_Magi/character01", 964),
          test: sized("images_evaluation/Angelic/character01", 659),
        },
      };
    }
    return {
      splits: {
        train: sized("images_background/Alphabet_of_the_Magi/character01", 1028),
        val: sized("images_background/Armenian/character01", 172),
        test: sized("images_evaluation/Gurmukhi/character42", 423),
      },
    };
  },
  roots: (source, places) => parts.map((part) => partPath(source, places, part)),
  async list(source, places) {
    const characters = new Map<string, ImageRef[]>();
    for (const part of parts) {
      const tree = openFileTree(source, partPath(source, places, part));
      for (const path of tree.files) {
        if (!isImage(path)) continue;
        // Inside an archive paths start with the part's own name; inside a folder they do not.
        const inner = path.startsWith(`${part}/`) ? path : `${part}/${path}`;
        const character = inner.slice(0, inner.lastIndexOf("/"));
        const image = { ...tree.image(path), name: inner };
        const found = characters.get(character);
        if (found === undefined) characters.set(character, [image]);
        else found.push(image);
      }
    }
    const names = [...characters.keys()];
    const splits: Readonly<Partial<Record<SourceSplit, readonly string[]>>> =
      splitArg(source) === "vinyals"
        ? vinyalsSplit()
        : {
            train: names.filter((name) => name.startsWith("images_background/")),
            test: names.filter((name) => name.startsWith("images_evaluation/")),
          };
    const turns = boolArg(source, "rotations", true);
    const classes = (name: string): ListedClass[] => {
      const images = characters.get(name);
      if (images === undefined) {
        throw layoutError(source, rootOf(source, places), `the character ${name} is missing`);
      }
      if (!turns) return [{ name: className(name, undefined), images }];
      return quarterTurns.map((turn) => ({
        name: className(name, turn),
        images: images.map((image) => ({ ...image, quarterTurns: turn })),
      }));
    };
    return Object.fromEntries(Object.entries(splits).map(([split, members]) => [split, members.flatMap(classes)]));
  },
};

/** Returns the name of a class: `Alphabet/characterNN`, with the angle if a character is four classes. */
function className(path: string, turn: number | undefined): string {
  const name = path.slice(path.indexOf("/") + 1);
  return turn === undefined ? name : `${name}@${90 * turn}`;
}

function splitArg(source: DataSource): "vinyals" | "background" {
  const split = textArg(source, "split", "vinyals");
  if (split === "vinyals" || split === "background") return split;
  throw badArg(source, "split", split, "`vinyals` or `background` is needed");
}

/** Returns the path of a part: its folder if it exists, and otherwise its zip archive. */
function partPath(source: DataSource, places: DataFolders, part: string): string {
  const root = rootOf(source, places);
  const unpacked = join(root, part);
  return existsSync(unpacked) ? unpacked : `${unpacked}.zip`;
}
