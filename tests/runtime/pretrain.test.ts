/** Real runs of pretrainings written in FSL, on the tiny project's images. */
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { printPlan } from "../../src/cli/print/plan.js";
import type { Experiment } from "../../src/compiler/typed/tree.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { plan } from "../../src/runtime/run/plan.js";
import { run } from "../../src/runtime/run/run.js";
import { imageBatches } from "../../src/runtime/stages/pretrain.js";
import { allEntries, readWeights, type StoreEntry } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { follow, makeProject, type Played } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const head = `fsl 1
import { folder } from "fsl:datasets"
import { cosine_prototypes, prototypes } from "fsl:metrics"
import { outside_box } from "fsl:functions"
dataset d = folder(root: "images") {
  train  center_crop(20), flip, normalize(mean: 0.5, std: 0.25)
  eval   center_crop(20), normalize(mean: 0.5, std: 0.25)
}
backbone net {
  block1: conv(3, 8), batch_norm, relu, max_pool(2) as early,
  conv(3, 8), batch_norm, relu, max_pool(2), flatten as vector
}
episode task = 2 way, 1 shot, 3 query
pretrain base {
  data d.train  encoder net  head linear(class)
  optimizer sgd(lr: 0.05, momentum: 0.9)
  for 2 epochs, 12 images per step
}
`;
let written = 0;
function experimentOf(stages: string): Experiment {
  const path = join(project.dir, `e${written++}.fsl`);
  writeFileSync(path, head + stages);
  const { experiment, diagnostics } = compileFile(path, { projectDir: project.dir });
  if (experiment === undefined)
    throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join("\n"));
  return experiment;
}
const play = (typed: Experiment, stages: string[], engine = "onnx"): Promise<Played> =>
  follow(run(typed, { project, threads: 2, engine, stages }));
function entryOf(stage: string, engine = "onnx"): StoreEntry {
  const found = allEntries(projectPaths.store(project)).find(
    ({ manifest }) => manifest.stage.id === stage && manifest.numerics.engine === engine,
  );
  if (found === undefined) throw new Error(`${stage} is not stored`);
  return found;
}
function data(stage: string, path: string, engine = "onnx"): number[] {
  const tensor = readWeights(entryOf(stage, engine))[path];
  if (tensor === undefined) throw new Error(`${stage} has no ${path}`);
  return [...tensor.data].map(Number);
}
const done = ({ summary }: Played): void => {
  expect(summary.failures).toEqual([]);
  expect(summary.status).toBe("done");
};
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((v, i) => Math.abs(v - (b[i] ?? Number.NaN))));

describe("generations", () => {
  const stages = `
pretrain gen1 like base { optimizer sgd(lr: 0.005)  loss(x: image [item], y: class [item]) {
  let z = head(encoder(x, norm: batch).vector)
  mean(0.5 * cross_entropy(z, y) + 0.5 * distill(z, base(x), temperature: 4.0 over class) over all)
} }
pretrain gen2 like base { loss(x: image [item], y: class [item]) {
  let z = head(encoder(x, norm: batch).vector)
  mean(0.5 * cross_entropy(z, y) + 0.5 * distill(z, gen1(x), temperature: 4.0 over class) over all)
} }
`;
  test("each learns from the one before, which stays as it is, and is keyed by it", async () => {
    const experiment = experimentOf(stages);
    done(await play(experiment, ["gen2"]));
    const inputs = (stage: string): string[] => entryOf(stage).manifest.inputs.map(({ stage: id }) => id);
    expect(inputs("base")).toEqual([]);
    expect(inputs("gen1")).toEqual(["base"]);
    expect(inputs("gen2")).toEqual(["gen1"]);
    expect(Object.keys(readWeights(entryOf("gen2"))).some((path) => path.startsWith("stage:"))).toBe(false);
    expect(distance(data("gen1", "head.linear.0.bias"), data("gen2", "head.linear.0.bias"))).toBeGreaterThan(0);
    const planned = await plan(experiment, { project, stages: ["gen2"] });
    expect(planned.stages.find(({ id }) => id === "gen2")).toMatchObject({
      needs: ["gen1", "data:d"],
      status: { cached: true },
    });
  });

  test("the reference agrees on what a teacher teaches", async () => {
    done(await play(experimentOf(stages), ["gen1"], "reference"));
    for (const path of ["head.linear.0.bias", "encoder.block1.weight", "encoder.batch_norm.0.running_var"])
      expect(distance(data("gen1", path), data("gen1", path, "reference"))).toBeLessThan(1e-2);
  });
});

