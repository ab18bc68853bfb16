/** Describes what lies in a folder of data, and names the nearest layout that fslc reads with the way to get there. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { endingOf, type FileTree, isImage } from "../file-tree.js";
import { splitNames } from "./source.js";

/** Returns texts with the number of times that each occurs, the most frequent first. */
export function countBy(texts: Iterable<string>): [string, number][] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** Returns the first few items and how many more there are. */
export function some(items: readonly string[], most = 4): string {
  const rest = items.length - most;
  return rest > 0 ? `${items.slice(0, most).join(", ")} and ${rest} more` : items.join(", ");
}

export function plural(n: number, word: string, words = `${word}s`): string {
  return `${n} ${n === 1 ? word : words}`;
}

/** Returns the number of files by type: "40 images (.png), 20 .heic, 1 .csv". */
export function describeTypes(files: readonly string[]): string {
  const images = files.filter(isImage);
  const others = countBy(files.filter((file) => !isImage(file)).map(endingOf)).map(([ending, n]) =>
    ending === "no ending" ? `${n} without an ending` : `${n} ${ending}`,
  );
  const types = countBy(images.map(endingOf)).map(([ending]) => ending);
  const named = images.length === 0 ? [] : [`${plural(images.length, "image")} (${some(types)})`];
  return [...named, ...(others.length > 0 ? [some(others, 6)] : [])].join(", ");
}

/** Returns lines that say what lies at the root: its folders with their numbers of files, and its files by type. */
export function describeTree({ root, kind, files }: FileTree): string[] {
  if (files.length === 0) return [`${root} is empty`];
  const folders = countBy(files.flatMap((file) => (file.includes("/") ? [file.slice(0, file.indexOf("/"))] : [])));
  const names = [...folders].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([name, n]) => `${name}/ (${n})`);
  const top = files.filter((file) => !file.includes("/"));
  const place = `${kind === "archive" ? "the archive " : ""}${root}`;
  if (folders.length === 0) {
    return [`${plural(files.length, "file")} directly in ${place}, and no folder: ${describeTypes(files)}`];
  }
  const inFolders = `${plural(folders.length, "folder")}: ${some(names, 6)}`;
  const loose = top.length === 0 ? [] : [`directly in it ${describeTypes(top)}`];
  return [`${plural(files.length, "file")} in ${place}: ${describeTypes(files)}`, [inFolders, ...loose].join("; ")];
}

/** The names of splits in other projects. */
const otherNames: Readonly<Record<string, string>> = {
  training: "train",
  base: "train",
  meta_train: "train",
  metatrain: "train",
  background: "train",
  valid: "val",
  validation: "val",
  validate: "val",
  dev: "val",
  meta_val: "val",
  metaval: "val",
  meta_valid: "val",
  testing: "test",
  novel: "test",
  meta_test: "test",
  metatest: "test",
  eval: "test",
  evaluation: "test",
};

/** Returns the split that a folder probably is, or undefined: `Train`, `valid` and `meta-test` are, `train` itself is not. */
export function meantSplit(name: string): string | undefined {
  const plain = name
    .toLowerCase()
    .replaceAll(/[-_ ]+/g, "_")
    .replace(/^\d+_|_?(set|images|imgs|data|split)$/g, "");
  const found = splitNames.find((split) => split === plain) ?? otherNames[plain];
  return found === name ? undefined : found;
}

const arrays = new Set([
  ".pkl",
  ".pickle",
  ".npy",
  ".npz",
  ".pt",
  ".pth",
  ".h5",
  ".hdf5",
  ".mat",
  ".tfrecord",
  ".lmdb",
  ".mdb",
  ".parquet",
  ".arrow",
  ".bin",
  ".zarr",
]);
const archives = new Set([".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"]);

/** Returns the ways to the nearest layouts that a source reads, the most likely first. `kind` is the name of the source. */
export function nearestLayout(tree: FileTree, kind: string): string[] {
  const { files, root } = tree;
  const images = files.filter(isImage);
  return [
    ...renamedSplits(images),
    ...deeperRoot(tree, images),
    ...higherRoot(tree, images),
    ...otherSource(tree, kind),
    ...splitsInClasses(images),
    ...flatImages(tree, images),
    ...unreadableTypes(files, root),
  ].slice(0, 3);
}

