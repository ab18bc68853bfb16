/** What trainings report of their steps, and training on listed episodes. */
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { MetaStage, TrainingReport, TrainingStage } from "../../src/compiler/typed/tree.js";
import { parseEpisodeList } from "../../src/runtime/data/episode-list.js";
import { kindOfStep } from "../../src/runtime/data/sampler.js";
import type { HostTensors } from "../../src/runtime/engines/engine.js";
import { run } from "../../src/runtime/run/run.js";
import { resultsDir } from "../../src/runtime/store/run-results.js";
import { decodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { allEntries, readWeights } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { prototypes, sgd, span } from "../lower/fixtures.js";
import { base, experiment, follow, images, makeProject, proto, task } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const lr = 0.05;
const plainSgd = { optimizer: sgd({ lr }), schedule: { kind: "constant" as const, warmup: 0 } };
const short: MetaStage = {
  ...proto,
  ...plainSgd,
  encoder: { ...proto.encoder, from: undefined },
  needs: [],
  validate: undefined,
  duration: { epochs: 1, stepsPerEpoch: 3, perStep: 2 },
};
const everything: readonly TrainingReport[] = [
  { kind: "weights", every: 1 },
  { kind: "gradients", every: 2 },
  { kind: "images" },
];

/** Trains in a fresh store. Returns the folder of the reports, the stored weights and their digest. */
async function trained(stage: TrainingStage, engine: string, home: string) {
  const at = { dir: project.dir, home: join(project.dir, `${engine}-${home}`) };
  const { summary } = await follow(run(experiment([stage]), { project: at, threads: 2, engine }));
  expect(summary.failures).toEqual([]);
  const [entry] = allEntries(projectPaths.store(at));
  if (entry === undefined) throw new Error("nothing is stored");
  const dir = resultsDir(join(projectPaths.runs(at), summary.run), stage.id);
  return { dir, files: summary.files, weights: readWeights(entry), output: entry.manifest.output };
}
const read = (dir: string, name: string): HostTensors => decodeSafetensors(readFileSync(join(dir, name)));

/** Returns the largest difference between one step of plain SGD and the weights after it. */
function stepError(before: HostTensors, gradients: HostTensors, after: HostTensors): number {
  let most = 0;
  for (const [path, gradient] of Object.entries(gradients)) {
    const [old = [], next = []] = [before[path]?.data, after[path]?.data];
    for (const [i, g] of gradient.data.entries()) {
      most = Math.max(most, Math.abs((old[i] ?? Number.NaN) - lr * g - (next[i] ?? Number.NaN)));
    }
  }
  return most;
}

describe.each(["onnx", "reference"])("on %s", (engine) => {
  test("a `meta` writes its weights, gradients, images and episodes", async () => {
    const { dir, files, weights } = await trained(
      { ...short, report: [...everything, { kind: "episodes" }] },
      engine,
      "all",
    );
    const names = [
      "episodes.json",
      "gradients-1.safetensors",
      "gradients-3.safetensors",
      "images-1.safetensors",
      "weights-0.safetensors",
      "weights-1.safetensors",
      "weights-2.safetensors",
      "weights-3.safetensors",
    ];
    expect(readdirSync(dir).sort()).toEqual([...names, "manifest.json"].sort());
    expect(files.map((file) => file.slice(dir.length + 1)).sort()).toEqual(names);
    const [start, first] = [read(dir, "weights-0.safetensors"), read(dir, "weights-1.safetensors")];
    const gradients = read(dir, "gradients-1.safetensors");
    expect(Object.keys(gradients).sort()).toEqual(
      Object.keys(first)
        .filter((path) => !path.includes("running"))
        .sort(),
    );
    expect(Object.values(gradients).some(({ data }) => data.some((g) => Math.abs(g) > 1e-3))).toBe(true);
    expect(stepError(start, gradients, first)).toBeLessThan(1e-7);
    expect(read(dir, "weights-3.safetensors")).toEqual(weights);
    const { images } = read(dir, "images-1.safetensors");
    expect([images?.dtype, images?.shape]).toEqual(["u8", [2, task.way * (task.shot + task.query), 3, 20, 20]]);
  });

  test("what is reported changes no weight, and its list of episodes trains the same weights again", async () => {
    const reported = await trained({ ...short, report: [...everything, { kind: "episodes" }] }, engine, "listed");
    const unreported = await trained(short, engine, "unreported");
    expect(unreported.output).toBe(reported.output);
    expect(unreported.files).toEqual([]);

    copyFileSync(join(reported.dir, "episodes.json"), join(project.dir, "list.json"));
    const list = parseEpisodeList(readFileSync(join(project.dir, "list.json"), "utf8"));
    if ("problem" in list) throw new Error(list.problem);
    expect(list.episodes).toBe(6);
    const given = { list: { path: "list.json", digest: list.digest, span }, episodes: 6 };
    const again = await trained({ ...short, episodes: { ...short.episodes, given } }, engine, "given");
    expect(again.output).toBe(reported.output);
  });

  test("the gradient of a step in parts is the mean over the parts", async () => {
    const parts = { ...base, ...plainSgd, duration: { epochs: 1, stepsPerEpoch: 2, perStep: 12, parts: 3 } };
    const { dir } = await trained(
      {
        ...parts,
        report: [
          { kind: "weights", every: 1 },
          { kind: "gradients", every: 1 },
        ],
      },
      engine,
      "parts",
    );
    for (const step of [1, 2]) {
      const [before, after] = [step - 1, step].map((at) => read(dir, `weights-${at}.safetensors`));
      const error = stepError(before ?? {}, read(dir, `gradients-${step}.safetensors`), after ?? {});
      expect(error).toBeLessThan(1e-7);
    }
  });
});

test("the images of a `pretrain` are written with their labels", async () => {
  const { dir } = await trained({ ...base, report: [{ kind: "images", every: 6 }] }, "onnx", "images");
  expect(readdirSync(dir).sort()).toEqual(["images-1.safetensors", "images-7.safetensors", "manifest.json"]);
  const { images, labels } = read(dir, "images-7.safetensors");
  expect([images?.shape, labels?.shape]).toEqual([[12, 3, 20, 20], [12]]);
  expect(labels?.data.every((label) => label >= 0 && label < 6)).toBe(true);
});

test("a list that is shorter than the training begins again", async () => {
  const list = JSON.parse(readFileSync(join(project.dir, "list.json"), "utf8"));
  const one = JSON.stringify({ ...list, episodes: list.episodes.slice(0, 1) });
  const six = JSON.stringify({ ...list, episodes: Array.from({ length: 6 }, () => list.episodes[0]) });
  const outputs: string[] = [];
  for (const [name, text] of [
    ["one", one],
    ["six", six],
  ] as const) {
    const parsed = parseEpisodeList(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    writeFileSync(join(project.dir, `${name}.json`), text);
    const given = { list: { path: `${name}.json`, digest: parsed.digest, span }, episodes: parsed.episodes };
    outputs.push((await trained({ ...short, episodes: { ...short.episodes, given } }, "onnx", name)).output);
  }
  expect(outputs[1]).toBe(outputs[0]);
});

test("the gradients of the first step of Adam are those of the reference engine; biases under a norm have none", async () => {
  const stage: TrainingStage = {
    ...base,
    optimizer: sgd({ kind: "adam", lr: 0.01 }),
    duration: { epochs: 1, stepsPerEpoch: 1, perStep: 12 },
    report: [{ kind: "gradients" }],
  };
  const [found, truth] = await Promise.all(
    ["onnx", "reference"].map(async (engine) => {
      const { dir } = await trained(stage, engine, "first-gradients");
      return new Map(Object.entries(read(dir, "gradients-1.safetensors")).map(([path, { data }]) => [path, [...data]]));
    }),
  );
  for (const [path, expected] of truth ?? []) {
    const size = Math.hypot(...expected);
    const error = Math.hypot(...expected.map((value, i) => value - (found?.get(path)?.[i] ?? Number.NaN)));
    // Norms of tensors are compared, not elements: some elements are nearly 0, and their digits are rounding errors.
    if (/conv\.\d\.bias$/.test(path)) expect(Math.max(size, error)).toBeLessThan(1e-5);
    else expect(error / size, path).toBeLessThan(1e-5);
  }
  expect(truth?.size).toBe(10);
});

test("steps are of several kinds: other tasks and other data sets, one drawn for each step", async () => {
  const [normalize] = images.eval;
  if (normalize === undefined) throw new Error("no transform");
  const d = { ...images, train: [normalize] };
  const inverted = { ...images, id: "e", name: "e", train: [{ op: "invert" } as const, normalize] };
  const wide = { way: 2, shot: 2, query: 3 };
  const features = proto.encoder.value.outputs["vector"]?.[0]?.size ?? 0;
  const steps = 4;
  const seed = 1;
  const home = async (third: string) => {
    const stage: MetaStage = {
      ...short,
      duration: { epochs: 1, stepsPerEpoch: steps, perStep: 1 },
      others: [
        { task: wide, split: short.episodes.split, metric: prototypes(wide, features) },
        { task, split: { ...short.episodes.split, dataset: third }, metric: short.metric.value },
      ],
      report: [
        { kind: "weights", every: 1 },
        { kind: "gradients", every: 1 },
        { kind: "images", every: 1 },
      ],
    };
    const at = { dir: project.dir, home: join(project.dir, `kinds-${third}`) };
    const whole = { ...experiment([stage]), datasets: { d, e: inverted } };
    const { summary } = await follow(run(whole, { project: at, threads: 2, engine: "reference", seed }));
    expect(summary.failures).toEqual([]);
    return resultsDir(join(projectPaths.runs(at), summary.run), stage.id);
  };
  const [both, one] = [await home("e"), await home("d")];
  const seen = new Set<number>();
  for (let step = 1; step <= steps; step++) {
    const kind = kindOfStep(seed, step, 3);
    seen.add(kind);
    const pixels = [both, one].map((dir) => read(dir, `images-${step}.safetensors`)["images"]);
    expect(pixels[0]?.shape.slice(0, 2)).toEqual([1, kind === 1 ? 10 : 8]);
    const expected = [...(pixels[1]?.data ?? [])].map((value) => (kind === 2 ? 255 - value : value));
    expect([...(pixels[0]?.data ?? [])]).toEqual(expected);
    const [before, after] = [step - 1, step].map((n) => read(both, `weights-${n}.safetensors`));
    expect(stepError(before ?? {}, read(both, `gradients-${step}.safetensors`), after ?? {})).toBeLessThan(5e-7);
  }
  expect(seen).toEqual(new Set([0, 1, 2]));
});
