/** Reads the layout of LibFewShot: `train.csv`, `val.csv` and `test.csv` with `filename,label` lines, and pictures in `images/`. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { isZip, openFileTree } from "../file-tree.js";
import {
  datasetFacts,
  type ListedClass,
  layoutError,
  resolvePath,
  type Source,
  splitNames,
  textArg,
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
      "the archives that LibFewShot lists (miniImageNet, tieredImageNet, …), unpacked; or CSV files of your own: a header line, then `filename,label`",
    licence: "that of the images",
    fetched: false,
  },
  facts(source, places) {
    const root = resolvePath(textArg(source, "root", undefined), places);
    if (isZip(root)) return undefined;
    const splits: Partial<Record<(typeof splitNames)[number], { name: string; images: number }[]>> = {};
    for (const split of splitNames) {
      const file = join(root, `${split}.csv`);
      if (!existsSync(file)) continue;
      splits[split] = [...groupByLabel(readFileSync(file, "utf8"), file)].map(([name, rows]) => ({
        name,
        images: rows.length,
      }));
    }
    return Object.keys(splits).length === 0 ? undefined : datasetFacts(splits);
  },
  roots: (source, places) => [resolvePath(textArg(source, "root", undefined), places)],
  async list(source, places) {
    const root = resolvePath(textArg(source, "root", undefined), places);
    const tree = await openFileTree(source, root);
    const listing: Partial<Record<(typeof splitNames)[number], ListedClass[]>> = {};
    for (const split of splitNames) {
      const file = `${split}.csv`;
      if (!tree.has(file)) continue;
      const classes = groupByLabel(await tree.text(file), file);
      for (const [, rows] of classes) {
        for (const { name, line } of rows) {
          if (tree.has(`images/${name}`)) continue;
          const problem = `images/${name} is not there`;
          throw new DiagnosticError(diagnostic("FSL6004", undefined, { file, line, problem }));
        }
      }
      listing[split] = [...classes].map(([name, rows]) => ({
        name,
        images: rows.map((row) => tree.image(`images/${row.name}`)),
      }));
    }
    if (Object.keys(listing).length === 0)
      throw layoutError(source, root, "there is no train.csv, val.csv or test.csv");
    return listing;
  },
};

/** Groups the files by label, in the order in which the labels first appear. The first line is a header. */
function groupByLabel(text: string, file: string): Map<string, { name: string; line: number }[]> {
  const classes = new Map<string, { name: string; line: number }[]>();
  let rows: string[][];
  // This is loaded only if there is such a file, because `fslc check` loads every source and the parser has ten modules.
  const { parse } = createRequire(import.meta.url)("csv-parse/sync") as typeof import("csv-parse/sync");
  try {
    rows = parse(text, { bom: true, relax_column_count: true, skip_empty_lines: false, trim: true }) as string[][];
  } catch (error) {
    const line = (error as { lines?: number }).lines ?? 1;
    const problem = error instanceof Error ? error.message : String(error);
    throw new DiagnosticError(diagnostic("FSL6004", undefined, { file, line, problem }), { cause: error });
  }
  for (const [i, row] of rows.entries()) {
    if (i === 0 || (row.length === 1 && row[0] === "")) continue;
    const [name, label] = row;
    if (row.length !== 2 || name === undefined || label === undefined || name === "" || label === "") {
      const problem = "`filename,label` is expected";
      throw new DiagnosticError(diagnostic("FSL6004", undefined, { file, line: i + 1, problem }));
    }
    const found = classes.get(label);
    if (found === undefined) classes.set(label, [{ name, line: i + 1 }]);
    else found.push({ name, line: i + 1 });
  }
  return classes;
}