/**
 * Returns signs that the top folders are no classes: folders of splits under other names or further down, splits inside of
 * the classes, or the layout of another source.
 */
export function signsOfNoClasses(tree: FileTree, kind: string): string[] {
  const images = tree.files.filter(isImage);
  return [
    ...renamedSplits(images),
    ...deeperRoot(tree, images),
    ...otherSource(tree, kind),
    ...splitsInClasses(images),
  ];
}

/** `Train/` or `valid/` where `train/` or `val/` is read. */
function renamedSplits(images: readonly string[]): string[] {
  const tops = new Set(images.flatMap((path) => (/^[^/]+\/[^/]+\/./.test(path) ? [path.split("/")[0] ?? ""] : [])));
  const renames = [...tops].flatMap((name) => {
    const split = meantSplit(name);
    return split === undefined || tops.has(split) ? [] : [`\`${name}\` to \`${split}\``];
  });
  if (renames.length === 0) return [];
  return [`the folders of splits are called train, val and test, in small letters: rename ${renames.join(", ")}`];
}

/** A folder further down that has train, val and test: `root` is too high. */
function deeperRoot({ written, kind }: FileTree, images: readonly string[]): string[] {
  const found = new Map<string, Set<string>>();
  for (const path of images) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length - 2; i++) {
      const part = parts[i] ?? "";
      if (!splitNames.some((split) => split === part) && meantSplit(part) === undefined) continue;
      const above = parts.slice(0, i).join("/");
      found.set(above, (found.get(above) ?? new Set()).add(part));
    }
  }
  const best = [...found].filter(([, splits]) => splits.size > 1).sort((a, b) => a[0].length - b[0].length)[0];
  if (best === undefined) return [];
  const inside = `\`${best[0]}\` in it has ${[...best[1]].sort().join(", ")}`;
  if (kind === "archive") return [`${inside}: unpack the archive and name that folder`];
  return [`${inside}: \`root\` is too high, write \`${join(written, best[0])}\``];
}

/** The root is one of the folders train, val and test, or one class: `root` is too deep. */
export function higherRoot({ root, written, kind }: FileTree, images: readonly string[]): string[] {
  if (kind === "archive" || images.length === 0) return [];
  const above = dirname(root);
  const siblings = foldersIn(above);
  const isSplit = (name: string) => splitNames.some((split) => split === name) || meantSplit(name) !== undefined;
  const splits = siblings.filter(isSplit);
  if (isSplit(basename(root)) && splits.length > 1) {
    return [`${above} has ${splits.join(", ")}: \`root\` is too deep, write \`${join(written, "..")}\``];
  }
  const flat = images.every((path) => !path.includes("/"));
  if (flat && siblings.length > 1 && siblings.every((name) => hasImage(join(above, name)))) {
    const higher = join(written, ...(isSplit(basename(above)) ? ["..", ".."] : [".."]));
    return [
      `${above} has ${plural(siblings.length, "folder")} with images, and this is one of them: \`root\` is too deep, write \`${higher}\``,
    ];
  }
  return [];
}

function foldersIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .filter((e) => !e.name.startsWith(".") && e.isDirectory())
      .map((e) => e.name)
      .sort();
  } catch {
    return [];
  }
}
function hasImage(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory() && readdirSync(path).slice(0, 50).some(isImage);
}