test("views, a head of the loss, mixed images: they train, and only slots are handed over", async () => {
  const experiment = experimentOf(`
pretrain rotated {
  data d.train  encoder net  head linear(class)
  learn turns = linear(turn)
  optimizer sgd(lr: 0.05) { learn.turns lr: 0.1 }
  for 2 epochs, 12 images per step
  loss(x: image [item], y: class [item]) {
    let p = permutation(item)
    let mask = outside_box(uniform() over height, width)
    let w = mean(mask over all)
    let z = head(encoder(blend(x, pick(x, p over item), mask), norm: batch).vector)
    let views = head(encoder(rotations(x as turn'), norm: batch).vector)
    mean(w * cross_entropy(z, y) + (1 - w) * cross_entropy(z, pick(y, p over item)) over all)
      + 0.5 * mean(cross_entropy(turns(views[class as feature]), label(turn')) over all)
  }
}
meta tuned {
  encoder rotated.encoder  metric cosine_prototypes  episodes task from d.train
  optimizer sgd(lr: 0.01)
  for 8 episodes, 2 episodes per step
}
pretrain again like base { encoder tuned.encoder  optimizer sgd(lr: 0.01) { encoder frozen } }
evaluate r { of tuned  episodes task from d.test, 30 episodes }
`);
  const played = await play(experiment, ["again", "r"]);
  done(played);
  const paths = Object.keys(readWeights(entryOf("rotated")));
  expect(paths.filter((path) => path.startsWith("learn."))).toEqual([
    "learn.turns.linear.0.bias",
    "learn.turns.linear.0.weight",
  ]);
  expect(Object.keys(readWeights(entryOf("again"))).some((path) => path.startsWith("learn."))).toBe(false);
  // Frozen: the weights of the encoder are those of `tuned`.
  expect(data("again", "encoder.block1.weight")).toEqual(data("tuned", "encoder.block1.weight"));
});

describe("a step in parts", () => {
  const plain = (name: string, per: string): string => `
backbone flat_${name} { conv(3, 4), relu, max_pool(4), flatten as vector }
pretrain ${name} {
  data d.train  encoder flat_${name}  head linear(class)
  optimizer adam(lr: 0.01, clip: 0.5)
  for 2 epochs, 12 images per step${per}
}
`;
  test("trains as the whole step does where nothing normalizes over it", async () => {
    done(await play(experimentOf(plain("whole", "") + plain("parts", ", 3 parts per step")), ["whole", "parts"]));
    for (const path of ["head.linear.0.weight", "encoder.conv.0.weight"])
      expect(distance(data("whole", path), data("parts", path))).toBeLessThan(1e-4);
  });

  test("normalizes each part by itself, and averages what the running statistics move towards", async () => {
    done(
      await play(experimentOf("pretrain divided like base { for 2 epochs, 12 images per step, 2 parts per step }\n"), [
        "divided",
        "base",
      ]),
    );
    expect(
      distance(data("base", "encoder.batch_norm.0.running_mean"), data("divided", "encoder.batch_norm.0.running_mean")),
    ).toBeGreaterThan(1e-6);
    expect(data("divided", "encoder.batch_norm.0.running_var").every((v) => v > 0)).toBe(true);
  });
});

