/** Reads CUB-200-2011 (Wah et al. 2011) in its own layout, with one of its published splits. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DataSource, DatasetFacts, SourceSplit } from "../../../compiler/typed/tree.js";
import { type FileTree, openFileTree, textError } from "../file-tree.js";
import { readTextFile } from "../text-file.js";
import { cubAttributes } from "./cub-attributes.js";
import { parsePairs } from "./cub-pairs.js";
import { describeTree, nearestLayout } from "./overview.js";
import { boxOfText } from "./published/boxes.js";
import { byList, type Divisions, divisionOf, splitArgument } from "./published/divisions.js";
import { requireReadableRoot } from "./root.js";
import {
  type DataFolders,
  datasetFacts,
  type ImageRef,
  type Listing,
  layoutError,
  rootOf,
  type Source,
  splitNames,
  textArg,
} from "./source.js";

/** Returns the split of a class by its number from 0: even numbers train, 1 mod 4 validation, 3 mod 4 test. */
export function cubSplit(index: number): SourceSplit {
  return index % 2 === 0 ? "train" : index % 4 === 1 ? "val" : "test";
}

const divisions = {
  closer_look: {
    meaning: "100/50/50 classes by their numbers (Chen et al. 2019)",
    split: (_: unknown, place: number) => cubSplit(place),
  },
  li2019: byList("cub-li2019", "130/20/50 classes (Li et al. 2019)"),
  meta_dataset: byList("cub-meta-dataset", "140/30/30 classes (Meta-Dataset)"),
} satisfies Divisions;

export const cub: Source = {
  description: {
    kind: "cub",
    summary: "CUB-200-2011: 200 species of birds, 11,788 photos, split into 100/50/50 classes",
    args: [
      {
        name: "root",
        type: "text",
        default: undefined,
        meaning: "the folder CUB_200_2011 of the archive (or a zip of it)",
      },
      splitArgument(divisions),
    ],
    channels: 3,
    square: false,
    boxes: true,
    describes: [{ name: "attribute", meaning: "the share of people who saw each of 312 attributes on a class" }],
    obtain:
      "CUB_200_2011.tgz from the dataset's page at Caltech (search for “CUB-200-2011”); unpack it: the root has images.txt, image_class_labels.txt, classes.txt and images/",
    license: "photos of many authors, for non-commercial research and education",
    download: "1.1 GB",
    folder: "data/CUB_200_2011",
    needs: ["images.txt", "image_class_labels.txt", "classes.txt", "images/"],
    fetched: false,
  },
  facts(source, places) {
    const root = rootOf(source, places);
    const isDefault = textArg(source, "split", "closer_look") === "closer_look";
    const published = isDefault ? closerLook : undefined;
    if (!existsSync(root)) return published;
    const found = openCub(source, places);
    requireImages(source, found);
    if (found.tree.kind === "archive") return published; // Its texts are compressed, and are read with the images.
    const listing = divide(source, found, (path) => textOf(found.tree, path));
    const sized = (split: SourceSplit) =>
      (listing[split] ?? []).map(({ name, images }) => ({ name, images: images.length }));
    return {
      ...datasetFacts(Object.fromEntries(splitNames.map((split) => [split, sized(split)]))),
      seen: describeTree(found.tree),
    };
  },
  describe: cubAttributes,
  roots: (source, places) => [rootOf(source, places)],
  async list(source, places) {
    const found = openCub(source, places);
    requireImages(source, found);
    return await readCub(source, found);
  },
};

const closerLook: DatasetFacts = {
  splits: {
    train: { classes: 100, images: 5885, smallest: { name: "005.Crested_Auklet", images: 44 } },
    val: { classes: 50, images: 2950, smallest: { name: "006.Least_Auklet", images: 41 } },
    test: { classes: 50, images: 2953, smallest: { name: "008.Rhinoceros_Auklet", images: 48 } },
  },
};

/** The files of the archive, and the folder in them that has the lists. */
export interface CubFiles {
  readonly tree: FileTree;
  readonly base: string;
}

