/** Compares a whole run on a GPU through WebGPU, from decoded images to a stored accuracy, with one on the CPU. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test as runsHere } from "vitest";
import type { EvaluateStage, MetaStage, PretrainStage } from "../../src/compiler/typed/tree.js";
import { plan } from "../../src/runtime/run/plan.js";
import { run } from "../../src/runtime/run/run.js";
import { allEntries, readWeights } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { base, experiment, follow, makeProject, type Played, proto, result } from "../runtime/tiny.js";
import { titleOf } from "./support.js";
import { webgpu } from "./webgpu.js";

const test = runsHere.skipIf(webgpu.missing !== undefined);

/** The experiment has four steps of pretraining, two of meta-learning with one validation, and eight episodes of evaluation. */
const pretrained: PretrainStage = { ...base, duration: { epochs: 1, stepsPerEpoch: 4, perStep: 6 } };
const meta: MetaStage = {
  ...proto,
  duration: { epochs: 1, stepsPerEpoch: 2, perStep: 1 },
  ...(proto.validate === undefined ? {} : { validate: { ...proto.validate, episodes: 4 } }),
};
const evaluate: EvaluateStage = { ...result, rows: result.rows.map((row) => ({ ...row, episodes: 8 })) };
const small = experiment([pretrained, meta, evaluate]);

/** Returns the losses by stage and step. Steps that follow each other closely may be missing. */
const lossesOf = ({ events }: Played): ReadonlyMap<string, number> =>
  new Map(
    events.flatMap((event) => (event.type === "stage.step" ? [[`${event.stage} ${event.step}`, event.loss]] : [])),
  );

describe(titleOf(webgpu), () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject();
  });
  afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

  const entriesOf = (device: string) =>
    allEntries(projectPaths.store({ dir: project.dir, home: join(project.dir, device) }));
  const weightsOf = (device: string, stage: string) => {
    const entry = entriesOf(device).find(({ manifest }) => manifest.stage.id === stage);
    if (entry === undefined) throw new Error(`${stage} is not stored on ${device}`);
    return readWeights(entry);
  };

  test("the same losses, weights and the same accuracy as on the CPU", async () => {
    const on = (device: string): Promise<Played> => {
      const at = { dir: project.dir, home: join(project.dir, device) };
      return follow(run(small, { project: at, threads: 1, engine: "onnx", device }));
    };
    const [gpu, cpu] = [await on("gpu"), await on("cpu")];
    expect([gpu.summary.failures, cpu.summary.failures]).toEqual([[], []]);
    const [found, wanted] = [lossesOf(gpu), lossesOf(cpu)];
    const both = [...wanted].filter(([step]) => found.has(step));
    expect(both.map(([step]) => step)).toContain("base 1");
    for (const [step, loss] of both)
      expect(Math.abs(loss - (found.get(step) ?? Number.NaN)), step).toBeLessThan(1e-4 * Math.max(1, loss));
    for (const stage of ["base", "proto"]) {
      const [there, here] = [weightsOf("gpu", stage), weightsOf("cpu", stage)];
      for (const [path, { data }] of Object.entries(here))
        for (const [i, value] of data.entries())
          expect(Math.abs(value - (there[path]?.data[i] ?? Number.NaN)), `${stage}: ${path}`).toBeLessThan(1e-4);
    }
    // One query of the 8 episodes may be so close to a decision boundary that rounding decides.
    const query = 1 / (8 * 2 * 3);
    const [mean, other] = [gpu, cpu].map(({ summary }) => summary.results[0]?.mean ?? Number.NaN);
    expect(Math.abs(Number(mean) - Number(other))).toBeLessThan(1.5 * query);
    expect(entriesOf("gpu")).toHaveLength(3);
    for (const { manifest } of entriesOf("gpu"))
      expect(manifest.numerics).toMatchObject({ engine: "onnx", device: "gpu", adapter: expect.any(String) });
  }, 600_000);

  test("the plan names what has no kernel there, stage by stage", async () => {
    const { stages } = await plan(small, { project, engine: "onnx", device: "gpu" });
    expect(stages.find(({ id }) => id === meta.id)).toMatchObject({ cost: { kernels: { processor: [] } } });
    expect(stages.find(({ id }) => id === evaluate.id)).toMatchObject({
      cost: { episode: { kernels: { decomposed: ["argmax"], processor: [] } } },
    });
  });
});
