import { join } from "node:path";
import { expect, test } from "vitest";
import { listVariables } from "../../src/runtime/data/matrices/mat.js";
import { matFile } from "./mat-file.js";
import { tempDir, write } from "./support.js";

const variables = {
  labels: [3, 500, 7],
  names: { cells: ["Ford F-150", "Bücker", ""] },
  cars: {
    records: [
      { x1: 5, file: "00001.jpg" },
      { x1: 260, file: "2.jpg" },
    ],
  },
} as const;

function read(bytes: Buffer): ReturnType<typeof listVariables> {
  const file = join(tempDir(), "a.mat");
  write(file, bytes);
  return listVariables(file);
}

test.each([true, false])("numbers, texts in cells and records are read (plain: %s)", (plain) => {
  const [labels, names, cars] = read(matFile(variables, plain)).map((variable) => variable.content());
  expect(labels?.kind === "numbers" && [0, 1, 2].map((i) => labels.at(i))).toEqual([3, 500, 7]);
  expect(names).toEqual({ kind: "cells", cells: variables.names.cells.map((text) => ({ kind: "text", text })) });
  const rows = cars?.kind === "records" ? cars.records : [];
  expect(
    rows.map((row) => {
      const [x1, file] = [row.get("x1"), row.get("file")];
      return [x1?.kind === "numbers" && x1.at(0), file];
    }),
  ).toEqual([
    [5, { kind: "text", text: "00001.jpg" }],
    [260, { kind: "text", text: "2.jpg" }],
  ]);
});

test("a file that ends anywhere is refused, and never read beyond its end", () => {
  const whole = matFile(variables, true);
  for (let end = 0; end < whole.length; end += 17) {
    let found: unknown[] | undefined;
    try {
      found = read(whole.subarray(0, end)).map((variable) => variable.content());
    } catch (error) {
      expect((error as Error).name).toBe("MatrixError");
    }
    expect(found?.length ?? 0).toBeLessThan(3);
  }
});

test("version 7.3 is refused by name", () => {
  const file = Buffer.alloc(600);
  file.write("MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .");
  expect(() => read(file)).toThrow("version 7.3 (HDF5), which is not read: save it with `-v7`");
});
