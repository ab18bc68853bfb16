/** The decisions that the build works out are those that Chevrotain's analysis comes to. */
import type { TokenType } from "chevrotain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { balance } from "../../grammar/balance.js";
import { lex } from "../../grammar/lex.js";
import { parse } from "../../grammar/parse.js";
import { FslParser, recoveringParser } from "../../grammar/parser.js";
import { anyText, mistaken, texts } from "./texts.js";

const strict = { recoveryEnabled: false, skipValidations: true };
const analysed = new FslParser(strict);
const known = new FslParser(strict, recoveringParser().decisions);

/** What a parser makes of a text: its tree, and what it stopped at. Token types by their names. */
function read(parser: FslParser, text: string): string {
  parser.input = balance(lex(text, "x.fsl").tokens, "x.fsl").tokens;
  const tree = parser.file();
  const errors = parser.errors.map(({ name, message, token, context }) => ({ name, message, token, context }));
  return JSON.stringify({ tree, errors, strays: parser.strays }, (key, value: unknown) =>
    key === "tokenType" ? (value as TokenType).name : value,
  );
}

test("a parser that knows them has not recorded its rules", () => {
  expect(known.getGAstProductions() === recoveringParser().getGAstProductions()).toBe(true);
  expect(analysed.getGAstProductions() === recoveringParser().getGAstProductions()).toBe(false);
});

test("it makes the same of every file, with and without mistakes", () => {
  for (const text of [...texts, ...mistaken]) expect(read(known, text)).toBe(read(analysed, text));
});

test("it makes the same of any text", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(read(known, text)).toBe(read(analysed, text));
    }),
    { numRuns: 250 },
  );
});

test("a text that it takes, recovery reads alike", () => {
  for (const text of texts) {
    expect(parse(text, "x.fsl").errors).toEqual([]);
    expect(read(known, text)).toBe(read(recoveringParser(), text));
  }
});

test("written and read, they are the same", () => {
  expect(known.decisions).toEqual(analysed.decisions);
  expect(known.decisions).toEqual(recoveringParser().decisions);
  expect(known.decisions.length).toBeGreaterThan(100);
});
