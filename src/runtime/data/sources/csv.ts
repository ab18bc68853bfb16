/** Reads the layout of LibFewShot: `train.csv`, `val.csv` and `test.csv` with `filename,label` lines, and pictures in `images/`. */

import { createRequire } from "node:module";
import { join } from "node:path";
import { listed } from "../../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataSource, SourceSplit } from "../../../compiler/typed/tree.js";
import { type FileTree, isImage, openFileTree, textError } from "../file-tree.js";
import { readTextFile } from "../text-file.js";
import { describeTree, meantSplit, nearestLayout } from "./overview.js";
import { requireReadableRoot } from "./root.js";
import {
  type DataFolders,
  datasetFacts,
  type ListedClass,
  layoutError,
  rootOf,
  type Source,
  splitNames,
} from "./source.js";

export const csv: Source = {
  description: {
    kind: "csv",
    summary: "LibFewShot's layout: {train,val,test}.csv and a folder images/",
    args: [
      {
        name: "root",
        type: "text",
        default: undefined,
        meaning: "the folder (or zip archive) that holds the CSV files",
      },
    ],
    channels: 3,
    square: false,
    obtain:
      "the archives that LibFewShot lists (miniImageNet, tieredImageNet, …), unpacked; or CSV files of your own: a first line `filename,label`, then one line per image, in UTF-8",
    license: "that of the images",
    folder: "data/mini-imagenet",
    needs: ["train.csv", "val.csv", "test.csv", "images/"],
    fetched: false,
  },
  facts(source, places) {
    const tree = openRoot(source, places);
    const files = listFiles(source, tree);
    const seen = [...describeAbsent(files), ...describeTree(tree)];
    if (tree.kind === "archive") return { splits: {}, seen }; // Its texts are compressed, and are read with the images.
    const splits: Partial<Record<SourceSplit, { name: string; images: number }[]>> = {};
    for (const { split, file } of files) {
      const classes = readClasses(tree, file, readText(tree, file));
      splits[split] = [...classes].map(([name, paths]) => ({ name, images: paths.length }));
    }
    return { ...datasetFacts(splits), seen };
  },
  roots: (source, places) => [rootOf(source, places)],
  async list(source, places) {
    const tree = openRoot(source, places);
    const listing: Partial<Record<SourceSplit, ListedClass[]>> = {};
    for (const { split, file } of listFiles(source, tree)) {
      const classes = readClasses(tree, file, await tree.text(file));
      listing[split] = [...classes].map(([name, paths]) => ({ name, images: paths.map(tree.image) }));
    }
    return listing;
  },
};

function openRoot(source: DataSource, places: DataFolders): FileTree {
  const root = rootOf(source, places);
  requireReadableRoot(source, root);
  return openFileTree(source, root);
}

function readText({ root }: FileTree, file: string): string {
  try {
    return readTextFile(join(root, file));
  } catch (error) {
    throw textError(file, error);
  }
}

/**
 * Returns the CSV files. In an archive they may be in one folder that contains everything.
 *
 * @throws DiagnosticError FSL6002 if there are none.
 */
function listFiles(source: DataSource, tree: FileTree): { readonly split: SourceSplit; readonly file: string }[] {
  const inside = tree.files.filter((path) => /(^|\/)(train|val|test)\.csv$/.test(path));
  const depth = (path: string) => path.split("/").length;
  const [nearest] = [...inside].sort((a, b) => depth(a) - depth(b));
  const above = nearest?.slice(0, nearest.lastIndexOf("/") + 1) ?? "";
  const base = tree.kind === "archive" ? above : "";
  const found = splitNames.flatMap((split) => {
    const file = `${base}${split}.csv`;
    return tree.has(file) ? [{ split, file }] : [];
  });
  if (found.length > 0) return found;
  const renames = tree.files.flatMap((path) => {
    const split = /^[^/]+\.csv$/i.test(path) ? (meantSplit(path.slice(0, -4)) ?? lowerSplit(path)) : undefined;
    return split === undefined ? [] : [`\`${path}\` to \`${split}.csv\``];
  });
  const help = [
    ...(renames.length === 0 ? [] : [`rename ${renames.join(", ")}`]),
    ...(above === ""
      ? []
      : [
          `\`${above}\` in it has ${nearest?.slice(above.length)}: \`root\` is too high, write the path ${join(tree.root, above)}`,
        ]),
    ...nearestLayout(tree, "csv"),
    ...describeTree(tree),
  ];
  throw layoutError(source, tree.root, "there is no train.csv, val.csv or test.csv", { help });
}
function lowerSplit(path: string): string | undefined {
  return splitNames.find((split) => path.toLowerCase() === `${split}.csv` && path !== `${split}.csv`);
}

/** The names of the two columns in a header. */
const columns = {
  file: [
    "filename",
    "file_name",
    "file",
    "image",
    "img",
    "image_id",
    "image_name",
    "img_name",
    "path",
    "filepath",
    "file_path",
    "image_path",
    "img_path",
    "name",
    "picture",
    "photo",
  ],
  label: [
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "category",
    "target",
    "species",
    "label_name",
    "class_label",
    "y",
  ],
};
const expected = "a first line `filename,label` is expected (in any order, other columns are ignored)";

/** An error at a line of a CSV file. */
function lineError(
  file: string,
  line: number,
  problem: string,
  help: readonly string[] = [],
  cause?: unknown,
): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL6004", undefined, { file, line, problem }, { help }), { cause });
}

