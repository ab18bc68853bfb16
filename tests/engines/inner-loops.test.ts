/** Training steps through inner loops, episodes side by side: the ONNX engine against the interpreter. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import type { Engine, HostTensor } from "../../src/runtime/engines/engine.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { experimentOf } from "../lower/fsl.js";
import { initialState, step, stream } from "../lower/harness.js";

const source = (metric: string): string => `fsl 1
import { maml, fomaml, maml_inductive } from "fsl:meta"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(12), normalize(mean: [0.5], std: [0.25])
  eval  resize(14), center_crop(12), normalize(mean: [0.5], std: [0.25])
}
backbone small { repeat 2 { conv(3, 4), batch_norm, relu, max_pool(2) } flatten as vector }
episode task = 3 way, 2 shot, 2 query
meta m {
  encoder   small
  metric    ${metric}
  episodes  task from d.train
  optimizer sgd(lr: 0.5)
  for       1 epoch of 4 episodes, 2 episodes per step
}
`;

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("onnx", { device: "cpu", threads: 1 });
});
afterAll(() => engine.dispose());

for (const metric of [
  "maml(rate: 0.3, inner: 2 steps)",
  "fomaml(rate: 0.3, inner: 2 steps)",
  "maml_inductive(rate: 0.3, inner: 2 steps)",
])
  it(metric, async () => {
    const experiment = experimentOf(source(metric));
    const stage = experiment.stages[0];
    const [dataset] = Object.values(experiment.datasets);
    if (stage?.kind !== "meta" || !dataset) throw new Error("no meta stage");
    const training = lowerTraining(stage, dataset, { seed: 0 });
    const { program } = training;
    const random = stream(5);
    const feeds: Record<string, number[]> = {};
    for (const { name, role, node } of program.inputs) {
      if (role !== "feed") continue;
      const size = node.shape.reduce((a, b) => a * b, 1);
      const rows = node.shape.at(-1) ?? 1;
      feeds[name] = Array.from({ length: size }, (_, i) =>
        name === "images" ? Math.floor(random() * 256) : (rows - 1 - (i % rows)) % rows,
      );
    }
    const state = initialState(training, 3);
    const expected = step(training, state, feeds);
    const executable = await engine.compile(program);
    const args = Object.fromEntries(
      program.inputs.map(({ name, role, node }) => {
        const { shape, dtype } = node;
        const values = (role === "feed" ? feeds : state)[name] ?? [];
        const data =
          dtype === "u8"
            ? Uint8Array.from(values)
            : dtype === "i32"
              ? Int32Array.from(values)
              : Float32Array.from(values);
        const tensor: HostTensor = { shape, dtype, data };
        return [name, role === "feed" ? tensor : engine.upload(tensor)] as const;
      }),
    );
    const { host, device } = await executable.run(args);
    expect(host.loss?.data[0]).toBeCloseTo(expected.host.loss?.[0] ?? Number.NaN, 4);
    for (const path of [...training.trained, "encoder.batch_norm.0.running_mean"]) {
      const handle = device[path];
      if (!handle) throw new Error(`${path} did not come back`);
      const found = [...(await engine.download(handle)).data];
      const own = expected.state[path] ?? [];
      const size = Math.max(...own.map(Math.abs));
      found.forEach((value, i) => expect(Math.abs(value - (own[i] ?? Number.NaN)), path).toBeLessThan(2e-4 * size));
    }
    await executable.dispose();
  });
