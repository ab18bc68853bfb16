/** Reads a folder of class folders that are divided by folders (`train/`, `val/`, `test/`), lists of names, or fractions. */
import { createHash } from "node:crypto";
import { diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataFinding, DataSource, SourceSplit } from "../../../compiler/typed/tree.js";
import { endingOf, type FileTree, isImage, openFileTree } from "../file-tree.js";
import { type ClassLists, classListRoots, readClassLists } from "./class-lists.js";
import {
  convertHelp,
  countBy,
  describeTree,
  higherRoot,
  leftOutPictures,
  nearestLayout,
  plural,
  signsOfNoClasses,
  some,
} from "./overview.js";
import { requireReadableRoot } from "./root.js";
import {
  badArg,
  type DataFolders,
  datasetFacts,
  fractionArg,
  type ListedClass,
  layoutError,
  remark,
  rootOf,
  type Source,
  splitNames,
} from "./source.js";

/**
 * Returns the split of a class by a hash of its name, so that a class never moves if other classes are added or removed.
 * `val` and `test` are fractions.
 */
export function splitByName(name: string, val: number, test: number): SourceSplit {
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
          "a folder of train.txt, val.txt, test.txt: one class name a line; or a published split, such as fsl:mini-imagenet",
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
    license: "that of the images",
    fetched: false,
  },
  facts(source, places) {
    const read = readFolder(source, places);
    const { tree, classes } = read;
    const sized = (split: SourceSplit) => [...classes[split]].map(([name, paths]) => ({ name, images: paths.length }));
    return {
      ...datasetFacts(Object.fromEntries(splitNames.map((split) => [split, sized(split)]))),
      seen: [...nearestLayout(below(read), "folder"), ...describeTree(tree), ...describeDivision(read)],
      findings: [...sharedClasses(classes), ...leftOut(read)],
    };
  },
  roots: (source, places) => [rootOf(source, places), ...classListRoots(source, places)],
  async list(source, places) {
    const { tree, classes } = readFolder(source, places);
    const listing: Partial<Record<SourceSplit, ListedClass[]>> = {};
    for (const split of splitNames) {
      if (classes[split].size === 0) continue;
      listing[split] = [...classes[split]].map(([name, paths]) => ({ name, images: paths.map(tree.image) }));
    }
    return listing;
  },
};

type Classes = Readonly<Record<SourceSplit, ReadonlyMap<string, readonly string[]>>>;
/** A folder with its images by split and class. */
interface FolderRead {
  readonly tree: FileTree;
  readonly classes: Classes;
  readonly finder: ClassFinder;
  /** The folders that contain everything in an archive: `mydata/`, or nothing. */
  readonly base: string;
}

/** Lists the folder and divides its images. @throws DiagnosticError FSL6002 if there is no class, or if listed classes are missing. */
function readFolder(source: DataSource, places: DataFolders): FolderRead {
  const root = rootOf(source, places);
  requireReadableRoot(source, root);
  const tree = openFileTree(source, root);
  const folders = new Set(tree.files.flatMap((path) => path.split("/").slice(0, -1)));
  const lists = readClassLists(source, places, (name) => folders.has(name));
  const images = tree.files.filter(isImage);
  const base = tree.kind === "archive" ? commonTop(images) : "";
  const finder = classFinder(
    images.map((path) => path.slice(base.length)),
    source,
    lists,
  );
  const classes = groupByClass(images, base, finder);
  if (splitNames.every((split) => classes[split].size === 0)) {
    const help = [
      ...(lists === undefined ? [] : listsHelp(lists, images)),
      ...nearestLayout(tree, "folder"),
      ...describeTree(tree),
    ];
    const problem =
      lists === undefined || images.length === 0
        ? "no class folder with images is in it"
        : `no folder with images has one of the ${lists.size} names of the lists`;
    throw layoutError(source, root, problem, { help });
  }
  const lacking = lists === undefined ? undefined : describeMissingClasses(lists, classes);
  if (lacking !== undefined) throw layoutError(source, root, lacking, { help: describeTree(tree) });
  return { tree, classes, finder, base };
}

