/** `warp` of the library on pixels, against bilinear sampling in plain loops: the loss, and its derivatives in the six numbers of the map. */
import { describe, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import { engines, titleOf } from "../engines/support.js";
import { apart, trained } from "../engines/training.js";
import { experimentOf } from "../lower/fsl.js";
import { initialState, step, stream } from "../lower/harness.js";

const side = 5;
const count = 2;
const rate = 1e-3;
/** A map that takes some pixels from beyond the edges. Learned values start as 32-bit numbers, and these are such numbers. */
const theta = { xx: 0.75, xy: 0.375, dx: 0.125, yx: -0.25, yy: 0.875, dy: -0.1875 };
type Theta = typeof theta;

const random = stream(3);
const bytes = Array.from({ length: count * 3 * side * side }, () => Math.floor(random() * 256));

function pixel(plane: number, row: number, column: number): number {
  if (row < 0 || column < 0 || row >= side || column >= side) return 0;
  return (bytes[(plane * side + row) * side + column] ?? Number.NaN) / 255;
}

/** The mean over all warped pixels v, the k-th of its image, of v² · k. */
function lossOf({ xx, xy, dx, yx, yy, dy }: Theta): number {
  let sum = 0;
  for (let plane = 0; plane < count * 3; plane++)
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++) {
        const [x, y] = [(2 * j + 1) / side - 1, (2 * i + 1) / side - 1];
        const column = ((xx * x + xy * y + dx + 1) * side - 1) / 2;
        const row = ((yx * x + yy * y + dy + 1) * side - 1) / 2;
        let value = 0;
        for (let r = 0; r < side; r++)
          for (let c = 0; c < side; c++)
            value += Math.max(0, 1 - Math.abs(row - r)) * Math.max(0, 1 - Math.abs(column - c)) * pixel(plane, r, c);
        sum += value ** 2 * (((plane % 3) * side + i) * side + j);
      }
  return sum / (count * 3 * side * side);
}

const names = Object.keys(theta) as (keyof Theta)[];
const feeds = { images: bytes, labels: [0, 1] };

function lowered() {
  const experiment = experimentOf(`fsl 1
import { emoji } from "fsl:datasets"
import { warp } from "fsl:functions"
dataset d = emoji() { train resize(${side})  eval resize(${side}) }
backbone plain { flatten as vector }
pretrain p {
  data d.train  encoder plain  head linear(class)
  learn ${names.map((name) => `${name} = ${theta[name]}`).join(", ")}
  optimizer sgd(lr: ${rate})
  for 1 epoch, ${count} images per step, drop last
  loss(x: image [item], y: class [item]) {
    let moved = warp(pixels(x), ${names.join(", ")} over height, width)
    let v = encoder(image(moved), norm: batch).vector
    mean(v * v * position(feature) over all) + 0 * mean(head(v) over all)
  }
}`);
  const [stage] = experiment.stages;
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "pretrain" || dataset === undefined) throw new Error("no stage");
  return lowerTraining(stage, dataset, { seed: 1 });
}
const training = lowered();
const state = initialState(training);
const after = step(training, state, feeds);

it("takes each pixel from where the map says, with the derivatives of the map", () => {
  expect(after.host["loss"]?.[0]).toBeCloseTo(lossOf(theta), 10);
  for (const name of names) {
    const slope =
      (lossOf({ ...theta, [name]: theta[name] + 1e-6 }) - lossOf({ ...theta, [name]: theta[name] - 1e-6 })) / 2e-6;
    const path = Object.keys(state).find((each) => each.endsWith(`learn.${name}`)) ?? name;
    const found = ((state[path]?.[0] ?? Number.NaN) - (after.state[path]?.[0] ?? Number.NaN)) / rate;
    expect(Math.abs(found - slope), name).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
  }
});

describe("engines take the same step as the interpreter", () => {
  for (const candidate of [engines.onnx, engines.onednn, engines.tensorflow])
    it.skipIf(candidate.missing !== undefined)(titleOf(candidate), async () => {
      const engine = candidate.make();
      const found = await trained(engine, training, state, [feeds]);
      await engine.dispose();
      expect(Math.abs((found.losses[0] ?? Number.NaN) - (after.host["loss"]?.[0] ?? Number.NaN))).toBeLessThan(1e-4);
      for (const path of training.trained) expect(apart(after.state[path], found.state[path]), path).toBeLessThan(1e-6);
    });
});
