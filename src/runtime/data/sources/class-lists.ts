/** Reads lists of class names that divide a folder: those of the user, or published ones that fslc includes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataSource, SourceSplit } from "../../../compiler/typed/tree.js";
import { packageRoot } from "../../system/package.js";
import { textError } from "../file-tree.js";
import { readTextFile } from "../text-file.js";
import { missingRootHelp, requireReadableRoot } from "./root.js";
import { badArg, type DataFolders, resolvePath, splitNames, textArg } from "./source.js";

export type ClassLists = ReadonlyMap<string, SourceSplit>;

const publishedPrefix = "fsl:";
const published = join(packageRoot, "specs", "splits");

/**
 * Returns the split of each class that the argument `lists` names, or undefined if there is no such argument. `lists` is a
 * folder with `train.txt`, `val.txt` and `test.txt`, or `fsl:NAME` for a published split. Names that are no folders of the data
 * are not compared: they divide nothing, and the list may be any other file, whose text no message shows.
 *
 * @throws DiagnosticError FSL6005 if the lists cannot be found, FSL6007 if a class is in two splits.
 */
export function readClassLists(
  source: DataSource,
  places: DataFolders,
  isFolder: (name: string) => boolean,
): ClassLists | undefined {
  const argument = textArg(source, "lists", "");
  if (argument === "") return undefined;
  const lists = new Map<string, SourceSplit>();
  for (const [split, names] of argument.startsWith(publishedPrefix)
    ? publishedLists(source, argument)
    : folderLists(source, argument, places)) {
    for (const name of names) {
      const other = lists.get(name);
      if (other !== undefined && other !== split && isFolder(name)) {
        throw new DiagnosticError(diagnostic("FSL6007", undefined, { class: name, first: other, second: split }));
      }
      lists.set(name, split);
    }
  }
  return lists;
}

/** Returns the files whose state decides the lists. */
export function classListRoots(source: DataSource, places: DataFolders): string[] {
  const argument = textArg(source, "lists", "");
  return argument === "" || argument.startsWith(publishedPrefix) ? [] : [resolvePath(argument, places)];
}

function folderLists(source: DataSource, argument: string, places: DataFolders): [SourceSplit, string[]][] {
  const dir = resolvePath(argument, places);
  requireReadableRoot(source, dir, { name: "lists", archives: [] });
  if (!existsSync(dir))
    throw badArg(source, "lists", argument, `${dir} does not exist`, missingRootHelp(argument, dir));
  const lists = splitNames.flatMap((split): [SourceSplit, string[]][] => {
    const file = join(dir, `${split}.txt`);
    if (!existsSync(file)) return [];
    const lines = readList(file).split(/\r?\n/);
    return [[split, lines.map((line) => line.trim()).filter((line) => line !== "")]];
  });
  if (lists.length === 0) {
    const files = readdirSync(dir).slice(0, 8).join(", ");
    const help = [files === "" ? `${dir} is empty` : `${dir} has ${files}`];
    throw badArg(source, "lists", argument, "there is no train.txt, val.txt or test.txt in it", help);
  }
  return lists;
}

function readList(file: string): string {
  try {
    return readTextFile(file);
  } catch (error) {
    throw textError(file, error);
  }
}

/** A split file with lists of class names. Other split files have a format that only one source reads. */
interface NamesFile {
  readonly splits: Readonly<Record<SourceSplit, readonly string[]>>;
}
function publishedLists(source: DataSource, argument: string): [SourceSplit, readonly string[]][] {
  const files = readdirSync(published).filter((file) => isNames(readSplits(file)));
  const name = argument.slice(publishedPrefix.length);
  if (!files.includes(`${name}.json`)) {
    const known = files.map((file) => `"${publishedPrefix}${file.slice(0, -".json".length)}"`).join(", ");
    throw badArg(source, "lists", argument, `the published lists are ${known}`);
  }
  const found = readSplits(`${name}.json`);
  return isNames(found) ? splitNames.map((split) => [split, found.splits[split]]) : [];
}
/** Returns the classes of each split of a published split that fslc includes. @throws Error if there is none with this name. */
export function publishedClasses(name: string): Readonly<Record<SourceSplit, readonly string[]>> {
  const found = readSplits(`${name}.json`);
  if (!isNames(found)) throw new Error(`${name}.json has no list of class names for each split`);
  return found.splits;
}
function readSplits(file: string): unknown {
  return JSON.parse(readFileSync(join(published, file), "utf8"));
}
function isNames(value: unknown): value is NamesFile {
  const { splits } = value as { splits: Readonly<Record<string, unknown>> };
  return splitNames.every((split) => Array.isArray(splits[split]));
}