/** Opens the data. @throws DiagnosticError FSL6002 if a list is missing. */
export function openCub(source: DataSource, places: DataFolders): CubFiles {
  const root = rootOf(source, places);
  requireReadableRoot(source, root);
  const tree = openFileTree(source, root);
  const marker = tree.files.find((path) => path === "images.txt" || path.endsWith("/images.txt"));
  const help = [...nearestLayout(tree, "cub"), ...describeTree(tree)];
  if (marker === undefined) throw layoutError(source, root, "there is no images.txt", { help });
  const base = marker.slice(0, -"images.txt".length);
  for (const needed of ["classes.txt", "image_class_labels.txt"]) {
    if (!tree.has(base + needed)) throw layoutError(source, root, `there is no ${needed} beside images.txt`, { help });
  }
  return { tree, base };
}

/** @throws DiagnosticError FSL6002 if there is no folder images/ with files. */
function requireImages(source: DataSource, { tree, base }: CubFiles): void {
  if (tree.files.some((path) => path.startsWith(`${base}images/`))) return;
  const help = [
    "the archive CUB_200_2011.tgz has images/ beside images.txt: unpack all of it, and do not rename its folders",
    ...describeTree(tree),
  ];
  const named = tree.kind === "folder" ? parsePairs("images.txt", textOf(tree, `${base}images.txt`)).length : undefined;
  const all = named === undefined ? "all of its images" : `${named} of ${named} images that images.txt names`;
  throw layoutError(source, tree.root, `${all} are missing: there is no folder images/ beside images.txt`, { help });
}

/** Reads the lists and gives each image its class and split. @throws DiagnosticError FSL6002 if images are missing or lead elsewhere. */
export async function readCub(source: DataSource, found: CubFiles): Promise<Listing> {
  const texts = new Map<string, string>();
  for (const name of ["classes.txt", "image_class_labels.txt", "images.txt", boxList]) {
    if (found.tree.has(found.base + name)) texts.set(found.base + name, await found.tree.text(found.base + name));
  }
  return divide(source, found, (path) => texts.get(path) ?? "");
}

function textOf({ root }: FileTree, path: string): string {
  try {
    return readTextFile(join(root, path));
  } catch (error) {
    throw textError(path, error);
  }
}

/** The list of boxes, which only the transform `box` needs. */
const boxList = "bounding_boxes.txt";

function divide(source: DataSource, { tree, base }: CubFiles, text: (path: string) => string): Listing {
  const read = (name: string) => parsePairs(base + name, text(base + name));
  const classes = read("classes.txt");
  const labels = new Map(read("image_class_labels.txt"));
  const byClass = new Map<string, ImageRef[]>(classes.map(([id]) => [id, []]));
  const pairs = read("images.txt");
  const boxes = new Map(tree.has(base + boxList) ? read(boxList) : []);
  const missing: string[] = [];
  for (const [id, path] of pairs) {
    const images = byClass.get(labels.get(id) ?? "");
    if (images === undefined) throw layoutError(source, tree.root, `image ${id} of images.txt has no class`);
    if (leavesFolder(path))
      throw layoutError(source, tree.root, `the path of image ${id} in images.txt is not inside of images/`);
    if (!tree.has(`${base}images/${path}`)) missing.push(path);
    const box = boxOfText(boxes.get(id) ?? "");
    images.push({ ...tree.image(`${base}images/${path}`), ...(box === undefined ? {} : { box }) });
  }
  if (missing.length > 0 && missing.length < pairs.length) {
    const problem = `${missing.length} of the ${pairs.length} images that images.txt names are missing; the first is images/${missing[0]}`;
    throw layoutError(source, tree.root, problem, { help: describeTree(tree) });
  }
  const division = divisionOf(source, divisions);
  const listed = classes.map(([id, name]) => ({ id: Number(id) - 1, name, images: byClass.get(id) ?? [] }));
  return Object.fromEntries(
    splitNames.map((split) => [
      split,
      listed.filter((one) => division.split(one, one.id) === split).map(({ name, images }) => ({ name, images })),
    ]),
  );
}

/** Returns true for a path that is absolute or leaves its folder. */
function leavesFolder(path: string): boolean {
  return /^([/\\]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes("..");
}