test("averaged weights are what is validated and stored", async () => {
  const stages = "pretrain averaged like base { ema 0.5 }\n";
  done(await play(experimentOf(stages), ["averaged", "base"]));
  const [own, mean] = [data("base", "head.linear.0.weight"), data("averaged", "head.linear.0.weight")];
  expect(distance(own, mean)).toBeGreaterThan(1e-5);
  expect(Object.keys(readWeights(entryOf("averaged")))).toEqual(Object.keys(readWeights(entryOf("base"))));
});

test("training ends where patience does, and says so", async () => {
  const experiment = experimentOf(`
pretrain patient like base {
  metric prototypes
  optimizer sgd(lr: 0.0)
  for 9 epochs, 12 images per step
  validate task from d.val, 20 episodes, every epoch, keep best
  patience 2 epochs
}
`);
  const played = await play(experiment, ["patient"]);
  done(played);
  const { history, weights } = entryOf("patient").manifest;
  // Running statistics still move, so accuracy may: but nothing learns for nine epochs.
  const best = Math.max(...history.map(({ accuracy }) => accuracy));
  const first = history.findIndex(({ accuracy }) => accuracy === best) + 1;
  expect(history.at(-1)?.epoch).toBe(Math.min(9, first + 2));
  expect(weights?.from).toMatchObject({ epoch: first, choice: "best" });
  expect(played.events.flatMap((event) => (event.type === "stage.note" ? [event.message] : []))).toEqual([
    `ends after epoch ${first + 2}: none of the last 2 epochs was better`,
  ]);
});

test("a metric that another stage trained validates a pretraining", async () => {
  const experiment = experimentOf(`
meta scaled {
  encoder base.encoder  metric cosine_prototypes  episodes task from d.train
  optimizer sgd(lr: 0.1)
  for 8 episodes, 2 episodes per step
}
pretrain checked like base {
  metric scaled.metric
  validate task from d.val, 20 episodes, every epoch
}
`);
  expect(experiment.stages.find(({ id }) => id === "checked")?.needs).toEqual(["scaled"]);
  done(await play(experiment, ["checked"]));
  expect(entryOf("checked").manifest.inputs.map(({ stage }) => stage)).toEqual(["scaled"]);
  expect(Object.keys(readWeights(entryOf("checked"))).some((path) => path.startsWith("metric."))).toBe(false);
});

test("a plan without the data names no number of classes and no steps", async () => {
  const experiment = experimentOf(`
dataset gone = folder(root: "gone") { train center_crop(20)  eval center_crop(20) }
pretrain unknown {
  data gone.train  encoder net  head linear(class)
  optimizer sgd(lr: 0.1)  ema 0.99
  for 2 epochs, 64 images per step, 4 parts per step, drop last
}
`);
  const { stages } = await plan(experiment, { project, stages: ["unknown"] });
  const unknown = stages.find(({ id }) => id === "unknown");
  if (unknown?.kind !== "pretrain") throw new Error("no plan");
  expect(unknown).toMatchObject({ steps: "unknown", perStep: { images: 64, parts: 4 }, ema: 0.99 });
  const output = [{ name: "class", size: "unknown" }];
  const layers = [{ output, op: { kind: "linear", in: 200, out: "unknown" }, parameters: "unknown" }];
  expect(unknown.networks[1]).toMatchObject({ slot: "head", layers, parameters: "unknown" });
  expect(JSON.stringify(unknown)).not.toMatch(/\b97\b/);
  const text = printPlan({ file: "e", seed: 0, engine: "onnx", device: "cpu", stages }, { width: 100, colorLevel: 0 });
  expect(text).not.toMatch(/\b97\b/);
  expect(text).toContain("2 epochs, steps of 64 images in 4 parts");
  expect(text).toMatch(/linear 200 → \? +class=\? +\?/);
});

