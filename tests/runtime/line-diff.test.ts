/** The comparison of two texts line by line, as `fslc runs diff` shows it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { changedLines, type DiffLine, diffLines } from "../../src/common/line-diff.js";

const text = fc.array(fc.constantFrom("a", "b", "c", "", "for 5 epochs"), { maxLength: 12 }).map((l) => l.join("\n"));
const textOf = (lines: readonly DiffLine[], kind: DiffLine["kind"]): string =>
  lines.flatMap((line) => (line.kind === "same" || line.kind === kind ? [line.text] : [])).join("\n");

test("both texts can be read from the comparison, and equal texts have no change", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const lines = diffLines(a, b);
      expect([textOf(lines, "removed"), textOf(lines, "added")]).toEqual([a, b]);
      expect(diffLines(a, a).every(({ kind }) => kind === "same")).toBe(true);
    }),
  );
});

test("a changed line is one line removed and one added; the rest stays", () => {
  expect(diffLines("x\nlr 1\ny\nz", "x\nlr 2\ny\nz").map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    "same x",
    "removed lr 1",
    "added lr 2",
    "same y",
    "same z",
  ]);
});

test("texts of many thousand lines without a common line are given whole", () => {
  const [a, b] = ["a", "b"].map((word) => Array.from({ length: 5000 }, (_, i) => `${word}${i}`).join("\n"));
  const lines = diffLines(a ?? "", b ?? "");
  expect([textOf(lines, "removed"), textOf(lines, "added")]).toEqual([a, b]);
});

test("only lines near a change are shown, and a gap stands for the others", () => {
  const before = ["1", "2", "3", "4", "old", "6", "7", "8", "9", "10", "11", "old too"].join("\n");
  const after = before.replace("old", "new").replace("old too", "new too");
  const shown = changedLines(diffLines(before, after), 1).map((line) => line?.text ?? "…");
  expect(shown).toEqual(["4", "old", "new", "6", "…", "11", "old too", "new too"]);
});
