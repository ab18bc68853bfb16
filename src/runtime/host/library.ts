/** Reads the syntax trees of the library, which the build parses. Parsing them at run time would be half the work of `fslc check`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { SourceFile } from "../../../grammar/ast.js";
import { parse } from "../../../grammar/parse.js";

/** The content of a file with a syntax tree. */
interface Preparsed {
  /** The text that the tree was made from. The tree is used only for exactly this text. */
  readonly text: string;
  readonly tree: SourceFile;
}

/** The folder of the trees in dist/, so that they belong to the build that reads them. The sources have no such folder. */
const ours = new URL("../../library/", import.meta.url);

/** Returns the tree of a library file with this text, or undefined if there is none, as after an edit without a build. */
export function libraryTree(name: string, text: string, trees: URL = ours): SourceFile | undefined {
  const file = new URL(`${name}.json`, trees);
  if (!existsSync(file)) return undefined;
  const known = JSON.parse(readFileSync(file, "utf8")) as Preparsed;
  return known.text === text ? known.tree : undefined;
}

/** Parses each file of `specs` without mistakes and writes its tree, as a part of the build. Both URLs end with `/`. */
export function writeLibraryTrees(specs: URL, trees: URL = ours): void {
  mkdirSync(trees, { recursive: true });
  for (const file of readdirSync(specs).filter((entry) => entry.endsWith(".fsl"))) {
    const name = file.slice(0, -".fsl".length);
    const text = readFileSync(new URL(file, specs), "utf8");
    const { tree, errors } = parse(text, `fsl:${name}`);
    if (errors.length > 0) continue; // A compilation that imports the file reports its errors.
    const made: Preparsed = { text, tree };
    // The file is written under another name and renamed, so that a check at the same time reads a complete file.
    const beside = new URL(`${name}.json.new`, trees);
    writeFileSync(beside, JSON.stringify(made));
    renameSync(beside, new URL(`${name}.json`, trees));
  }
}
