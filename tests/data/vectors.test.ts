/** Vectors instead of images: matrices of other programs, and the files of the zero-shot benchmark. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { DataSource } from "../../src/compiler/typed/tree.js";
import { readMatrix } from "../../src/runtime/data/matrices/read-matrix.js";
import { findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { run } from "../../src/runtime/run/run.js";
import { encodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { follow } from "../runtime/tiny.js";
import { matFile } from "./mat-file.js";
import { tempDir, write } from "./support.js";

let dir = "";
beforeEach(() => {
  dir = tempDir();
});
const source = (args: DataSource["args"] = {}): DataSource => ({ kind: "vectors", args: { root: "v", ...args } });
const places = () => ({ projectDir: dir, cacheDir: join(dir, "cache") });
const facts = (args: DataSource["args"] = {}) => sourceFacts(source(args), dir, join(dir, "cache"));

/** Returns a file of `numpy.save` with 32-bit numbers. */
function npy(shape: string, values: readonly number[], order = "False", type = "<f4"): Buffer {
  const header = `${`{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${shape}, }`.padEnd(117)}\n`;
  const start = Buffer.from("\x93NUMPY\x01\x00\0\0", "latin1");
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(new Float32Array(values).buffer)]);
}
/** Three classes of four vectors with two numbers, which lie far apart. */
const rows = Array.from({ length: 12 }, (_, i) => [10 * Math.floor(i / 4) + (i % 4) / 4, -i]).flat();
const labels = Array.from({ length: 12 }, (_, i) => `class ${Math.floor(i / 4)}`).join("\n");

describe("a matrix with the names of classes", () => {
  test("of NumPy, in either order, and of safetensors", () => {
    const [a, b, c] = ["a.npy", "b.npy", "c.safetensors"].map((name) => join(dir, name));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three files");
    writeFileSync(a, npy("(2, 3)", [1, 2, 3, 4, 5, 6]));
    writeFileSync(b, npy("(2, 3)", [1, 4, 2, 5, 3, 6], "True"));
    writeFileSync(
      c,
      encodeSafetensors({ x: { dtype: "f32", shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) } }),
    );
    for (const path of [a, b, c])
      expect(readMatrix(path)).toEqual({ rows: 2, columns: 3, data: new Float32Array([1, 2, 3, 4, 5, 6]) });
  });

  test("is divided by lists, and runs from the source to the accuracy", async () => {
    write(join(dir, "v", "vectors.npy"), npy("(12, 2)", rows));
    write(join(dir, "v", "labels.txt"), `${labels}\n`);
    write(join(dir, "v", "train.txt"), "class 0\n");
    write(join(dir, "v", "test.txt"), "class 1\nclass 2\n");
    expect(facts()).toMatchObject({
      vector: 2,
      splits: { train: { classes: 1, images: 4 }, test: { classes: 2, images: 8 } },
    });
    write(join(dir, "package.json"), "{}");
    const file = join(dir, "e.fsl");
    write(
      file,
      `fsl 1
import { vectors } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset features = vectors(root: "v")
backbone raw { flatten as vector }
episode task = 2 way, 1 shot, 2 query
evaluate plain { encoder raw  metric prototypes  episodes task from features.test, 5 episodes  report accuracy, logits_json }
`,
    );
    const { experiment, diagnostics } = compileFile(file);
    expect(diagnostics).toEqual([]);
    if (experiment === undefined) throw new Error("an experiment");
    const project = { dir, home: join(dir, ".fslc") };
    const started = run(experiment, { project, threads: 1, engine: "reference" });
    const { summary } = await follow(started);
    expect(summary.failures).toEqual([]);
    expect(summary.results[0]?.mean).toBe(1);
    // The scores are minus the squared distances of the rows that the episode names.
    const results = join(started.dir, "results", "plain", "logits.json");
    const { episodes } = JSON.parse(readFileSync(results, "utf8"));
    const row = (name: string): number[] => rows.slice(2 * (Number(name.split(" ").at(-1)) - 1)).slice(0, 2);
    const classes = episodes[0] as { support: string[]; query: string[]; logits: number[][] }[];
    for (const { query, logits } of classes)
      for (const [q, name] of query.entries())
        for (const [c, { support }] of classes.entries()) {
          const [x, y] = [row(name), row(support[0] ?? "")];
          const distance = x.reduce((sum, value, i) => sum + (value - (y[i] ?? Number.NaN)) ** 2, 0);
          expect(logits[q]?.[c]).toBeCloseTo(-distance, 3);
        }
  });

  const refused: readonly [string, Readonly<Record<string, string | Buffer>>, string, string?][] = [
    ["no matrix", {}, "vectors.npy or vectors.safetensors with labels.txt"],
    [
      "fewer labels",
      { "vectors.npy": npy("(12, 2)", rows), "labels.txt": "a\nb\n" },
      "12 vectors, and labels.txt 2 lines",
    ],
    ["a cube", { "vectors.npy": npy("(3, 2, 2)", rows), "labels.txt": labels }, "its shape is (3, 2, 2)"],
    ["whole numbers", { "vectors.npy": npy("(12, 2)", rows, "False", "<i8"), "labels.txt": labels }, "the type `<i8`"],
    ["other bytes", { "vectors.npy": "no matrix", "labels.txt": labels }, "no file of `numpy.save`"],
    [
      "an unknown class",
      { "vectors.npy": npy("(12, 2)", rows), "labels.txt": labels, "test.txt": "other\n" },
      "`other`",
    ],
    [
      "a split of the benchmark",
      { "vectors.npy": npy("(12, 2)", rows), "labels.txt": labels },
      "only a folder",
      "validation",
    ],
  ];
  test.each(refused)("%s is refused", (_, files, why, split) => {
    write(join(dir, "v", "README"), "");
    for (const [name, content] of Object.entries(files)) write(join(dir, "v", name), content);
    const { findings = [] } = facts({ split: split ?? "proposed" }) ?? {};
    expect(findings.map(({ message }) => message).join()).toContain(why);
  });
});

