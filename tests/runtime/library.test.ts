import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { libraryTree, writeLibraryTrees } from "../../src/runtime/host/library.js";

const specs = new URL("../../specs/", import.meta.url);
const names = readdirSync(specs).flatMap((file) => (file.endsWith(".fsl") ? [file.slice(0, -4)] : []));
const textOf = (name: string): string => readFileSync(new URL(`${name}.fsl`, specs), "utf8");
let dir = "";
const folder = (): URL => pathToFileURL(`${dir}/`);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-library-"));
  writeLibraryTrees(specs, folder());
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(names)("the tree of %s is what parsing it gives", (name) => {
  const text = textOf(name);
  expect(libraryTree(name, text, folder())).toEqual(parse(text, `fsl:${name}`).tree);
});

test("a text that has been edited has no tree, nor has a file that is not there", () => {
  expect(libraryTree("metrics", `${textOf("metrics")}\n`, folder())).toBeUndefined();
  expect(libraryTree("nothing", "fsl 1\n", folder())).toBeUndefined();
});

test("a file with a mistake is left to those who import it", () => {
  const from = mkdtempSync(join(tmpdir(), "fslc-specs-"));
  writeFileSync(join(from, "broken.fsl"), "fsl 1\nfn f( { }\n");
  writeLibraryTrees(pathToFileURL(`${from}/`), folder());
  expect(libraryTree("broken", "fsl 1\nfn f( { }\n", folder())).toBeUndefined();
  rmSync(from, { recursive: true, force: true });
});
