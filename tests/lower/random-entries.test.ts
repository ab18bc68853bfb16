/** Draws of a `random` entry: each episode has its own, whatever stands beside it in a run, and each round of a loop has new ones. */
import { describe, expect, it } from "vitest";
import { randomStreams } from "../../src/compiler/lower/draws/streams.js";
import { Draws } from "../../src/compiler/lower/draws.js";
import { episodeFeed, lowerClassify } from "../../src/compiler/lower/index.js";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { EvaluateStage, Metric } from "../../src/compiler/typed/tree.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { ClassifiedEpisodes } from "../../src/runtime/stages/classified-episodes.js";
import { classify } from "../../src/runtime/stages/classify.js";
import { ProgressTracker, type StageContext } from "../../src/runtime/stages/context.js";
import { SegmentedExecutable } from "../../src/runtime/stages/segmented.js";
import { axis } from "./fixtures.js";
import { experimentOf } from "./fsl.js";
import { run } from "./harness.js";

const task = { way: 2, shot: 1, query: 2 };
const metricOf = (body: string): EvaluateStage => {
  const [stage] = experimentOf(`fsl 1
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(2), normalize(mean: [0.5], std: [0.25])
  eval  resize(4), center_crop(2), normalize(mean: [0.5], std: [0.25])
}
backbone given { flatten as vector }
episode task = 2 way, 1 shot, 2 query
metric own {
  classify(support: vector [way, shot], query: vector) random -> logits [way] {
    let zero = 0 * mean(support over shot, feature) + 0 * mean(query over feature)
    ${body}
  }
}
evaluate e { encoder untrained given  metric own  episodes task from d.test, 10 episodes }
`).stages;
  if (stage?.kind !== "evaluate") throw new Error("an evaluation");
  return stage;
};
const single = metricOf("zero + uniform(as way)");
const encoder = single.encoder.value;
const features = 12;

const lowered = (metric: Metric, episodes: number, seed = 4) =>
  lowerClassify(metric, task, encoder, { episodes, report: [{ kind: "logits" }], seed });

/** The logits of these episodes in one run: [episode][query, way]. */
function logits(metric: Metric, episodes: readonly number[], seed?: number): number[][] {
  const feeds = {
    "support.vector": Array<number>(episodes.length * 2 * features).fill(0.5),
    "query.vector": Array<number>(episodes.length * 4 * features).fill(0.25),
    [episodeFeed]: [...episodes],
  };
  const all = run(lowered(metric, episodes.length, seed), feeds)["logits"] ?? [];
  return episodes.map((_, e) => all.slice(e * 8, (e + 1) * 8));
}
/** The draws of an episode that the first query meets. */
const first = (scores: readonly number[]): string => scores.slice(0, 2).join();
/** Tells whether two of the episodes have the same draws. */
const sharesDraws = (metric: Metric, numbers: readonly number[]): boolean => {
  const drawn = logits(metric, numbers).map(first);
  return new Set(drawn).size < drawn.length;
};
const many = Array.from({ length: 20 }, (_, i) => i);

