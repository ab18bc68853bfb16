/** Losses of several augmented views of each image. */
import { expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import { imageBatches } from "../../src/runtime/stages/pretrain.js";
import { experimentOf } from "./fsl.js";
import { initialState, step, stream } from "./harness.js";

const side = 4;
const pixels = 3 * side * side;
const [views, items, classes] = [3, 4, 64];
const text = (loss: string, lines = `views ${views}`): string => `fsl 1
import { emoji } from "fsl:datasets"
import { contrast_views } from "fsl:functions"
dataset d = emoji() { train resize(${side})  eval resize(${side}) }
backbone flat { flatten as vector }
pretrain p {
  data d.train  encoder flat  head linear(class)  optimizer sgd(lr: 0.1)  for 1 epoch, ${items} images per step, drop last
  ${lines}
  ${loss}
}
fn _uses(x over a, b, c) { contrast_views(x over a, b, c) }
`;
const random = stream(4);
const images = Array.from({ length: views * items * pixels }, () => Math.floor(random() * 256));
const labels = [5, 0, 63, 5];
const vector = (view: number, item: number): number[] =>
  images.slice((view * items + item) * pixels, (view * items + item + 1) * pixels).map((v) => v / 255);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

function run(source: string): { readonly loss: number; readonly state: ReturnType<typeof initialState> } {
  const experiment = experimentOf(source);
  const [stage] = experiment.stages;
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "pretrain" || dataset === undefined) throw new Error("no pretrain");
  const training = lowerTraining(stage, dataset, { seed: 1 });
  const state = initialState(training);
  return { loss: step(training, state, { images, labels }).host.loss?.[0] ?? Number.NaN, state };
}

it("SimCLR: each view finds the other views of its image (Chen et al. 2020, equation 1)", () => {
  const temperature = 0.3;
  const { loss } = run(
    text(`loss(x: image [view, item], y: class [item]) {
      contrast_views(encoder(x, norm: batch).vector, temperature: ${temperature} over view, item, feature)
    }`),
  );
  const cosine = (a: readonly number[], b: readonly number[]): number =>
    sum(a.map((v, i) => v * (b[i] ?? 0))) / Math.sqrt(sum(a.map((v) => v * v)) * sum(b.map((v) => v * v)));
  const all = range(views).flatMap((view) => range(items).map((item) => ({ view, item, z: vector(view, item) })));
  const losses = all.flatMap((one) => {
    const others = all.filter((other) => other !== one);
    const mass = sum(others.map(({ z }) => Math.exp(cosine(one.z, z) / temperature)));
    const positives = others.filter(({ item }) => item === one.item);
    return mean(positives.map(({ z }) => Math.log(mass) - cosine(one.z, z) / temperature));
  });
  expect(loss).toBeCloseTo(mean(losses), 8);
});

it("the default loss is the mean over all views", () => {
  const { loss, state } = run(text(""));
  const scores = (x: readonly number[]): number[] =>
    range(classes).map(
      (c) =>
        (state["head.linear.0.bias"]?.[c] ?? 0) +
        sum(x.map((v, k) => v * (state["head.linear.0.weight"]?.[c * pixels + k] ?? 0))),
    );
  const losses = range(views).flatMap((view) =>
    range(items).map((item) => {
      const z = scores(vector(view, item));
      return Math.log(sum(z.map(Math.exp))) - (z[labels[item] ?? 0] ?? 0);
    }),
  );
  expect(loss).toBeCloseTo(mean(losses), 8);
});

it("a step has each image once for each view, part by part, and the labels of its images", () => {
  const split = { split: "train" as const, offsets: Int32Array.of(0, 4, 9) };
  const duration = { epochs: 2, stepsPerEpoch: 2, perStep: 4, parts: 2 };
  const plain = imageBatches(split, duration, 7);
  const twice = imageBatches(split, duration, 7, { views: 2 });
  for (const at of [1, 2, 3]) {
    const [a, b, c, d] = plain.images(at);
    expect([...twice.images(at)]).toEqual([a, b, a, b, c, d, c, d]);
    const feed = { labels: { shape: [2], dtype: "i32" as const, data: new Int32Array(2) } };
    twice.fill(feed, twice.images(at).subarray(4, 8), at);
    expect([...feed.labels.data]).toEqual([c, d].map((image) => ((image ?? 0) < 4 ? 0 : 1)));
  }
});