/** Returns help for lists that hold something else than names of classes. */
function listsHelp(lists: ClassLists, images: readonly string[]): string[] {
  const first = [...lists.keys()].find((name) => isImage(name));
  if (first === undefined) return ["a list has the name of one class folder per line"];
  const folders = new Set(images.flatMap((path) => foldersOf(path, "")));
  const parts = first.split(/[/,;\s]+/);
  const name = parts.find((part) => folders.has(part)) ?? parts[0];
  return [`a list has one class name per line, not paths of images: write \`${name}\` once instead of \`${first}\``];
}

/** Returns the folders that contain all images, above the folders of splits or classes. */
function commonTop(images: readonly string[]): string {
  let base = "";
  for (;;) {
    const inner = images.map((path) => path.slice(base.length));
    const top = inner[0]?.split("/")[0] ?? "";
    const whole = inner.every((path) => path.startsWith(`${top}/`) && path.split("/").length > 2);
    if (images.length === 0 || !whole || hasSplitFolders(inner)) return base;
    base += `${top}/`;
  }
}

/** Groups the paths by split and class. It leaves out images without a class folder, and folders that no list names. */
function groupByClass(paths: readonly string[], base: string, { find }: ClassFinder): Classes {
  const classes: Record<SourceSplit, Map<string, string[]>> = { train: new Map(), val: new Map(), test: new Map() };
  for (const path of paths) {
    const { split, name } = find(foldersOf(path, base)) ?? {};
    if (split === undefined || name === undefined) continue;
    const found = classes[split].get(name);
    if (found === undefined) classes[split].set(name, [path]);
    else found.push(path);
  }
  return classes;
}
function foldersOf(path: string, base: string): string[] {
  return path.slice(base.length).split("/").slice(0, -1);
}

/** Says how the classes were divided, and how else they can be. */
function describeDivision({ finder, classes, tree, base }: FolderRead): string[] {
  const top = base === "" ? [] : [`all images are in ${base}, which is read as the root`];
  const sizes = splitNames.map((split) => `${classes[split].size} ${split}`).join(", ");
  if (finder.by === "lists") return [...top, `the lists divide the classes: ${sizes}`];
  if (finder.by === "folders") return [...top, `the folders train/, val/ and test/ divide the classes: ${sizes}`];
  const all = splitNames.reduce((sum, split) => sum + classes[split].size, 0);
  return [
    ...top,
    `${tree.root} has no train/, val/ or test/ with class folders, so a hash of the names divides its ${plural(all, "class folder")}: ${sizes}. To choose: make folders train/, val/ and test/, or give lists of names (\`lists: "FOLDER"\`), or other fractions (\`val: 0.2, test: 0.4\`)`,
  ];
}

/** Returns the tree without the folders that contain everything in an archive, because those are passed over. */
function below({ tree, base }: Pick<FolderRead, "tree" | "base">): FileTree {
  return base === ""
    ? tree
    : { ...tree, files: tree.files.flatMap((path) => (path.startsWith(base) ? [path.slice(base.length)] : [])) };
}

/** Finds classes that are in several splits. */
function sharedClasses(classes: Classes): DataFinding[] {
  const first = new Map<string, SourceSplit>();
  const shared: [string, SourceSplit, SourceSplit][] = [];
  for (const split of splitNames) {
    for (const name of classes[split].keys()) {
      const other = first.get(name);
      if (other === undefined) first.set(name, split);
      else shared.push([name, other, split]);
    }
  }
  const [worst] = shared;
  if (worst === undefined) return [];
  const made = diagnostic("FSL6007", undefined, { class: worst[0], first: worst[1], second: worst[2] });
  const others = [...new Set(shared.map(([name]) => name))].slice(1);
  const help = [
    ...(others.length === 0 ? [] : [`so ${others.length === 1 ? "is" : "are"} ${some(others)}`]),
    "to test on new classes, move all images of a class into one split",
    "to test on new images of the same classes, write `classes shared` into the dataset, or make two datasets with two roots, one with train/ and one with test/",
  ];
  return [{ code: made.code, severity: made.severity, message: made.message, help }];
}

