/** How comments and members are written, as far as a machine can tell. CONTRIBUTING.md has the rules. */
import { expect, it } from "vitest";
import { sourceFiles } from "./sources.js";

const files = [...sourceFiles("grammar"), ...sourceFiles("src")];

/** `FILE:LINE text` of each match in a source file. */
function matches(pattern: RegExp): string[] {
  return files.flatMap(([file, text]) =>
    [...text.matchAll(pattern)].map(
      ({ index, 0: found }) => `${file}:${text.slice(0, index).split("\n").length} ${found.trim()}`,
    ),
  );
}

it("doc comments are sentences: none begins as a question or a fragment", () => {
  expect(matches(/\/\*\*\s*(?:\*\s*)?(?:What|Whether|Where|Which|Who|How|Why|Of|Those)\b.*/g)).toEqual([]);
});

it("comments link to a section of the docs instead of citing a rule by number", () => {
  expect(matches(/\brules? \d+.*/g)).toEqual([]);
});

it("private members are `private`", () => {
  expect(matches(/\b(?:this|other)\.#\w+|^ +(?:readonly |static |async |get )*#\w+.*/gm)).toEqual([]);
});

it("the fix of a fault is called `fix` or `help`", () => {
  expect(matches(/\bmend.*/g)).toEqual([]);
});
