import fc from "fast-check";
import { expect, test } from "vitest";
import { format } from "../../grammar/format.js";
import { parse } from "../../grammar/parse.js";

import { syntaxDiagnostics } from "../../src/compiler/diagnostics/syntax.js";
import { outsideParents } from "./helpers.js";
import { anyText } from "./texts.js";

const runs = process.env["FUZZ_RUNS"];

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
    { numRuns: Number(runs ?? 400) },
  );
});

test("what parses without issues keeps its tree and its comments when it is formatted, and formatting it again changes nothing", () => {
  let clean = 0;
  fc.assert(
    fc.property(anyText, (text) => {
      const result = format(text, "x.fsl");
      if (result.kind === "invalid") return;
      clean++;
      expect(result).toMatchObject({ kind: "formatted" });
    }),
    { numRuns: Number(runs ?? 600) },
  );
  expect(clean).toBeGreaterThan(20);
});
