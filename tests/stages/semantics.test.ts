import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { builtIns } from "./numbers.js";

/** Written with UPDATE_GOLDEN=1, after a version in src/compiler/stages/versions.ts was raised. */
const file = new URL("./semantics.golden.json", import.meta.url);
type Golden = Record<string, { readonly version: number; readonly numbers: readonly number[] }>;
const golden: Golden = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Golden) : {};

/** A handful of numbers of each: all where there are few, else a sample and moments. */
function digest(numbers: readonly number[]): number[] {
  const round = (v: number): number => Number(v.toPrecision(10));
  if (numbers.length <= 16) return numbers.map(round);
  const weighted = numbers.reduce((sum, v, i) => sum + v * Math.sin(i + 1), 0);
  return [numbers.length, ...numbers.slice(0, 8), numbers.reduce((a, b) => a + b, 0), weighted].map(round);
}

describe("the numbers of built-ins", () => {
  const now: Golden = {};
  for (const [name, { version, numbers }] of builtIns) {
    it(`${name}, version ${version}`, () => {
      const current = digest(numbers());
      now[name] = { version, numbers: current };
      if (process.env.UPDATE_GOLDEN) return;
      const before = golden[name];
      expect(before, `${name} has no golden numbers: run with UPDATE_GOLDEN=1`).toBeDefined();
      expect(before?.version, `${name} has another version than its golden numbers: run with UPDATE_GOLDEN=1`).toBe(
        version,
      );
      expect(current).toHaveLength(before?.numbers.length ?? -1);
      current.forEach((value, i) => {
        const expected = before?.numbers[i] ?? Number.NaN;
        const difference = Math.abs(value - expected) / Math.max(1e-6, Math.abs(expected));
        expect(difference, `the numbers of ${name} changed: raise its version in versions.ts`).toBeLessThan(1e-7);
      });
    });
  }
  it("are all recorded", () => {
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(now, null, 1)}\n`);
    else expect(Object.keys(golden).sort()).toEqual([...builtIns.keys()].sort());
  });
});
