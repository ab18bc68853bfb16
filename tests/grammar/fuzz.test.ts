import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { print } from "../../grammar/print.js";
import { syntaxDiagnostics } from "../../src/compiler/diagnostics/syntax.js";
import { outsideParents, withoutSpans } from "./helpers.js";

const folders = ["tests/grammar", "examples", "specs"];
const texts = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".fsl"))
    .map((name) => readFileSync(`${folder}/${name}`, "utf8")),
);
const pieces = texts.map((text) => text.match(/\s+|[A-Za-z_0-9']+|[^\sA-Za-z_0-9']/g) ?? []);
const vocabulary = [...new Set(pieces.flat())].sort();
const odd = [
  "{",
  "}",
  "(",
  ")",
  "[",
  "]",
  '"',
  "'",
  "#",
  "**",
  "&&",
  "−",
  "τ",
  "\u0000",
  "\ud800",
  "<<<<<<< a\n",
  "//",
  "\n-x",
  " - ",
  "if",
  "each",
  "module",
  "not",
  ".5",
  "1e999",
  ";",
];

/** A real file in which tokens were removed, doubled, swapped or replaced. */
const mangled = fc
  .record({
    file: fc.nat(pieces.length - 1),
    edits: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        kind: fc.constantFrom("drop", "double", "swap", "put"),
        word: fc.oneof(fc.constantFrom(...vocabulary), fc.constantFrom(...odd)),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ file, edits }) => {
    const words = [...(pieces[file] ?? [])];
    for (const { at, kind, word } of edits) {
      const i = Math.min(words.length - 1, Math.floor(at * words.length));
      const here = words[i] ?? "";
      if (kind === "drop") words.splice(i, 1);
      else if (kind === "double") words.splice(i, 0, here);
      else if (kind === "put") words.splice(i, 0, word);
      else [words[i], words[i + 1]] = [words[i + 1] ?? "", here];
    }
    return words.join("");
  });
const soup = fc
  .array(fc.oneof(fc.constantFrom(...vocabulary), fc.constantFrom(...odd), fc.constant(" "), fc.constant("\n")), {
    maxLength: 60,
  })
  .map((words) => words.join(""));
const noise = fc.string({ unit: "binary", maxLength: 200 });
const anyText = fc.oneof({ weight: 5, arbitrary: mangled }, { weight: 3, arbitrary: soup }, noise);

test("any text gives a tree, located issues and diagnostics", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { tree, errors } = parse(text, "x.fsl");
      expect(tree.kind).toBe("file");
      for (const { span } of errors) {
        expect(span.start).toBeGreaterThanOrEqual(0);
        expect(span.end).toBeGreaterThanOrEqual(span.start);
        expect(span.end).toBeLessThanOrEqual(text.length);
      }
      expect(syntaxDiagnostics(errors)).toHaveLength(errors.length);
      expect(outsideParents(tree)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test("what parses without issues means the same after printing, and printing it again changes nothing", () => {
  let clean = 0;
  fc.assert(
    fc.property(anyText, (text) => {
      const first = parse(text, "x.fsl");
      if (first.errors.length > 0) return;
      clean++;
      const printed = print(first.tree, first.trivia);
      const second = parse(printed, "x.fsl");
      expect(second.errors).toEqual([]);
      expect(withoutSpans(second.tree)).toEqual(withoutSpans(first.tree));
      expect(second.trivia.comments.map((c) => c.text)).toEqual(first.trivia.comments.map((c) => c.text));
      expect(print(second.tree, second.trivia)).toBe(printed);
    }),
    { numRuns: 600 },
  );
  expect(clean).toBeGreaterThan(20);
});
