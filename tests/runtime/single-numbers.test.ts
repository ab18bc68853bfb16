/** Learned numbers from a file of PyTorch, which stores one number as `[]`, `[1]` or `[1, 1]`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { metricWeights } from "../../src/compiler/typed/weights.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import type { Job } from "../../src/runtime/stages/job.js";
import { loadInitialWeights } from "../../src/runtime/stages/weights.js";
import { encodeSafetensors } from "../../src/runtime/store/safetensors.js";

const dir = mkdtempSync(join(tmpdir(), "fslc-numbers-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const text = `fsl 1
import { emoji } from "fsl:datasets"
dataset drawings = emoji() { train resize(16), normalize  eval resize(16), normalize }
episode task = 2 way, 1 shot, 1 query
backbone bare { flatten as vector }
metric scaled {
  learn t = 1.0 positive, offset = 0.0, last = module { linear(1, bias: false), linear(1, bias: false) }
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    let away = query - mean(support over shot)
    offset - t * sum(away * away over feature) + sum(last(away) over feature)
  }
}
evaluate r { encoder bare  metric scaled  episodes task from drawings.test, 20 episodes  init metric from "m.safetensors" RULES }
`;

/** The metric's weights of a file with these tensors, as the stage starts with them. */
function loaded(tensors: Record<string, readonly number[]>, rules = "") {
  const sized = ([name, shape]: [string, readonly number[]], i: number) => {
    const data = new Float32Array(shape.reduce((all, size) => all * size, 1)).fill(i + 0.5);
    return [name, { shape, dtype: "f32" as const, data }] as const;
  };
  writeFileSync(join(dir, "m.safetensors"), encodeSafetensors(Object.fromEntries(Object.entries(tensors).map(sized))));
  const path = join(dir, "e.fsl");
  writeFileSync(path, text.replace("RULES", rules));
  const { experiment, project, diagnostics } = compileFile(path, { projectDir: dir });
  expect(diagnostics.map(({ message, help }) => [message, help])).toEqual([]);
  const [stage] = experiment?.stages ?? [];
  if (experiment === undefined || stage?.kind !== "evaluate") throw new Error("it does not compile");
  const decls = metricWeights(stage.metric, stage.encoder.value);
  const job: Pick<Job, "project" | "inputs" | "seed"> = { project, inputs: {}, seed: 0 };
  return loadInitialWeights(decls, job as Job);
}

const features = 16 * 16 * 3;
const layers = { "last.linear.0.weight": [1, features], "last.linear.1.weight": [1, 1] };

test.each([[[]], [[1]], [[1, 1]]])("a learned number takes a tensor of shape %j", (shape) => {
  const weights = loaded({ t: shape, offset: shape, ...layers });
  expect(weights["metric.t"]).toMatchObject({ shape: [], data: Float32Array.of(0.5) });
  expect(weights["metric.offset"]).toMatchObject({ shape: [], data: Float32Array.of(1.5) });
});

test("a rule names it too", () => {
  const rules = '{ "r" -> "metric.offset"; "head.scale" -> "metric.t" }';
  const weights = loaded({ r: [1], "head.scale": [1], ...layers }, rules);
  expect(weights["metric.offset"]).toMatchObject({ shape: [], data: Float32Array.of(0.5) });
  expect(weights["metric.t"]).toMatchObject({ shape: [], data: Float32Array.of(1.5) });
});

test("a weight of one element takes a tensor without axes", () => {
  const weights = loaded({ t: [], offset: [], ...layers, "last.linear.1.weight": [] });
  expect(weights["metric.last.linear.1.weight"]).toMatchObject({ shape: [1, 1], data: Float32Array.of(3.5) });
});