test("a plan says over what each call of the loss normalizes, and what a step in parts costs", async () => {
  const stages = (parts: string): string => `
pretrain turned like base {
  for 2 epochs, 12 images per step${parts}
  loss(x: image [item], y: class [item]) {
    mean(cross_entropy(head(encoder(x, norm: batch).vector), y) over all)
      + mean(cross_entropy(head(encoder(rotations(x as turn'), norm: batch).vector), y) over all)
  }
}
`;
  const planned = async (parts: string) => {
    const { stages: all } = await plan(experimentOf(stages(parts)), { project, stages: ["turned"] });
    const turned = all.find(({ id }) => id === "turned");
    if (turned?.kind !== "pretrain" || turned.cost === undefined) throw new Error("no plan");
    return { ...turned, cost: turned.cost };
  };
  const [whole, divided] = [await planned(""), await planned(", 4 parts per step")];
  const turns = (item: number) => ({
    of: "axes",
    axes: [
      { name: "item", size: item },
      { name: "turn'", size: 4 },
    ],
  });
  expect(whole.norms[0]?.training).toEqual([
    { statistics: "batch", over: { of: "step" } },
    { statistics: "batch", over: turns(12) },
  ]);
  expect(divided.norms[0]?.training).toEqual([
    { statistics: "batch", over: { of: "part", images: 3 } },
    { statistics: "batch", over: turns(3) },
  ]);
  expect(divided.cost.peakBytes[0]).toBeLessThan(0.5 * whole.cost.peakBytes[0]);
  expect(Math.abs(divided.cost.flops / whole.cost.flops - 1)).toBeLessThan(0.2);
});

test("images that are skipped leave every step full", async () => {
  const dir = join(project.dir, "damaged");
  cpSync(join(project.dir, "images"), join(dir, "images"), { recursive: true });
  writeFileSync(join(dir, "images", "train", "train-1", "3.png"), "not a picture");
  const path = join(dir, "e.fsl");
  writeFileSync(path, head.replace("{\n  train  center", "{\n  unreadable skip\n  train  center"));
  const { experiment } = compileFile(path, { projectDir: dir });
  if (experiment === undefined) throw new Error("it does not compile");
  const at = { dir, home: join(dir, ".fslc") };
  const played = await follow(run(experiment, { project: at, threads: 2, stages: ["base"] }));
  done(played);
  const [stored] = allEntries(projectPaths.store(at));
  expect(stored?.manifest.data).toMatchObject([{ skipped: 1 }]);
  // Six steps an epoch, as 72 images were counted; 71 of them make five to a pass.
  expect(stored?.manifest.weights?.from).toEqual({ step: 12, epoch: 2, choice: "last" });
});

describe("the order of images", () => {
  const split = (count: number) => ({ split: "train", offsets: Int32Array.of(0, 5, count) }) as const;
  const duration = { epochs: 3, stepsPerEpoch: 4, perStep: 3 };
  test("is each image once an epoch, in another order the next time", () => {
    const batches = imageBatches(split(12), duration, 1);
    const epoch = (e: number): number[] => [1, 2, 3, 4].flatMap((s) => [...batches.images(4 * e + s)]);
    expect([...epoch(0)].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect([...epoch(1)].sort((a, b) => a - b)).toEqual([...epoch(0)].sort((a, b) => a - b));
    expect(epoch(1)).not.toEqual(epoch(0));
  });
  test("goes on with the next pass where images were skipped: every step is full and has each image once", () => {
    const batches = imageBatches(split(10), duration, 1);
    for (let step = 1; step <= 12; step++) {
      const images = [...batches.images(step)];
      expect(new Set(images).size).toBe(3);
      expect(Math.max(...images)).toBeLessThan(10);
    }
  });
  test("refuses a split that fills no step", () => {
    expect(() => imageBatches(split(2), { ...duration, perStep: 3 }, 1)).toThrow(
      /a step needs 3 images, but only 2 images of `train` can be read/,
    );
  });
});