describe("the draws of a random entry", () => {
  const { value } = single.metric;

  it("differ between episodes, also among many side by side", () => {
    expect(sharesDraws(value, many)).toBe(false);
    // The check finds episodes that share their draws: here all have one number.
    expect(
      sharesDraws(
        value,
        many.map(() => 3),
      ),
    ).toBe(true);
  });

  it("depend on the seed and the number of the episode, and not on its neighbors", () => {
    const together = logits(value, many);
    for (const number of [0, 7, 19]) expect(logits(value, [number])[0]).toEqual(together[number]);
    expect(logits(value, [19, 4])).toEqual([together[19], together[4]]);
    expect(logits(value, [7], 5)[0]).not.toEqual(together[7]);
  });

  it("are the same for every query of an episode, so that no score depends on another query", () => {
    const [scores = []] = logits(value, [2]);
    for (const query of [1, 2, 3]) expect(scores.slice(2 * query, 2 * query + 2)).toEqual(scores.slice(0, 2));
  });

  it("are new in each round of a loop, unrolled or driven by the runtime", () => {
    for (const rounds of [3, 40]) {
      const { metric } = metricOf(`repeat ${rounds} from sum = zero + zeros(way), last = zeros(way), repeated = 0.0 {
          let u = uniform(as way)
          (sum + u, u, repeated + if u == last { 1.0 } else { 0.0 })
        }
        sum / ${rounds} + 10 * repeated`);
      const program = lowered(metric.value, 2);
      expect(program.segments.length > 1).toBe(rounds === 40);
      const [one = [], two = []] = logits(metric.value, [0, 1]);
      for (const value of [...one, ...two]) expect(value).toBeLessThan(1);
      expect(first(one)).not.toBe(first(two));
      expect(logits(metric.value, [1])[0]).toEqual(two);
    }
  });

  it("drop nothing where training would", () => {
    const { metric } = metricOf("zero + 0 * uniform(as way) + dropout(ones(way), 0.5)");
    for (const value of logits(metric.value, [0]).flat()) expect(value).toBe(1);
  });

  it("are numbered by the runtime through all runs of an evaluation", async () => {
    const engine = await createEngine("reference", { device: "cpu", threads: 1 });
    const progress = new ProgressTracker(
      () => {},
      () => false,
    );
    const context = { job: { seed: 4 }, engine, progress, emit: () => {} } as unknown as StageContext;
    const episodes = many.slice(0, 5).map(() => ({
      classes: Int32Array.of(0, 1),
      support: Int32Array.of(0, 1),
      query: Int32Array.of(0, 0, 1, 1),
    }));
    const scored = async (perRun: number) => {
      const executable = await SegmentedExecutable.compile(lowered(value, perRun), {}, engine);
      const into = new ClassifiedEpisodes({ task, count: episodes.length, report: [{ kind: "logits" }] });
      const request = { episodes, into, executable, perRun, weights: {}, described: new Map(), showProgress: false };
      await classify(request, () => {}, context);
      await executable.dispose();
      return [...(into.classification.logits ?? [])];
    };
    const whole = await scored(5);
    expect(await scored(2)).toEqual(whole);
    expect(await scored(1)).toEqual(whole);
    expect(new Set(many.slice(0, 5).map((e) => whole[e * 8])).size).toBe(5);
  });
});

describe("streams of random bits", () => {
  it("are those of single draws, however many stand side by side", () => {
    const ops = new NamedOps(new Graph());
    const { t } = ops;
    const keys = many.map((i) => (i * 2654435761) >>> 0);
    const low = t.constant([1], [77], "u32");
    const host: Record<string, ReturnType<typeof t.cast>> = {};
    for (const shape of [[], [5], [2, 3]]) {
      const together = randomStreams(t, low, t.constant([many.length], keys, "u32"), shape);
      host[`together ${shape}`] = together;
      keys.forEach((key, i) => {
        host[`alone ${shape} ${i}`] = randomStreams(t, low, t.constant([1], [key], "u32"), shape);
      });
    }
    const out = run(assemble({ name: "streams", host, feeds: [] }), {});
    for (const shape of [[], [5], [2, 3]])
      expect(out[`together ${shape}`]).toEqual(many.flatMap((i) => out[`alone ${shape} ${i}`] ?? []));
  });
});

describe("normal numbers", () => {
  it("are the quantiles of their bits", () => {
    const ops = new NamedOps(new Graph());
    const counter = ops.of(ops.t.constant([], [3], "u32"), []);
    const draws = new Draws(ops, { seed: 9, counter, step: undefined, path: "test" });
    const count = 4000;
    const of = (kind: "normal" | "uniform") => draws.sample("here", { kind }, [axis("i", count)]).node;
    const out = run(assemble({ name: "normal", host: { z: of("normal"), u: of("uniform") }, feeds: [] }), {});
    const z = out["z"] ?? [];
    for (const [i, u] of (out["u"] ?? []).entries()) {
      const bits = u * 2 ** 24;
      const p = (Math.floor(bits / 2) + 0.5) / 2 ** 24;
      const expected = bits % 2 === 1 ? p : 1 - p;
      expect(Math.abs(probability(z[i] ?? Number.NaN) - expected)).toBeLessThan(2e-7);
    }
    const mean = z.reduce((a, b) => a + b, 0) / count;
    const variance = z.reduce((a, b) => a + b * b, 0) / count;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
  });
});

/** The normal distribution function, by the series of its integral around 0, which converges everywhere. */
function probability(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
