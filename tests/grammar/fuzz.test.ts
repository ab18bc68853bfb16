import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { print } from "../../grammar/print.js";
import { syntaxDiagnostics } from "../../src/compiler/diagnostics/syntax.js";
import { outsideParents, withoutSpans } from "./helpers.js";
import { anyText } from "./texts.js";

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
