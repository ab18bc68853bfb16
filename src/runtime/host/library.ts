/** The library's files as trees, read when fslc is built: parsing them would be half of what `fslc check` does. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { SourceFile } from "../../../grammar/ast.js";
import { parse } from "../../../grammar/parse.js";

/** One file of a folder of trees. */
interface Preparsed {
  /** What the tree was made from: of any other text it says nothing. */
  readonly text: string;
  readonly tree: SourceFile;
}

/** Beside this module in dist/, so that they are of the build that reads them; there are none beside the sources. */
const ours = new URL("../../library/", import.meta.url);

/** The tree of a library file with this text; undefined where it is not known, as after an edit without a build. */
export function libraryTree(name: string, text: string, trees: URL = ours): SourceFile | undefined {
  const file = new URL(`${name}.json`, trees);
  if (!existsSync(file)) return undefined;
  const known = JSON.parse(readFileSync(file, "utf8")) as Preparsed;
  return known.text === text ? known.tree : undefined;
}

/** Part of the build: parses each file of `specs` that has no mistakes. Both folders' addresses end in `/`. */
export function writeLibraryTrees(specs: URL, trees: URL = ours): void {
  mkdirSync(trees, { recursive: true });
  for (const file of readdirSync(specs).filter((entry) => entry.endsWith(".fsl"))) {
    const name = file.slice(0, -".fsl".length);
    const text = readFileSync(new URL(file, specs), "utf8");
    const { tree, errors } = parse(text, `fsl:${name}`);
    if (errors.length > 0) continue; // Whoever imports it is told what is wrong with it.
    const made: Preparsed = { text, tree };
    // Beside and renamed: a check that runs meanwhile reads a whole file.
    const beside = new URL(`${name}.json.new`, trees);
    writeFileSync(beside, JSON.stringify(made));
    renameSync(beside, new URL(`${name}.json`, trees));
  }
}
