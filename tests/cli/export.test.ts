/** `fslc export`: the files give the numbers of the evaluation in ONNX Runtime, and the card says where they are from. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { InferenceSession, Tensor } from "../../src/runtime/engines/onnx/runtime.js";
import { decodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { allEntries, readWeights } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { fslc } from "./command-line.js";
import { firstEpisode, stripesProject } from "./stripes.js";

// Real runs: seconds alone on two cores, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
let file = "";
beforeAll(async () => {
  ({ project, file } = await stripesProject("train center_crop(20), flip, normalize  eval center_crop(20), normalize"));
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

async function exported(stage: string, name: string, ...options: string[]): Promise<Buffer> {
  const path = join(project.dir, name);
  const { code, out, err } = await fslc("export", file, stage, "-o", path, ...options);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toBe(`${path}\n${join(project.dir, "MODEL.md")}\n`);
  return readFileSync(path);
}

/** The images as bytes [image, channel, height, width], one after another. */
async function pixels(paths: readonly string[]): Promise<Uint8Array> {
  const all = new Uint8Array(paths.length * 3 * 20 * 20);
  for (const [i, path] of paths.entries()) {
    const bytes = await sharp(join(project.dir, "images", path))
      .removeAlpha()
      .raw()
      .toBuffer();
    for (let p = 0; p < 400; p++) for (let c = 0; c < 3; c++) all[i * 1200 + c * 400 + p] = bytes[3 * p + c] ?? 0;
  }
  return all;
}

/** The first episode of an evaluation: its images, and the scores of its queries. */
function episodeOf(stage: string) {
  const { kind, classes } = firstEpisode(project, stage);
  return {
    support: classes.flatMap(({ support }) => support),
    query: classes.flatMap(({ query }) => query),
    scores: classes.flatMap((one) => one[kind] ?? []).flat(),
  };
}

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((found[i] ?? Number.NaN) - value);
    expect(difference / Math.max(1, Math.abs(value))).toBeLessThan(1e-4);
  }
}

