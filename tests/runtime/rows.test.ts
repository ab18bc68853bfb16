import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Rows } from "../../src/runtime/stages/rows.js";

test.each([
  ["memory", 1000],
  ["a file", 0],
])("rows come back by image from %s", (_, limit) => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-rows-"));
  const rows = new Rows(new Int32Array([7, 3, 9]), 2, join(dir, "rows"), limit);
  rows.write(0, new Float32Array([70, 71, 30, 31]));
  rows.write(2, new Float32Array([90, 91]));
  const target = new Float32Array(7).fill(-1);
  rows.gather(new Int32Array([9, 7, 9]), target, 1);
  expect([...target]).toEqual([-1, 90, 91, 70, 71, 90, 91]);
  expect(() => rows.gather(new Int32Array([8]), target, 0)).toThrow(/not embedded/);
  rows.close();
  expect(readdirSync(dir)).toEqual([]);
  rmSync(dir, { recursive: true });
});

test("rows of one name that are open together, as those of an evaluation and of what it fits, stay apart", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-rows-"));
  const [ours, theirs] = [0, 1].map(() => new Rows(new Int32Array([7, 3]), 1, join(dir, "embeddings-vector"), 0));
  ours?.write(0, new Float32Array([70, 30]));
  theirs?.write(0, new Float32Array([-7, -3]));
  theirs?.close();
  const target = new Float32Array(2);
  ours?.gather(new Int32Array([3, 7]), target, 0);
  expect([...target]).toEqual([30, 70]);
  ours?.close();
  expect(readdirSync(dir)).toEqual([]);
  rmSync(dir, { recursive: true });
});

test("rows that the disk has lost are no zeros", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-rows-"));
  const rows = new Rows(new Int32Array([7, 3]), 1, join(dir, "rows"), 0);
  rows.write(0, new Float32Array([70]));
  expect(() => rows.gather(new Int32Array([3]), new Float32Array(1), 0)).toThrow(/cut off/);
  rows.close();
  rmSync(dir, { recursive: true });
});
