/** Reads a folder of class folders that are divided by folders (`train/`, `val/`, `test/`), lists of names, or fractions. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import type { DataSource, SplitName } from "../../../compiler/typed/tree.js";
import { folderFilesSync, isImage, isZip, openFileTree } from "../file-tree.js";
import { type ClassLists, classListRoots, readClassLists } from "./class-lists.js";
import {
  badArg,
  datasetFacts,
  fractionArg,
  type ListedClass,
  layoutError,
  resolvePath,
  type Source,
  splitNames,
  textArg,
} from "./source.js";

/**
 * Returns the split of a class by a hash of its name, so that a class never moves if other classes are added or removed.
 * `val` and `test` are fractions.
 */
export function splitByName(name: string, val: number, test: number): SplitName {
  const place = createHash("sha256").update(name).digest().readUInt32BE(0) / 2 ** 32;
  return place < 1 - val - test ? "train" : place < 1 - test ? "val" : "test";
}

export const folder: Source = {
  description: {
    kind: "folder",
    summary: "a folder of class folders, or of train/, val/ and test/ with class folders in them",
    args: [
      { name: "root", type: "text", default: undefined, meaning: "the folder (or zip archive)" },
      {
        name: "lists",
        type: "text",
        default: "",
        meaning:
          "a folder of train.txt, val.txt, test.txt: one class name a line; or a published split: fsl:mini-imagenet, fsl:tiered-imagenet",
      },
      {
        name: "val",
        type: "real",
        default: 0.16,
        range: [0, 1],
        meaning: "without lists and split folders: the fraction of classes for validation",
      },
      {
        name: "test",
        type: "real",
        default: 0.2,
        range: [0, 1],
        meaning: "without lists and split folders: the fraction of classes for the test",
      },
    ],
    channels: 3,
    square: false,
    obtain: "your own images: root/<class>/<image>, or root/{train,val,test}/<class>/<image>",
    licence: "that of the images",
    fetched: false,
  },
  facts(source, places) {
    const root = resolvePath(textArg(source, "root", undefined), places);
    if (isZip(root) || !existsSync(root) || !statSync(root).isDirectory()) return undefined;
    const paths = folderFilesSync(root).filter(isImage).sort();
    const classes = groupByClass(paths, source, readClassLists(source, places));
    const sized = (split: SplitName) => [...classes[split]].map(([name, paths]) => ({ name, images: paths.length }));
    return datasetFacts(Object.fromEntries(splitNames.map((split) => [split, sized(split)])));
  },
  roots: (source, places) => [
    resolvePath(textArg(source, "root", undefined), places),
    ...classListRoots(source, places),
  ],
  async list(source, places) {
    const root = resolvePath(textArg(source, "root", undefined), places);
    const tree = await openFileTree(source, root);
    const lists = readClassLists(source, places);
    const classes = groupByClass(tree.files.filter(isImage), source, lists);
    const lacking = lists === undefined ? undefined : describeMissingClasses(lists, classes);
    if (lacking !== undefined) throw layoutError(source, root, lacking);
    const listing: Partial<Record<SplitName, ListedClass[]>> = {};
    for (const split of splitNames) {
      if (classes[split].size === 0) continue;
      listing[split] = [...classes[split]].map(([name, paths]) => ({ name, images: paths.map(tree.image) }));
    }
    if (Object.keys(listing).length === 0) throw layoutError(source, root, "no class folder with images is in it");
    return listing;
  },
};

/** Groups the paths by split and class. It leaves out images without a class folder, and folders that no list names. */
function groupByClass(
  paths: readonly string[],
  source: DataSource,
  lists: ClassLists | undefined,
): Record<SplitName, Map<string, string[]>> {
  const placeOf = classFinder(paths, source, lists);
  const classes: Record<SplitName, Map<string, string[]>> = { train: new Map(), val: new Map(), test: new Map() };
  for (const path of paths) {
    const { split, name } = placeOf(path.split("/").slice(0, -1)) ?? {};
    if (split === undefined || name === undefined) continue;
    const found = classes[split].get(name);
    if (found === undefined) classes[split].set(name, [path]);
    else found.push(path);
  }
  return classes;
}

/** Describes the missing classes of the first incomplete split. A split without any of its classes is not part of the data. */
function describeMissingClasses(
  lists: ClassLists,
  classes: Readonly<Record<SplitName, ReadonlyMap<string, unknown>>>,
): string | undefined {
  for (const split of splitNames) {
    const named = [...lists].flatMap(([name, its]) => (its === split ? [name] : []));
    const absent = named.filter((name) => !classes[split].has(name));
    if (classes[split].size === 0 || absent.length === 0) continue;
    const some = `${absent.slice(0, 3).join(", ")}${absent.length > 3 ? ", …" : ""}`;
    return `the lists give ${named.length} classes to ${split}, and no folder with images is called ${some} (${absent.length} missing)`;
  }
  return undefined;
}

/** Returns the class and the split of an image from the folders that contain it. */
type ClassFinder = (
  folders: readonly string[],
) => { readonly split: SplitName | undefined; readonly name: string | undefined } | undefined;

function classFinder(paths: readonly string[], source: DataSource, lists: ClassLists | undefined): ClassFinder {
  if (lists !== undefined) {
    // The folder may be anywhere below the root, because ImageNet's folders may be in `train` and `val`.
    return (folders) => {
      const name = folders.find((folder) => lists.has(folder));
      return name === undefined ? undefined : { split: lists.get(name), name };
    };
  }
  // A class may be called `train`, as in CIFAR-100. Its images are in the folder itself, those of a split in subfolders.
  if (paths.some((path) => /^(train|val|test)\/[^/]+\/./.test(path))) {
    return ([split, name]) => ({ split: splitNames.find((known) => known === split), name });
  }
  const val = fractionArg(source, "val", 0.16);
  const test = fractionArg(source, "test", 0.2);
  if (val + test >= 1) throw badArg(source, "val", val, `together with test: ${test} it leaves nothing for training`);
  return ([name]) => (name === undefined ? undefined : { split: splitByName(name, val, test), name });
}