async function run(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> {
  const session = await InferenceSession.create(model);
  try {
    return (await session.run(feeds)) as Readonly<Record<string, Tensor>>;
  } finally {
    await session.release();
  }
}

const bytesOf = (data: Uint8Array, ...batch: number[]): Tensor => new Tensor("uint8", data, [...batch, 3, 20, 20]);

test("the encoder takes any number of images, and its vectors give the logits of the evaluation", async () => {
  const model = await exported("test", "encoder.onnx");
  expect(model.includes("com.microsoft")).toBe(false);
  const { support, query, scores } = episodeOf("test");
  const embed = async (paths: readonly string[]): Promise<number[][]> => {
    const { vector } = await run(model, { images: bytesOf(await pixels(paths), paths.length) });
    const width = (vector?.dims[1] ?? 0) as number;
    expect(vector?.dims).toEqual([paths.length, width]);
    return paths.map((_, i) => [...((vector?.data as Float32Array) ?? []).subarray(i * width, (i + 1) * width)]);
  };
  const [a, b, c, d] = await embed(support);
  const mean = (x: number[] = [], y: number[] = []): number[] => x.map((value, i) => (value + (y[i] ?? 0)) / 2);
  const prototypes = [mean(a, b), mean(c, d)];
  const distance = (x: number[], y: number[]): number =>
    x.reduce((sum, value, i) => sum + (value - (y[i] ?? 0)) ** 2, 0);
  const logits = (await embed(query)).flatMap((vector) => prototypes.map((prototype) => -distance(vector, prototype)));
  expectClose(logits, scores);
});

test("a pretraining has an encoder to export", async () => {
  const { vector } = await run(await exported("base", "base.onnx"), { images: bytesOf(new Uint8Array(1200), 1) });
  expect(vector?.dims[0]).toBe(1);
});

describe("the classifier gives the scores of the evaluation", () => {
  test.each(["test", "nearest", "attention", "ridge", "adapted"])("%s, for any number of queries", async (stage) => {
    const model = await exported(stage, `${stage}.onnx`, "--classifier");
    expect(model.includes("com.microsoft")).toBe(false);
    const { support, query, scores } = episodeOf(stage);
    const supports = bytesOf(await pixels(support), 2, 2);
    const all = await run(model, { support: supports, query: bytesOf(await pixels(query), 6) });
    expect(all.scores?.dims).toEqual([6, 2]);
    expectClose(all.scores?.data as Float32Array, scores);
    const one = await run(model, { support: supports, query: bytesOf(await pixels(query.slice(4, 5)), 1) });
    expectClose(one.scores?.data as Float32Array, scores.slice(8, 10));
  });

  test("other ways and shots than those of the stage's task", async () => {
    const model = await exported("test", "wide.onnx", "--classifier", "--way", "3", "--shot", "1");
    const { support, query } = episodeOf("test");
    // The first support of the first class is a class alone, and so are both of the second one: with one support each, the scores of
    // prototypes are minus the squared distances of vectors, which the encoder gives as well.
    const [a = "", , c = "", d = ""] = support;
    const feeds = { support: bytesOf(await pixels([a, c, d]), 3, 1), query: bytesOf(await pixels(query), 6) };
    const { scores: wide } = await run(model, feeds);
    expect(wide?.dims).toEqual([6, 3]);
    const encoder = await exported("test", "encoder.onnx");
    const { vector } = await run(encoder, { images: bytesOf(await pixels([a, c, d, ...query]), 9) });
    const width = Number(vector?.dims[1]);
    const row = (i: number): number[] => [
      ...((vector?.data as Float32Array) ?? []).subarray(i * width, (i + 1) * width),
    ];
    const distance = (i: number, j: number): number =>
      row(i).reduce((sum, value, k) => sum + (value - (row(j)[k] ?? Number.NaN)) ** 2, 0);
    expectClose(
      wide?.data as Float32Array,
      query.flatMap((_, q) => [0, 1, 2].map((way) => -distance(3 + q, way))),
    );
  });

  test("a transductive one, for the queries of its task", async () => {
    const model = await exported("together", "together.onnx", "--classifier");
    const { support, query, scores } = episodeOf("together");
    const feeds = { support: bytesOf(await pixels(support), 2, 2), query: bytesOf(await pixels(query), 6) };
    expectClose((await run(model, feeds)).scores?.data as Float32Array, scores);
  });
});

test("the weights have the names and values of the store, and name PyTorch", async () => {
  const bytes = await exported("test", "weights.safetensors");
  const entry = allEntries(projectPaths.store(project)).find(({ manifest }) => manifest.stage.id === "proto");
  if (entry === undefined) throw new Error("proto is not stored");
  expect(decodeSafetensors(bytes)).toEqual(readWeights(entry));
  expect(Object.keys(decodeSafetensors(bytes))).toContain("encoder.conv.0.weight");
  expect(bytes.toString("latin1")).toContain('"format":"pt"');
});

test("the card has the accuracy with its interval, the training, the data, the numerics and a way to use it", async () => {
  await exported("test", "model.onnx", "--classifier");
  const card = readFileSync(join(project.dir, "MODEL.md"), "utf8");
  expect(card).toMatch(/^<!-- written by fslc export -->\n\n# model\.onnx\n/);
  expect(card).toContain("2-way 2-shot, 3 queries a class, from stripes.test");
  expect(card).toMatch(/\| accuracy \| \d+\.\d\d ± \d+\.\d\d % \| 3 \|/);
  expect(card).toMatch(/- `proto` \(meta\) on stripes\.train, seed 0, with onnx [\d.]+ on cpu/);
  expect(card).toContain("its license: that of the images.");
  expect(card).toContain("# support: numpy.uint8 [2, 2, channel, height, width], class by class");
  expect(card).not.toContain(project.dir);
});

describe("refusals", () => {
  const refused = async (stage: string, name: string, ...options: string[]): Promise<string> => {
    const path = join(project.dir, name);
    const { code, out, err } = await fslc("export", file, stage, "-o", path, ...options);
    expect(code).not.toBe(0);
    expect(out).toBe("");
    expect(existsSync(path)).toBe(false);
    return err.replace(/\s+/g, " ");
  };

  test("another ending, a stage that has not run, a classifier of a pretraining", async () => {
    expect(await refused("test", "model.pt")).toContain("its name ends with `.onnx` or `.safetensors`");
    expect(await refused("test", "x.safetensors", "--classifier")).toContain("`--classifier` needs a name that ends");
    expect(await refused("test", "seed.onnx", "--seed", "4")).toContain("`proto` has not run with these settings");
    expect(await refused("base", "head.onnx", "--classifier")).toContain(
      "it is a `pretrain` stage, which has no metric",
    );
    expect(await refused("test", "w.onnx", "--way", "3")).toContain(
      "`--way` is for the classifier: add `--classifier`",
    );
    expect(await refused("test", "w.onnx", "--classifier", "--shot", "0")).toContain(
      "`--shot` is a whole number from 1",
    );
  });

  test("a classifier with a long loop or with fitted values, at the stage", async () => {
    const long = await refused("adapted_long", "long.onnx", "--classifier");
    expect(long).toMatch(/FSL7064.*has a loop that is too long to be unrolled.*stripes\.fsl:\d+:\d+/);
    expect(await refused("centered", "fit.onnx", "--classifier")).toContain("`simple_shot` fits values from base data");
  });

  test("a MODEL.md of the user is never replaced", async () => {
    const card = join(project.dir, "MODEL.md");
    const before = existsSync(card) ? readFileSync(card) : undefined;
    writeFileSync(card, "# mine\n");
    expect(await refused("test", "other.onnx")).toContain(
      "a file of that name exists which `fslc export` has not written",
    );
    expect(readFileSync(card, "utf8")).toBe("# mine\n");
    rmSync(card);
    if (before !== undefined) writeFileSync(card, before);
  });
});
