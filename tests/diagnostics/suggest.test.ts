import fc from "fast-check";
import { expect, it } from "vitest";
import { didYouMean, editDistance } from "../../src/common/did-you-mean.js";

it.each([
  ["qeury", ["query", "every"], "query"],
  ["Prototypes", ["prototypes"], "prototypes"],
  ["shto", ["shot", "shop"], "shot"],
  ["way", ["shot", "query"], undefined],
  ["x", ["y"], "y"],
  ["support", ["support"], undefined],
])("%s among %j: %s", (name, candidates, expected) => {
  expect(didYouMean(name, candidates)).toBe(expected);
});

it("does not depend on the order of the candidates", () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  fc.assert(
    fc.property(word, fc.uniqueArray(word, { maxLength: 8 }), (name, candidates) => {
      expect(didYouMean(name, [...candidates].reverse())).toBe(didYouMean(name, candidates));
    }),
  );
});

it("measures edits: symmetric, zero only for equals, one for one edit or swap", () => {
  const word = fc.stringMatching(/^[a-c]{0,5}$/);
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
  expect(editDistance("shto", "shot")).toBe(1);
  expect(editDistance("kitten", "sitting")).toBe(3);
});