/** Finds files that are left out: pictures of types that are not read, and images that are in no class of a split. */
function leftOut({ tree, finder, base }: FolderRead): DataFinding[] {
  const others = leftOutPictures(tree.files).filter((path) => finder.find(foldersOf(path, base))?.name !== undefined);
  const found: DataFinding[] = [];
  const signs = finder.by === "hash" ? signsOfNoClasses(below({ tree, base }), "folder") : [];
  if (signs.length > 0) {
    const tops = [...new Set(tree.files.filter(isImage).map((path) => foldersOf(path, base)[0] ?? ""))].filter(
      (top) => top !== "",
    );
    found.push(
      remark(
        tops.length === 1
          ? `the folder ${tops[0]} in ${tree.root} is read as a class, but it is probably not one`
          : `the folders in ${tree.root} are read as classes (${some(tops)}), but they are probably not classes`,
        signs,
      ),
    );
  }
  const higher = finder.by === "hash" ? higherRoot(tree, tree.files.filter(isImage)) : [];
  if (higher.length > 0) {
    found.push(
      remark(`${tree.root} is the folder of one split, and a hash of the names divides its classes again`, higher),
    );
  }
  if (others.length > 0) {
    const types = countBy(others.map(endingOf)).map(
      ([ending, n]) => `${n} ${ending === "no ending" ? "without an ending" : ending}`,
    );
    found.push(
      remark(
        `${plural(others.length, "file")} in class folders ${others.length === 1 ? "is" : "are"} left out: ${types.join(", ")}; the first is ${others[0]}`,
        [convertHelp],
      ),
    );
  }
  const unplaced =
    finder.by === "lists"
      ? []
      : tree.files.filter((path) => {
          const { split, name } = finder.find(foldersOf(path, base)) ?? {};
          return isImage(path) && (split === undefined || name === undefined);
        });
  if (unplaced.length > 0) {
    const where = finder.by === "folders" ? "in no class folder of train/, val/ or test/" : "in no class folder";
    const help = nearestLayout(below({ tree, base }), "folder").slice(0, 1);
    found.push(
      remark(
        `${plural(unplaced.length, "image")} ${unplaced.length === 1 ? "is" : "are"} left out, because ${unplaced.length === 1 ? "it is" : "they are"} ${where}; the first is ${unplaced[0]}`,
        help,
      ),
    );
  }
  if (tree.doubtfulName !== undefined) {
    found.push(
      remark(`the names in ${tree.root} are not UTF-8 and are read as code page 437; one is ${tree.doubtfulName}`, [
        "the names of classes may look wrong, but none are mixed up. For the right names make the archive again with UTF-8 names, or unpack it",
      ]),
    );
  }
  return found;
}

/** Describes the missing classes of the first incomplete split. A split without any of its classes is not part of the data. */
function describeMissingClasses(
  lists: ClassLists,
  classes: Readonly<Record<SourceSplit, ReadonlyMap<string, unknown>>>,
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

/** Finds the class and the split of an image from the folders that contain it. */
interface ClassFinder {
  readonly by: "lists" | "folders" | "hash";
  readonly find: (
    folders: readonly string[],
  ) => { readonly split: SourceSplit | undefined; readonly name: string | undefined } | undefined;
}

/** Returns true if there are folders of splits. A class may be called `train`, as in CIFAR-100. Its images are in the folder itself, those of a split in subfolders. */
function hasSplitFolders(paths: readonly string[]): boolean {
  return paths.some((path) => /^(train|val|test)\/[^/]+\/./.test(path));
}

function classFinder(paths: readonly string[], source: DataSource, lists: ClassLists | undefined): ClassFinder {
  if (lists !== undefined) {
    // The folder may be anywhere below the root, because ImageNet's folders may be in `train` and `val`.
    const find: ClassFinder["find"] = (folders) => {
      const name = folders.find((folder) => lists.has(folder));
      return name === undefined ? undefined : { split: lists.get(name), name };
    };
    return { by: "lists", find };
  }
  if (hasSplitFolders(paths)) {
    return { by: "folders", find: ([split, name]) => ({ split: splitNames.find((known) => known === split), name }) };
  }
  const val = fractionArg(source, "val", 0.16);
  const test = fractionArg(source, "test", 0.2);
  if (val + test >= 1) throw badArg(source, "val", val, `together with test: ${test} it leaves nothing for training`);
  const find: ClassFinder["find"] = ([name]) =>
    name === undefined ? undefined : { split: splitByName(name, val, test), name };
  return { by: "hash", find };
}
