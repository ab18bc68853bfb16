import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Rows } from "../../src/runtime/stages/rows.js";

test.each([
  ["memory", 1000],
  ["a file", 0],
])("rows come back by image from %s", (_, limit) => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-rows-"));
  const path = join(dir, "rows.f32");
  const rows = new Rows(new Int32Array([7, 3, 9]), 2, path, limit);
  rows.write(0, new Float32Array([70, 71, 30, 31]));
  rows.write(2, new Float32Array([90, 91]));
  const target = new Float32Array(7).fill(-1);
  rows.gather(new Int32Array([9, 7, 9]), target, 1);
  expect([...target]).toEqual([-1, 90, 91, 70, 71, 90, 91]);
  expect(() => rows.gather(new Int32Array([8]), target, 0)).toThrow(/not embedded/);
  rows.close();
  expect(existsSync(path)).toBe(false);
  rmSync(dir, { recursive: true });
});