/** The files that identify the layout of another source. */
function otherSource({ files }: FileTree, kind: string): string[] {
  const has = (pattern: RegExp) => files.some((file) => pattern.test(file));
  const layouts: readonly (readonly [string, boolean, string])[] = [
    ["csv", has(/^(train|val|test)\.csv$/) && has(/^images\//), "train.csv, val.csv or test.csv and images/"],
    ["cub", has(/(^|\/)image_class_labels\.txt$/), "the lists of CUB-200-2011"],
    ["omniglot", has(/^images_(background|evaluation)(\/|\.zip$)/), "the parts of Omniglot"],
    ["cifar100", has(/(^|\/)(fine_label_names\.txt|cifar-100-(binary|python)\.tar\.gz)$/), "the archives of CIFAR-100"],
    ["folder", has(/^(train|val|test)\/[^/]+\/[^/]+$/), "folders train, val or test with class folders"],
  ];
  const found = layouts.find(([name, fits]) => fits && name !== kind);
  return found === undefined ? [] : [`it has ${found[2]}: read it with the source \`${found[0]}(…)\``];
}

/** Splits inside of the class folders: `cat/train/1.png`. */
function splitsInClasses(images: readonly string[]): string[] {
  const inner = images.filter((path) => {
    const parts = path.split("/");
    return (
      parts.length === 3 && (splitNames.some((split) => split === parts[1]) || meantSplit(parts[1] ?? "") !== undefined)
    );
  });
  if (inner.length === 0 || inner.length < images.length / 2) return [];
  const [name, split] = (inner[0] ?? "").split("/");
  return [
    `the splits are inside of the classes (${name}/${split}/…). Few-shot splits divide the classes: put each class into one of train/, val/ and test/`,
  ];
}

/** Images without class folders. */
function flatImages({ files }: FileTree, images: readonly string[]): string[] {
  const flat = images.filter((path) => !path.includes("/") || /^(train|val|test|images|data)\/[^/]+$/i.test(path));
  if (flat.length === 0 || flat.length < images.length / 2) return [];
  const first = flat[0] ?? "";
  const name = first.slice(first.lastIndexOf("/") + 1);
  const prefix = /^(.+?)[_\-. ]+\d+\.\w+$/.exec(name)?.[1] ?? /^(.*?[^\d_\-. ])\d+\.\w+$/.exec(name)?.[1];
  const where = first.includes("/") ? `directly in ${first.slice(0, first.lastIndexOf("/"))}/` : "directly in it";
  const lists = files.some((file) => /\.(csv|tsv)$/i.test(file))
    ? ", or list them in train.csv, val.csv and test.csv for `csv(…)`"
    : "";
  const example = prefix === undefined ? "" : `: ${first} would be ${prefix}/${name}`;
  return [
    `${plural(flat.length, "image")} lie${flat.length === 1 ? "s" : ""} ${where}, without a folder for each class. Make one folder per class${example}${lists}`,
  ];
}

/** Files that hold images in a form that is not read. */
function unreadableTypes(files: readonly string[], root: string): string[] {
  const others = files.filter((file) => !isImage(file));
  const lines: string[] = [];
  const [packed] = countBy(others.map(endingOf).filter((ending) => archives.has(ending)));
  if (packed !== undefined) {
    const file = others.find((path) => endingOf(path) === packed[0]) ?? "";
    const zip = packed[0] === ".zip" ? ` or name the archive itself, ${join(root, file)}` : "";
    lines.push(`${file} is an archive: unpack it${zip}`);
  }
  const [stored] = countBy(others.map(endingOf).filter((ending) => arrays.has(ending)));
  if (stored !== undefined) {
    lines.push(
      `${plural(stored[1], `${stored[0]} file`)} may hold images as arrays, which are not read: write each image to a PNG in a folder of its class`,
    );
  }
  const pictures = leftOutPictures(others).filter((file) => ![arrays, archives].some((set) => set.has(endingOf(file))));
  if (pictures.length > 0) lines.push(convertHelp);
  return lines;
}

export const convertHelp =
  "fslc reads PNG, JPEG, GIF, WebP, TIFF, AVIF, SVG, BMP and PNM. Convert the others, for example to PNG";

/** The endings that are not of images: a file with one of them in a class folder is no missing image. */
const notes = new Set([
  ".txt",
  ".md",
  ".json",
  ".xml",
  ".csv",
  ".tsv",
  ".yml",
  ".yaml",
  ".html",
  ".htm",
  ".log",
  ".ini",
  ".py",
  ".sh",
  ".pdf",
  ".db",
  ".lnk",
  ".url",
  ".rst",
  ".license",
  ".cfg",
  ".toml",
  ".sha256",
  ".md5",
  ".bak",
  ".tmp",
]);

/** Returns the files that may be images which fslc does not read. Notes and lists are not among them. */
export function leftOutPictures(files: readonly string[]): string[] {
  return files.filter((file) => {
    if (isImage(file)) return false;
    const ending = endingOf(file);
    return (
      !notes.has(ending) &&
      !(
        ending === "no ending" &&
        /^(readme|licen[cs]e|copying|makefile|changelog)$/i.test(file.slice(file.lastIndexOf("/") + 1))
      )
    );
  });
}
