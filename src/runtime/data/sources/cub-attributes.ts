/** The attributes of CUB-200-2011: for each species the percentage of people who saw each of 312 attributes on its photos. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataSource } from "../../../compiler/typed/tree.js";
import { type DescriptionTable, tableDigest } from "../descriptions/table.js";
import { openFileTree } from "../file-tree.js";
import { readTextFile } from "../text-file.js";
import { parsePairs } from "./cub-pairs.js";
import { type DataFolders, rootOf, type SourceDescriptions } from "./source.js";

/** The number of attributes in the published list. */
const published = 312;

const listFile = "attributes/class_attribute_labels_continuous.txt";

export const cubAttributes: SourceDescriptions = {
  facts(source, _, places) {
    const root = rootOf(source, places);
    if (!existsSync(root)) return { size: published, digest: undefined };
    const table = readAttributes(source, places);
    return { size: table.columns.length, digest: tableDigest(table) };
  },
  load: async (source, _, __, places) => readAttributes(source, places),
};

/** Reads the table as fractions. @throws DiagnosticError FSL6004 if a line is wrong or the file is missing. */
function readAttributes(source: DataSource, places: DataFolders): DescriptionTable {
  const root = rootOf(source, places);
  const tree = openFileTree(source, root);
  const list = tree.files.find((path) => path === listFile || path.endsWith(`/${listFile}`));
  const refuse = (line: number, problem: string): DiagnosticError =>
    new DiagnosticError(diagnostic("FSL6004", undefined, { file: list ?? listFile, line, problem }));
  if (list === undefined || tree.kind === "archive")
    throw refuse(1, "it is missing: unpack CUB_200_2011.tgz, which has attributes/ beside images.txt");
  const base = list.slice(0, -listFile.length);
  const names = parsePairs("classes.txt", readTextFile(join(tree.root, `${base}classes.txt`)));
  const lines = readTextFile(join(tree.root, list)).trim().split(/\r?\n/);
  if (lines.length !== names.length) throw refuse(1, `it has ${lines.length} lines for ${names.length} classes`);
  const rows = new Map<string, readonly number[]>();
  for (const [i, line] of lines.entries()) {
    const row = line
      .trim()
      .split(/\s+/)
      .map((value) => Number(value) / 100);
    if (row.some((value) => !Number.isFinite(value)) || row.length !== (rows.values().next().value ?? row).length)
      throw refuse(i + 1, "percentages are expected, as many as in the first line");
    rows.set(names[i]?.[1] ?? "", row);
  }
  const width = rows.values().next().value?.length ?? 0;
  return { columns: Array.from({ length: width }, (_, i) => String(i + 1)), rows };
}