describe("the zero-shot benchmark", () => {
  beforeEach(() => {
    const columns = Array.from({ length: 8 }, (_, i) => [i, 100 + i, 200 + i]);
    // Columns of labels; numbers count from 1.
    const grid = (...values: number[]) => ({ columns: [values] });
    write(join(dir, "v", "res101.mat"), matFile({ features: { columns }, labels: grid(1, 1, 1, 2, 2, 3, 3, 4) }));
    write(
      join(dir, "v", "att_splits.mat"),
      matFile({
        allclasses_names: { cells: ["antelope", "bear", "cat", "dog"] },
        att: {
          columns: [
            [1, 2],
            [3, 4],
            [5, 6],
            [7, 8],
          ],
        },
        train_loc: grid(1, 2, 3),
        val_loc: grid(4, 5),
        trainval_loc: grid(1, 2, 4),
        test_seen_loc: grid(3, 5),
        test_unseen_loc: grid(6, 7, 8),
      }),
    );
  });
  const listed = async (split: string) => {
    const listing = await findSource("vectors").list(source({ split }), places());
    return Object.fromEntries(
      Object.entries(listing).map(([name, classes]) => [
        name,
        classes.map((one) => `${one.name}: ${one.images.map(({ name }) => name).join()}`),
      ]),
    );
  };

  test("its proposed splits, with images of known classes beside new ones", async () => {
    expect(facts()?.vector).toBe(3);
    expect(await listed("proposed")).toEqual({
      train: ["antelope: vector 1,vector 2", "bear: vector 4"],
      seen: ["antelope: vector 3", "bear: vector 5"],
      test: ["cat: vector 6,vector 7", "dog: vector 8"],
    });
  });

  test("the choice of settings never sees an image that is tested later", async () => {
    expect(await listed("validation")).toEqual({ train: ["antelope: vector 1,vector 2"], val: ["bear: vector 4"] });
  });

  test("its attributes describe the classes", async () => {
    const table = await findSource("vectors").describe?.load(source(), "attribute", ["cat"], places());
    expect(table?.rows.get("cat")).toEqual([5, 6]);
    expect(table?.columns).toEqual(["1", "2"]);
  });
});
