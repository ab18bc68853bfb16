/** fslc's side of the benchmark: it compiles experiments from .fsl files and runs them on an engine. */
import { join } from "node:path";
import { lowerClassify, lowerEmbed, lowerTraining } from "../src/compiler/lower/index.js";
import { initialWeights } from "../src/compiler/lower/weights.js";
import type { Program } from "../src/compiler/tensor/ir.js";
import type { Dataset, EvaluateStage, Experiment, MetaStage } from "../src/compiler/typed/tree.js";
import { stageWeights } from "../src/compiler/typed/weights.js";
import { sampleEpisode } from "../src/runtime/data/index.js";
import type { Engine, Handle, HostTensor, HostTensors } from "../src/runtime/engines/engine.js";
import { compileFile } from "../src/runtime/host/compile-file.js";
import { episodesInRun } from "../src/runtime/stages/chunks.js";
import { ProgressTracker } from "../src/runtime/stages/context.js";
import { allocateFeeds, feedData } from "../src/runtime/stages/feeds.js";
import { SegmentedExecutable } from "../src/runtime/stages/segmented.js";
import { packageRoot } from "../src/runtime/system/package.js";

const seed = 1;

/** Runs once and returns the time in seconds. */
export type Timed = () => Promise<number>;

function experiment(name: string): Experiment {
  const file = join(packageRoot, "bench", "experiments", `${name}.fsl`);
  const compiled = compileFile(file);
  if (compiled.experiment === undefined)
    throw new Error(`${file}: ${compiled.diagnostics.map((problem) => problem.code).join(", ")}`);
  return compiled.experiment;
}

