/** Texts to parse: files of the project, and what becomes of them under random edits. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";

const folders = ["tests/grammar", "examples", "specs"];
const textsOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".fsl"))
    .map((name) => readFileSync(`${folder}/${name}`, "utf8"));
/** Files without mistakes. */
export const texts = folders.flatMap(textsOf);
/** Files with the mistakes of every diagnostic. */
export const mistaken = textsOf("tests/golden");
/** Files on which an earlier check or fmt failed. */
const failed = textsOf("tests/check/odd");
const pieces = [...texts, ...failed].map((text) => text.match(/\s+|[A-Za-z_0-9']+|[^\sA-Za-z_0-9']/g) ?? []);
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
export const anyText = fc.oneof({ weight: 5, arbitrary: mangled }, { weight: 3, arbitrary: soup }, noise);
