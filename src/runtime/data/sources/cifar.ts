/** Reads CIFAR-100 (Krizhevsky 2009) with its few-shot splits from its official archives or from pictures in class folders. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DataSource, SourceSplit } from "../../../compiler/typed/tree.js";
import { packageRoot } from "../../system/package.js";
import { isImage, isTarGz, openFileTree } from "../file-tree.js";
import type { ArchiveKind } from "./cifar-archives.js";
import { describeTree, nearestLayout } from "./overview.js";
import {
  badArg,
  type DataFolders,
  datasetFacts,
  type ImageRef,
  layoutError,
  rootOf,
  type Source,
  splitNames,
  textArg,
} from "./source.js";

/** The number of images of each class: 500 in the training part of CIFAR-100 and 100 in its test part. */
const imagesPerClass = 600;

interface SplitFile {
  /** The classes of each split, by superclass. */
  readonly splits: Readonly<Record<SourceSplit, Readonly<Record<string, readonly string[]>>>>;
}
/** Returns the classes of each split of CIFAR-FS (64/16/20) or FC100 (60/20/20) in the published order. */
export function cifarSplit(name: "cifar_fs" | "fc100"): Readonly<Record<SourceSplit, readonly string[]>> {
  const path = join(packageRoot, "specs", "splits", `${name.replace("_", "-")}.json`);
  const { splits } = JSON.parse(readFileSync(path, "utf8")) as SplitFile;
  const classes = (split: SourceSplit): string[] => Object.values(splits[split]).flat();
  return { train: classes("train"), val: classes("val"), test: classes("test") };
}

export const cifar100: Source = {
  description: {
    kind: "cifar100",
    summary: "CIFAR-100: 100 classes of 600 photos, 32 × 32 pixels, split as CIFAR-FS or FC100",
    args: [
      {
        name: "root",
        type: "text",
        default: undefined,
        meaning:
          "cifar-100-binary.tar.gz or cifar-100-python.tar.gz, or a folder that holds one, packed or unpacked; or a folder or zip archive with PNGs in class folders",
      },
      {
        name: "split",
        type: "choice",
        choices: ["cifar_fs", "fc100"],
        default: "cifar_fs",
        meaning: "`cifar_fs` (64/16/20 classes) or `fc100` (60/20/20 classes, whole superclasses)",
      },
    ],
    channels: 3,
    square: true,
    size: 32,
    obtain:
      "cifar-100-binary.tar.gz or cifar-100-python.tar.gz from the dataset's page at the University of Toronto (search for “CIFAR-100”), 161 MB; it need not be unpacked",
    license: "none stated; photos from the web, for research (cite Krizhevsky 2009)",
    download: "161 MB",
    folder: "data/cifar-100",
    fetched: false,
  },
  facts(source) {
    const classes = cifarSplit(splitArg(source));
    const sized = (split: SourceSplit) => classes[split].map((name) => ({ name, images: imagesPerClass }));
    return datasetFacts(Object.fromEntries(splitNames.map((split) => [split, sized(split)])));
  },
  roots: (source, places) => [locateData(source, places).path],
  async list(source, places) {
    const split = cifarSplit(splitArg(source));
    const { path, kind } = locateData(source, places);
    const images = await readClasses(source, path, kind, new Set(splitNames.flatMap((name) => split[name])));
    const listed = (name: string) => {
      const found = images.get(name) ?? [];
      if (found.length !== imagesPerClass) {
        const parts = found.length === 500 || found.length === 100 ? "; its train and test parts are both needed" : "";
        throw layoutError(
          source,
          path,
          `the class ${name} has ${found.length} images where it has ${imagesPerClass}${parts}`,
        );
      }
      return { name, images: found };
    };
    return Object.fromEntries(splitNames.map((name) => [name, split[name].map(listed)]));
  },
};

function splitArg(source: DataSource): "cifar_fs" | "fc100" {
  const split = textArg(source, "split", "cifar_fs");
  if (split === "cifar_fs" || split === "fc100") return split;
  throw badArg(source, "split", split, "`cifar_fs` or `fc100` is needed");
}

/** The files that identify an unpacked archive. `train` and `test` do not, because they may be folders of pictures. */
const classNameFiles = { binary: "fine_label_names.txt", python: "meta" } as const;
const kinds: readonly ArchiveKind[] = ["binary", "python"];

/** Returns the path to read and its kind: an archive, the folder of an unpacked archive, or otherwise a tree of pictures. */
function locateData(
  source: DataSource,
  places: DataFolders,
): { readonly path: string; readonly kind: ArchiveKind | "archive" | "pictures" } {
  const root = rootOf(source, places);
  if (isTarGz(root)) return { path: root, kind: "archive" };
  for (const kind of kinds) {
    for (const folder of [root, join(root, `cifar-100-${kind}`)]) {
      if (isFile(join(folder, classNameFiles[kind]))) return { path: folder, kind };
    }
  }
  for (const kind of kinds) {
    const path = join(root, `cifar-100-${kind}.tar.gz`);
    if (existsSync(path)) return { path, kind: "archive" };
  }
  return { path: root, kind: "pictures" };
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

async function readClasses(
  source: DataSource,
  path: string,
  kind: ArchiveKind | "archive" | "pictures",
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly ImageRef[]>> {
  if (kind === "pictures") return await readPictureFolders(source, path, names);
  // This is loaded only to read data, because `fslc check` loads every source and reads none.
  const { archiveImages, archiveMembers, folderMembers } = await import("./cifar-archives.js");
  try {
    const archive = kind === "archive" ? await archiveMembers(path) : { kind, members: folderMembers(path) };
    return await archiveImages(archive.kind, archive.members);
  } catch (error) {
    throw layoutError(source, path, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Returns the pictures by the name of their folder, at any depth: `apple/…`, `train/apple/…`, `test/apple/…`, `data/apple/…`. */
async function readPictureFolders(
  source: DataSource,
  root: string,
  names: ReadonlySet<string>,
): Promise<Map<string, ImageRef[]>> {
  const tree = openFileTree(source, root);
  const classes = new Map<string, ImageRef[]>();
  for (const path of tree.files.filter(isImage)) {
    const name = path.split("/").at(-2);
    if (name === undefined || !names.has(name)) continue;
    const found = classes.get(name);
    if (found === undefined) classes.set(name, [tree.image(path)]);
    else found.push(tree.image(path));
  }
  if (classes.size === 0) {
    throw layoutError(source, root, "neither an archive of CIFAR-100 nor class folders with images are in it", {
      help: [...nearestLayout(tree, "cifar100"), ...describeTree(tree)],
    });
  }
  return classes;
}