function stageOf(from: Experiment): { stage: MetaStage; dataset: Dataset } {
  const stage = from.stages.find((each) => each.kind === "meta");
  if (stage?.kind !== "meta") throw new Error("the experiment has no meta stage");
  const id = stage.episodes.split.dataset;
  const dataset = from.datasets[id];
  if (dataset === undefined) throw new Error(`no dataset ${id}`);
  return { stage, dataset };
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Returns images of repeatable noise, which no compiler can fold. */
function noise(shape: readonly number[]): HostTensor {
  const data = new Uint8Array(elements(shape));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { shape, dtype: "u8", data };
}

function feedsOf(program: Program): HostTensors {
  return Object.fromEntries(
    program.inputs
      .filter((input) => input.role === "feed")
      .map(({ name, node }): [string, HostTensor] => [
        name,
        node.dtype === "i32" ? rising(node.shape) : noise(node.shape),
      ]),
  );
}

/** Returns 0, 1, 2, … along the last axis, which keeps the queries in order. */
function rising(shape: readonly number[]): HostTensor {
  const last = shape.at(-1) ?? 1;
  return { shape, dtype: "i32", data: Int32Array.from({ length: elements(shape) }, (_, i) => i % last) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Measures one step of the experiment's meta stage: forward, backward and update. */
export async function trainingStep(engine: Engine, name: string): Promise<Timed> {
  const { stage, dataset } = stageOf(experiment(name));
  const { program, weights, extra } = lowerTraining(stage, dataset, { seed: seed });
  const executable = await engine.compile(program);
  const start: Record<string, HostTensor> = { ...initialWeights(weights, seed) };
  for (const { name: state, shape, dtype, fill } of extra) {
    const size = elements(shape);
    const data = dtype === "i32" ? new Int32Array(size).fill(fill) : new Float32Array(size).fill(fill);
    start[state] = { shape, dtype, data };
  }
  let handles: Record<string, Handle> = {};
  for (const input of program.inputs) {
    const tensor = start[input.name];
    if (input.role !== "feed" && tensor !== undefined) handles[input.name] = engine.upload(tensor);
  }
  const feeds = feedsOf(program);
  return () =>
    seconds(async () => {
      const { device, host } = await executable.run({ ...handles, ...feeds });
      handles = { ...handles, ...device };
      if (host.finite?.data[0] !== 1) throw new Error(`the bench's ${name} step is not finite`);
    });
}

/** Measures the forward pass of `count` images with constant weights, as in the final evaluation. */
export async function embedding(engine: Engine, name: string, count: number): Promise<Timed> {
  const { stage, dataset } = stageOf(experiment(name));
  const program = lowerEmbed(stage.encoder.value, dataset, { batch: count, outputs: ["vector"], slot: "encoder" });
  const constants = initialWeights(stageWeights(stage), seed);
  const executable = await engine.compile(program, only(program, constants));
  const feeds = feedsOf(program);
  return () => seconds(() => executable.run(feeds));
}

function only(program: Program, tensors: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => program.inputs.some((i) => i.name === name)));
}

/** The data has 20 classes of 600 images, as the test split of miniImageNet. */
const benchSplit = { classes: 20, images: 600 };
function split() {
  return {
    split: "test" as const,
    digest: "bench",
    imageDigest: "bench",
    classes: Array.from({ length: benchSplit.classes }, (_, index) => `class ${index}`),
    offsets: Int32Array.from({ length: benchSplit.classes + 1 }, (_, index) => index * benchSplit.images),
    sourceOf: (image: number) => `image ${image}`,
  };
}

/** Measures a whole evaluation: it embeds every image of the split once and classifies 600 episodes. */
export async function evaluation(engine: Engine, name: string, episodes: number): Promise<Timed> {
  const source = experiment(name);
  const { stage, dataset } = stageOf(source);
  const evaluate = source.stages.find((each): each is EvaluateStage => each.kind === "evaluate");
  const task = evaluate?.rows[0]?.task;
  if (task === undefined) throw new Error("the experiment has no evaluation");
  const batch = 100;
  const perRun = 50;
  const embed = lowerEmbed(stage.encoder.value, dataset, { batch, outputs: ["vector"], slot: "encoder" });
  const embedder = await engine.compile(embed, only(embed, initialWeights(stageWeights(stage), seed)));
  const classify = lowerClassify(stage.metric.value, task, stage.encoder.value, {
    episodes: perRun,
    report: [],
  });
  const classifier = await engine.compile(classify);
  const images = feedsOf(embed);
  const total = benchSplit.classes * benchSplit.images;
  return () =>
    seconds(async () => {
      let width = 0;
      let rows = new Float32Array(0);
      for (let start = 0; start < total; start += batch) {
        const vectors = (await embedder.run(images)).host.vector?.data as Float32Array;
        width = vectors.length / batch;
        if (rows.length === 0) rows = new Float32Array(total * width);
        rows.set(vectors, start * width);
      }
      const place = split();
      for (let first = 0; first < episodes; first += perRun) {
        const sides: Record<string, Float32Array> = {
          support: new Float32Array(perRun * task.way * task.shot * width),
          query: new Float32Array(perRun * task.way * task.query * width),
        };
        for (let each = 0; each < perRun; each++) {
          const episode = sampleEpisode(seed, "evaluate", place, task, first + each);
          for (const side of ["support", "query"] as const) {
            const chosen = episode[side];
            chosen.forEach((image, slot) =>
              sides[side]?.set(
                rows.subarray(image * width, (image + 1) * width),
                (each * chosen.length + slot) * width,
              ),
            );
          }
        }
        const feeds: Record<string, HostTensor> = {};
        for (const { name: feed, node } of classify.inputs) {
          const data = sides[feed.slice(0, feed.indexOf("."))];
          if (data !== undefined) feeds[feed] = { shape: node.shape, dtype: "f32", data };
        }
        await classifier.run(feeds);
      }
    });
}

/** Measures the heads of an evaluation on cached features: it solves 600 episodes in batches of the size that the runtime uses. */
export async function heads(engine: Engine, name: string, stageName: string): Promise<Timed> {
  const stage = experiment(name).stages.find((each) => each.name === stageName);
  if (stage?.kind !== "evaluate") throw new Error(`${name} has no evaluation ${stageName}`);
  const [row] = stage.rows;
  if (row === undefined) throw new Error(`${stageName} has no row`);
  const { metric, task, episodes } = row;
  const encoder = stage.encoder.value;
  const width = elements((encoder.outputs.vector ?? []).map((axis) => axis.size));
  const perRun = episodesInRun(task, width, episodes);
  const program = lowerClassify(metric, task, encoder, { episodes: perRun, report: stage.report });
  const executable = await SegmentedExecutable.compile(program, undefined, engine);
  const place = split();
  const rows = clusters(width);
  const feeds = allocateFeeds(program);
  const progress = new ProgressTracker(
    () => {},
    () => false,
  );
  return () =>
    seconds(async () => {
      for (let first = 0; first < episodes; first += perRun) {
        for (let each = 0; each < perRun; each++) {
          const episode = sampleEpisode(seed, "evaluate", place, task, first + each);
          for (const side of ["support", "query"] as const) {
            const target = feedData(feeds, `${side}.vector`, Float32Array);
            episode[side].forEach((image, slot) =>
              target.set(
                rows.subarray(image * width, (image + 1) * width),
                (each * episode[side].length + slot) * width,
              ),
            );
          }
        }
        await executable.run(feeds, progress);
      }
    });
}

/** Returns features like those of a network: not negative, and around a center for each class. */
function clusters(width: number): Float32Array {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const rows = new Float32Array(benchSplit.classes * benchSplit.images * width);
  for (let c = 0; c < benchSplit.classes; c++) {
    const centre = Float32Array.from({ length: width }, () => Math.max(0, random() - 0.6));
    for (let image = c * benchSplit.images; image < (c + 1) * benchSplit.images; image++)
      for (let f = 0; f < width; f++) rows[image * width + f] = Math.max(0, (centre[f] ?? 0) + 0.6 * (random() - 0.5));
  }
  return rows;
}

/** Returns the episodes per second of the sampler, for 5-way 1-shot 15-query on 64 classes of 600 images. */
export function samplerRate(): number {
  const place = {
    ...split(),
    classes: Array.from({ length: 64 }, (_, index) => `class ${index}`),
    offsets: Int32Array.from({ length: 65 }, (_, index) => index * 600),
  };
  const task = { way: 5, shot: 1, query: 15 };
  const count = 200_000;
  const start = performance.now();
  for (let index = 0; index < count; index++) sampleEpisode(seed, "train", place, task, index);
  return (count / (performance.now() - start)) * 1000;
}
