/** The files that come with fslc are in the one layout that `fslc fmt` gives. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { print } from "../../grammar/print.js";
import { starterExperiment } from "../../src/cli/starter-files.js";

const files = ["specs", "examples", "bench/experiments"].flatMap((folder) =>
  (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith(".fsl"))
    .map((name) => join(folder, name)),
);
const formatted = (text: string): string => {
  const { tree, trivia } = parse(text, "x.fsl");
  return print(tree, trivia);
};

test.each(files)("%s", (file) => {
  const text = readFileSync(file, "utf8");
  expect(formatted(text), `\`fslc fmt ${file}\` formats it`).toBe(text);
});
test("what `fslc init` writes", () => {
  expect(formatted(starterExperiment)).toBe(starterExperiment);
});