/** Returns the paths of the images of each class, in the order in which the labels first appear. */
function readClasses(tree: FileTree, file: string, text: string): Map<string, string[]> {
  const base = file.slice(0, file.lastIndexOf("/") + 1);
  const rows = parseRows(file, text);
  const header = rows[0] ?? [];
  const at = findColumns(tree, file, header, base);
  const classes = new Map<string, string[]>();
  const missing: { name: string; line: number; label: string }[] = [];
  for (const [i, row] of rows.entries()) {
    if (i === 0 || (row.length === 1 && row[0] === "")) continue;
    const [name, label] = [row[at.file] ?? "", row[at.label] ?? ""];
    if (row.length !== header.length || name === "" || label === "") {
      throw lineError(file, i + 1, `\`${header.join(",")}\` is expected`);
    }
    const path = `${base}images/${name}`;
    if (leavesRoot(name)) throw lineError(file, i + 1, `${name} leads out of images/`);
    if (!tree.has(path)) missing.push({ name, line: i + 1, label });
    const found = classes.get(label);
    if (found === undefined) classes.set(label, [path]);
    else found.push(path);
  }
  const [first] = missing;
  if (first !== undefined) {
    const count = missing.length === 1 ? "" : `, and ${missing.length - 1} more of ${rows.length - 1} are missing`;
    throw lineError(file, first.line, `images/${first.name} is not there${count}`, missingHelp(tree, base, first));
  }
  return classes;
}

/** Returns true for a path that is absolute or leaves the folder. */
function leavesRoot(path: string): boolean {
  return /^([/\\]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes("..");
}

/** Returns why an image is probably not found. */
function missingHelp(tree: FileTree, base: string, { name, label }: { name: string; label: string }): string[] {
  if (isImage(label) && !isImage(name))
    return ["the two columns seem to be swapped: correct the names in the first line"];
  if (!tree.files.some((path) => path.startsWith(`${base}images/`))) {
    return [`there is no folder images/ with files beside the CSV file`, ...describeTree(tree)];
  }
  if (tree.has(`${base}${name}`))
    return ["the paths of a CSV file start inside of images/, so that word is not written"];
  const decoded = decodePercent(name);
  if (decoded !== undefined && tree.has(`${base}images/${decoded}`))
    return [`\`%\` codes are not decoded: write ${decoded}`];
  const lower = `${base}images/${name}`.toLowerCase();
  const near =
    tree.files.find((path) => path.toLowerCase() === lower) ??
    tree.files.find((path) => path.startsWith(`${base}images/${name}.`)) ??
    tree.files.find((path) => path.endsWith(`/${name.slice(name.lastIndexOf("/") + 1)}`));
  return near === undefined ? [] : [`did you mean ${near.slice(base.length + "images/".length)}?`];
}
function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseRows(file: string, text: string): string[][] {
  // This is loaded only if there is such a file, because `fslc check` loads every source and the parser has ten modules.
  const { parse } = createRequire(import.meta.url)("csv-parse/sync") as typeof import("csv-parse/sync");
  try {
    return parse(text, { bom: true, relax_column_count: true, skip_empty_lines: false, trim: true }) as string[][];
  } catch (error) {
    const line = (error as { lines?: number }).lines ?? 1;
    // The parser's own message would show a part of the file, which may be any file.
    throw lineError(file, line, "it is no CSV: its quotes do not end where a column does", [], error);
  }
}

/**
 * Finds the columns by their names.
 *
 * @throws DiagnosticError FSL6004 if the first line is no header, or if the file uses another separator.
 */
function findColumns(
  tree: FileTree,
  file: string,
  header: readonly string[],
  base: string,
): { readonly file: number; readonly label: number } {
  const names = header.map((name) => name.toLowerCase().replaceAll(/[\s-]+/g, "_"));
  const find = (known: readonly string[]) => known.map((name) => names.indexOf(name)).find((i) => i >= 0) ?? -1;
  const at = { file: find(columns.file), label: find(columns.label) };
  if (at.file >= 0 && at.label >= 0) return at;
  const line = header.join(",");
  const separator = [";", "\t", "|"].find((mark) => header.length === 1 && line.includes(mark));
  if (separator !== undefined) {
    const mark = separator === "\t" ? "tabs" : `\`${separator}\``;
    throw lineError(file, 1, `the file uses ${mark} between its columns, and commas are expected`, [
      "save it with commas, and with a first line `filename,label`",
    ]);
  }
  const image = header.find((cell) => isImage(cell) || tree.has(`${base}images/${cell}`));
  if (image !== undefined) {
    const swapped = header.indexOf(image) > 0;
    throw lineError(file, 1, `the file has no header: its first line names the image ${image}`, [
      `put a first line \`${swapped ? "label,filename" : "filename,label"}\` above it`,
    ]);
  }
  const found = header.length === 1 ? "this has one column" : `this has ${header.length} columns of other names`;
  throw lineError(file, 1, `${expected}, and ${found}`, [
    at.file < 0 ? `name the column of the files \`filename\`` : `name the column of the classes \`label\``,
  ]);
}

/** Names the files of splits that are not there: such a split is empty. */
function describeAbsent(files: ReturnType<typeof listFiles>): string[] {
  const absent = splitNames.filter((split) => !files.some((file) => file.split === split)).map((name) => `${name}.csv`);
  return absent.length === 0 ? [] : [`${listed(absent)} ${absent.length === 1 ? "is" : "are"} not there`];
}
