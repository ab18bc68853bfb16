/** TADAM against its formula: the channels inside an encoder, scaled and shifted as the supports say. */
import { expect, it } from "vitest";
import { initialWeights, lowerEpisodes } from "../../src/compiler/lower/index.js";
import { encoderWeights, scoringWeights } from "../../src/compiler/typed/weights.js";
import { experimentOf } from "../lower/fsl.js";
import { run, stream, type Values } from "../lower/harness.js";
import { get, inner, times } from "./learner.js";
import { mean, squared } from "./metric-formulas.js";

const task = { way: 2, shot: 2, query: 1 };
/** Images of 2 × 2 pixels. Convolutions of single pixels make the formula a product per pixel. */
const experiment = experimentOf(`fsl 1
import { folder } from "fsl:datasets"
import { tadam }  from "fsl:metrics"
dataset d = folder(root: "d") {
  train resize(2), center_crop(2), normalize(mean: [0.5], std: [0.25])
  eval  resize(2), center_crop(2), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { conv(1, 2) as film1, tanh, conv(1, 2) as film2, tanh, flatten as vector }
episode task = 2 way, 2 shot, 1 query
meta m {
  encoder tiny  metric tadam(hidden: 3)  episodes task from d.train
  optimizer sgd(lr: 0.1)
  for 1 epoch of 4 episodes, 1 episode per step
  loss classify + 0.01 * size
}
`);
const [stage] = experiment.stages;
const { d } = experiment.datasets;
if (stage?.kind !== "meta" || d === undefined) throw new Error("a meta stage and a dataset");

/** A map by channel: [channel][pixel]. */
type Maps = readonly (readonly number[])[];
const each = (x: Maps, f: (v: number, channel: number) => number): number[][] =>
  x.map((plane, c) => plane.map((v) => f(v, c)));
const rows = (w: Values, path: string, width: number): number[][] =>
  times((w[path]?.length ?? 0) / width, (r) => (w[path] ?? []).slice(r * width, (r + 1) * width));

function pixelwise(w: Values, layer: string, x: Maps): number[][] {
  return rows(w, `encoder.${layer}.weight`, x.length).map((weights, o) =>
    times(
      4,
      (p) =>
        get(w[`encoder.${layer}.bias`], o) +
        inner(
          weights,
          x.map((plane) => get(plane, p)),
        ),
    ),
  );
}

/** Oreshkin et al. 2018, section 3.2: a network of the task for each layer, times a learned size. */
function film(w: Values, at: 1 | 2, x: Maps, all: readonly number[]): number[][] {
  const network = (name: string): number[] => {
    const layer = (i: number, v: readonly number[]): number[] =>
      rows(w, `metric.${name}.linear.${i}.weight`, v.length).map(
        (row, o) => get(w[`metric.${name}.linear.${i}.bias`], o) + inner(row, v),
      );
    return layer(
      1,
      layer(0, all).map((v) => Math.max(0, v)),
    );
  };
  const [gain, shift] = [network(`gain${at}`), network(`shift${at}`)];
  const [gains, shifts] = [get(w[`metric.gains${at}`], 0), get(w[`metric.shifts${at}`], 0)];
  return each(x, (v, c) => (1 + gains * get(gain, c)) * v + shifts * get(shift, c));
}

function embedded(w: Values, x: Maps, all?: readonly number[]): number[] {
  const a = pixelwise(w, "conv.0", x);
  const b = pixelwise(w, "conv.1", each(all === undefined ? a : film(w, 1, a, all), Math.tanh));
  return each(all === undefined ? b : film(w, 2, b, all), Math.tanh).flat();
}

it("TADAM scales and shifts channels by the mean of the supports", () => {
  const { encoder, metric } = stage;
  const program = lowerEpisodes(metric.value, task, encoder.value, d, { episodes: 2, report: [{ kind: "logits" }] });
  const random = stream(5);
  const decls = [...encoderWeights(encoder), ...scoringWeights(metric, encoder.value)];
  const weights: Values = Object.fromEntries(
    Object.entries(initialWeights(decls, 2)).map(([path, { data }]) => [
      path,
      [...data].map((v) => v + random() - 0.5),
    ]),
  );
  const perEpisode = 6;
  const images = times(2 * perEpisode * 12, () => Math.floor(random() * 256));
  const scores = run(program, { ...weights, images })["logits"];
  for (const episode of [0, 1]) {
    const image = (i: number): number[][] =>
      times(3, (c) => {
        const start = ((episode * perEpisode + i) * 3 + c) * 4;
        return images.slice(start, start + 4).map((v) => (v / 255 - 0.5) / 0.25);
      });
    const supports = times(4, image);
    const all = mean(supports.map((x) => embedded(weights, x)));
    for (const q of [0, 1])
      for (const way of [0, 1]) {
        const prototype = mean(supports.slice(2 * way, 2 * way + 2).map((x) => embedded(weights, x, all)));
        const scale = Math.exp(get(weights["metric.scale"], 0));
        const expected = -scale * squared(embedded(weights, image(4 + q), all), prototype);
        expect(get(scores, (episode * 2 + q) * 2 + way)).toBeCloseTo(expected, 8);
      }
  }
});
