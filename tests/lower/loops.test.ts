import { describe, expect, it } from "vitest";
import { lowerClassify, lowerEpisodes, lowerTraining } from "../../src/compiler/lower/index.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { Dataset, MetaStage } from "../../src/compiler/typed/tree.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

interface Source {
  readonly metric: string;
  readonly declared?: string;
  readonly layers?: string;
  readonly loss?: string;
  readonly episodes?: number;
  /** The running statistics that a step moves. */
  readonly statistics?: readonly string[];
}
/** A meta stage over 6-pixel images, 3-way 2-shot 2-query. */
function stageOf({ metric, declared = "", layers = "", loss = "classify", episodes = 1 }: Source): {
  stage: MetaStage;
  dataset: Dataset;
} {
  const experiment = experimentOf(`fsl 1
import { maml, fomaml, maml_inductive, meta_sgd, anil, boil } from "fsl:meta"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(6), normalize(mean: [0.5], std: [0.25])
  eval  resize(8), center_crop(6), normalize(mean: [0.5], std: [0.25])
}
${declared}
backbone tiny { conv(3, 3), batch_norm, leaky_relu(0.1), max_pool(2), ${layers} flatten as vector }
episode task = 3 way, 2 shot, 2 query
meta m {
  encoder   tiny
  metric    ${metric}
  episodes  task from d.train
  loss      ${loss}
  optimizer sgd(lr: 1.0)
  for       1 epoch of 4 episodes, ${episodes} episode${episodes === 1 ? "" : "s"} per step
}
`);
  const stage = experiment.stages.find((s) => s.kind === "meta");
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta stage");
  return { stage, dataset };
}
const supports = 6;
const queries = 6;
const pixels = 108;
const own = (values: Values, name: string): readonly number[] => {
  const found = values[name];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
/** Images of some episodes and an order of the queries of each. */
function feedsOf(episodes: number, seed: number): Values {
  const random = stream(seed);
  const order = Array.from({ length: episodes }, (_, e) =>
    Array.from({ length: queries }, (_, i) => (i * 5 + e) % queries),
  );
  const images = Array.from({ length: episodes * (supports + queries) * pixels }, () => Math.floor(random() * 256));
  return { images, order: order.flat() };
}

const runningStatistics = ["encoder.batch_norm.0.running_mean", "encoder.batch_norm.0.running_var"];

describe("a step through an inner loop", () => {
  const looped = (learned: string, body: string): Source => ({
    metric: "looped",
    declared: `metric looped {
  learn head = linear(way)
  ${learned}
  classify(support: vector [way, shot], query: vector) -> logits [way] { ${body} }
}`,
  });
  const supportLoss = "mean(cross_entropy(top(support[way']), label(way')) over all)";
  for (const [name, source] of Object.entries<Source>({
    MAML: { metric: "maml(rate: 0.5, inner: 2 steps)" },
    "MAML, each query by itself": { metric: "maml_inductive(rate: 0.5, inner: 1 step)" },
    "Meta-SGD": { metric: "meta_sgd" },
    "by Adam": looped(
      "learn rate = 0.1 positive",
      `minimize top from head by adam(lr: rate, beta1: 0.5) for 3 steps { ${supportLoss} }
       top(query)`,
    ),
    "by a learned rate of each step": looped(
      "learn rates [pace: 2] = 0.3 positive",
      `minimize top from head by sgd(lr: pick(rates, nearest(t over pace) over pace)) for 3 steps as t { ${supportLoss} }
       top(query)`,
    ),
    "by momentum and decay that are learned": looped(
      "learn rate, mu, decay = 0.1",
      `minimize top from head by sgd(lr: rate, momentum: mu, weight_decay: decay) for 3 steps { ${supportLoss} }
       top(query)`,
    ),
    "held near its start (Rajeswaran et al. 2019)": looped(
      "learn pull = 0.5 positive",
      `minimize top from head by sgd(lr: 0.1) for 3 steps {
         ${supportLoss} + pull / 2 * squared_distance(weights(top as w), weights(head as w) over w)
       }
       top(query) + 0.1 * sum(weights(top as w) ^ 2 over w)`,
    ),
    "until each query has its own end": looped(
      "learn pull = 0.3 positive",
      `let c = mean(support over shot)
       repeat 12 from u = c {
         let near = softmax(-squared_distance(query, u over feature) / 50 over way)
         u + pull * near * (query - u)
       } until max(abs(u - u.before) over all) < 0.3
       -squared_distance(query, u over feature) / 20 + 0.1 * head(query)`,
    ),
    "one loop in another": looped(
      "learn rate = 0.1 positive",
      `repeat 2 from s = mean(support over shot) {
         minimize top from head by sgd(lr: rate) for 2 steps {
           mean(cross_entropy(top(s[way']), label(way')) over all) + 0.01 * sum((top(s[way']) - 1) ^ 2 over all)
         }
         s + 0.1 * mean(top(s[way']) over way', way)
       }
       -squared_distance(query, s over feature) / 20 + 0.1 * head(query)`,
    ),
  }))
    it(`${name}: goes down the finite-difference gradient of the outer loss`, () => {
      const { stage, dataset } = stageOf(source);
      const training = lowerTraining(stage, dataset, { seed: 0 });
      expect(() => verify(training.program)).not.toThrow();
      const state = initialState(training, 2);
      const feeds = feedsOf(1, 3);
      const after = step(training, state, feeds);
      const random = stream(4);
      for (const path of training.trained) {
        const before = own(state, path);
        const i = Math.floor(random() * before.length);
        const loss = (by: number): number => {
          const moved = before.map((value, place) => (place === i ? value + by : value));
          return own(step(training, { ...state, [path]: moved }, feeds).host, "loss")[0] ?? Number.NaN;
        };
        const numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
        const analytic = (before[i] ?? 0) - (own(after.state, path)[i] ?? Number.NaN);
        expect(Math.abs(numeric - analytic), path).toBeLessThan(2e-6 * Math.max(1, Math.abs(numeric)));
      }
    });

  for (const [name, source] of Object.entries<Source>({
    "second order": { metric: "maml(rate: 0.5, inner: 2 steps)" },
    "first order": { metric: "fomaml(rate: 0.5, inner: 2 steps)" },
    "statistics of the supports": { metric: "maml_inductive(rate: 0.5, inner: 1 step)" },
    "running statistics": {
      metric: "steady",
      declared: `metric steady {
  learn head = linear(way)
  classify(encoder, support: image [way, shot], query: image) -> logits [way] {
    minimize body from encoder, top from head by sgd(lr: 0.1) for 1 step {
      mean(cross_entropy(top(body(support[way'], norm: running).vector), label(way')) over all)
    }
    top(body(query, norm: running).vector)
  }
}`,
      statistics: [],
    },
    dropout: { metric: "maml(rate: 0.5, inner: 1 step)", layers: "dropout(0.4)," },
    "dropped squares": { metric: "maml(rate: 0.5, inner: 1 step)", layers: "drop_block(0.3, 2)," },
  }))
    it(`episodes side by side move weights and statistics by the mean of what each alone does: ${name}`, () => {
      const both = stageOf({ ...source, episodes: 2 });
      const one = stageOf(source);
      const together = lowerTraining(both.stage, both.dataset, { seed: 0 });
      const alone = lowerTraining(one.stage, one.dataset, { seed: 0 });
      const state = initialState(together, 2);
      const feeds = feedsOf(2, 3);
      const half = (values: readonly number[], e: number): number[] =>
        values.slice((e * values.length) / 2, ((e + 1) * values.length) / 2);
      const found = step(together, state, feeds);
      // The draws of the second episode are those of the second step of episodes that come one by one.
      const each = [0, 1].map((e) =>
        step(
          alone,
          { ...state, step: [e] },
          { images: half(own(feeds, "images"), e), order: half(own(feeds, "order"), e) },
        ),
      );
      const mean = (of: (e: { host: Values; state: Values }) => readonly number[]): number[] => {
        const [a = [], b = []] = each.map(of);
        return a.map((value, i) => (value + (b[i] ?? Number.NaN)) / 2);
      };
      for (const path of [...together.trained, ...(source.statistics ?? runningStatistics)])
        mean((e) => own(e.state, path)).forEach((value, i) =>
          expect(own(found.state, path)[i], `${path} ${i}`).toBeCloseTo(value, 9),
        );
      expect(own(found.host, "accuracy")[0]).toBeCloseTo(mean((e) => own(e.host, "accuracy"))[0] ?? Number.NaN, 9);
    });
});

describe("weights as values", () => {
  it("stand end to end, each episode's own where they are adapted", () => {
    const declared = `metric summed {
  learn head = linear(way, bias: true)
  learn one = module { linear(2, bias: false) }
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    let offset = mean(one(query) over feature)
    minimize top from head by sgd(lr: 0.5) for 1 step { mean(top(support[way']) over all) }
    let moved = weights(top as w) - weights(head as w)
    let places = position(w) + 1
    0.0 * offset + sum(moved * places over w) + sum(weights(one as v) over v) + zeros(way)
  }
}`;
    const { stage, dataset } = stageOf({ metric: "summed", declared });
    const state = initialState(lowerTraining(stage, dataset, { seed: 0 }), 2);
    const { metric, encoder, episodes: sampled } = stage;
    const options = { episodes: 2, report: [{ kind: "logits" }] as const };
    const { feeds, support } = vectors(2);
    const found = run(lowerClassify(metric.value, sampled.task, encoder.value, options), { ...state, ...feeds });
    const total = own(state, "metric.one.linear.0.weight").reduce((a, b) => a + b, 0);
    for (const e of [0, 1]) {
      const rows = support.slice(e * supports * features, (e + 1) * supports * features);
      const slope = (f: number): number =>
        mean(Array.from({ length: supports }, (_, row) => rows[row * features + f] ?? Number.NaN)) / 3;
      const slopes = [0, 1, 2].flatMap(() => Array.from({ length: features }, (_, f) => slope(f)));
      const expected = [...slopes, 1 / 3, 1 / 3, 1 / 3].reduce((sum, g, i) => sum - 0.5 * g * (i + 1), total);
      expect(own(found, "logits")[e * queries * 3]).toBeCloseTo(expected, 9);
    }
  });
});

describe("a loss that no image has a part in", () => {
  it("counts once for each episode of a step, like any other", () => {
    const metric = `metric decayed {
  learn head = linear(way)
  learn s = 3.0
  classify(encoder, support: image [way, shot], query: image) -> logits [way] {
    minimize body from encoder by sgd(lr: 0.1) for 1 step { mean(body(support, norm: running).vector over all) }
    s * head(body(query, norm: running).vector)
  }
  size(support: vector [way, shot]) -> loss { s * s }
}`;
    for (const episodes of [1, 2]) {
      const { stage, dataset } = stageOf({ metric: "decayed", declared: metric, loss: "size", episodes });
      const training = lowerTraining(stage, dataset, { seed: 0 });
      const { host, state } = step(training, initialState(training, 2), feedsOf(episodes, 3));
      expect(own(host, "loss")[0]).toBeCloseTo(9, 9);
      expect(own(state, "metric.s")[0]).toBeCloseTo(3 - 6, 9);
    }
  });
});

describe("an encoder adapted at test", () => {
  const scored = (metric: string, episodes: number, state: Values, feeds: Values): Values => {
    const { stage, dataset } = stageOf({ metric });
    const { encoder, episodes: sampled } = stage;
    const options = { episodes, report: [{ kind: "logits" }] as const };
    const program = lowerEpisodes(stage.metric.value, sampled.task, encoder.value, dataset, options);
    const kinds = program.segments.map(({ kind }) => kind);
    return { ...run(program, { ...state, ...feeds }), loops: [kinds.filter((kind) => kind === "loop").length] };
  };
  for (const [tested, loops] of [
    [3, 0],
    [40, 1],
  ] as const)
    it(`for ${tested} rounds, is each episode's own`, () => {
      const metric = `maml_inductive(rate: 0.05, tested: ${tested} steps)`;
      const { stage, dataset } = stageOf({ metric });
      const state = initialState(lowerTraining(stage, dataset, { seed: 0 }), 2);
      const feeds = feedsOf(2, 5);
      const found = scored(metric, 2, state, feeds);
      expect(found.loops).toEqual([loops]);
      const size = own(feeds, "images").length / 2;
      const alone = [0, 1].flatMap((e) => {
        const images = own(feeds, "images").slice(e * size, (e + 1) * size);
        return own(scored(metric, 1, state, { images }), "logits");
      });
      alone.forEach((value, i) => expect(own(found, "logits")[i]).toBeCloseTo(value, 9));
    });
});

/** Scores [episode, query, way] of a method over vectors, episodes side by side. */
function scores(body: string, episodes: number, feeds: Values, { functions = "", segments = 1 } = {}): number[] {
  const { stage } = stageOf({
    metric: "looped",
    declared: `${functions}
metric looped { classify(support: vector [way, shot], query: vector) -> logits [way] { ${body} } }`,
  });
  const { metric, encoder, episodes: sampled } = stage;
  const program = lowerClassify(metric.value, sampled.task, encoder.value, { episodes, report: [{ kind: "logits" }] });
  expect(program.segments).toHaveLength(segments);
  return [...own(run(program, feeds), "logits")];
}
const features = 27;
function vectors(episodes: number): { feeds: Values; support: number[]; query: number[] } {
  const random = stream(9);
  // Episodes and queries of different sizes, so that they converge at different speeds.
  const scaled = (rows: number, scale: (row: number) => number): number[] =>
    Array.from({ length: episodes * rows * features }, (_, i) => scale(Math.floor(i / features)) * (0.5 + random()));
  const support = scaled(supports, (row) => 0.5 + 0.25 * Math.floor(row / supports));
  const query = scaled(queries, (row) => 0.1 * (1 + (row % queries)));
  return { feeds: { "support.vector": support, "query.vector": query }, support, query };
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("repeat", () => {
  it("ends for each episode and query where its own condition holds", () => {
    const { feeds, support, query } = vectors(3);
    const found = scores(
      `let goal = mean(support over shot, feature) + mean(query over feature)
       repeat 30 from u = 0.1 * goal { u + 0.2 * goal * (goal - u) } until max(abs(u - u.before) over all) < 2e-2
       u`,
      3,
      feeds,
    );
    const rounds = new Set<number>();
    const expected = Array.from({ length: 3 * queries }, (_, lane) => {
      const e = Math.floor(lane / queries);
      const q = mean(query.slice(lane * features, (lane + 1) * features));
      const goal = [0, 1, 2].map((way) => {
        const first = (e * supports + way * 2) * features;
        return mean(support.slice(first, first + 2 * features)) + q;
      });
      let u = goal.map((g) => 0.1 * g);
      for (let round = 1; round <= 30; round++) {
        const next = u.map((v, i) => v + 0.2 * (goal[i] ?? 0) * ((goal[i] ?? 0) - v));
        const change = Math.max(...next.map((v, i) => Math.abs(v - (u[i] ?? 0))));
        u = next;
        if (change < 2e-2) {
          rounds.add(round);
          break;
        }
      }
      return u;
    }).flat();
    expect(rounds.size, "the lanes end in different rounds").toBeGreaterThan(1);
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 9));
  });

  it("stands inside another, each with its own end", () => {
    const { feeds, support } = vectors(1);
    const found = scores(
      `let a = mean(support over shot, feature)
       repeat 2 from u = a {
         repeat 3 from v = u { 0.5 * v + 0.1 }
         v + 1.0
       }
       u + 0.0 * sum(query over feature)`,
      1,
      feeds,
    );
    const start = mean(support.slice(0, 2 * features));
    const inner = (v: number): number => [0, 1, 2].reduce((x) => 0.5 * x + 0.1, v);
    expect(found[0]).toBeCloseTo(inner(inner(start) + 1) + 1, 9);
  });
});

describe("minimize", () => {
  it("moves a target alone, whatever else is the value that it starts from", () => {
    const { feeds, support } = vectors(1);
    const found = scores(
      `let c = mean(support over shot, feature)
       minimize u from c, v from c by sgd(lr: 0.1) for 2 steps { sum(u * c + 2.0 * u * v over all) }
       u - 10.0 * v + 0.0 * sum(query over feature)`,
      1,
      feeds,
    );
    const c = mean(support.slice(0, 2 * features));
    let [u, v] = [c, c];
    for (let k = 0; k < 2; k++) [u, v] = [u - 0.1 * (c + 2 * v), v - 0.1 * 2 * u];
    expect(found[0]).toBeCloseTo(u - 10 * v, 9);
  });

  it("descends with momentum and decay as PyTorch does", () => {
    const { feeds, support } = vectors(1);
    const found = scores(
      `let c = mean(support over shot, feature)
       minimize w from c by sgd(lr: 0.1, momentum: 0.9, weight_decay: 0.01) for 3 steps { sum(w * w * w over all) }
       w + 0.0 * sum(query over feature)`,
      1,
      feeds,
    );
    let w = mean(support.slice(0, 2 * features));
    let velocity = 0;
    for (let k = 0; k < 3; k++) {
      velocity = 0.9 * velocity + (3 * w * w + 0.01 * w);
      w -= 0.1 * velocity;
    }
    expect(found[0]).toBeCloseTo(w, 9);
  });

  it("clips the gradients together and dampens all but the first, as PyTorch does", () => {
    const { feeds, support } = vectors(1);
    const found = scores(
      `let c = mean(support over shot, feature)
       minimize w from c, v from 2 * c by sgd(lr: 0.1, momentum: 0.9, dampening: 0.4, clip: 0.2) for 3 steps {
         sum(w * w * w + v * v over all)
       }
       w + 10 * v + 0.0 * sum(query over feature)`,
      1,
      feeds,
    );
    // The targets of all ways are clipped together, because they are one tensor of the episode.
    let w = Array.from({ length: 3 }, (_, k) => mean(support.slice(k * 2 * features, (k + 1) * 2 * features)));
    let v = w.map((each) => 2 * each);
    let velocities = [w, v].map((each) => each.map(() => 0));
    for (let k = 0; k < 3; k++) {
      const gradients = [w.map((each) => 3 * each * each), v.map((each) => 2 * each)];
      const share = Math.min(0.2 / (Math.hypot(...gradients.flat()) + 1e-6), 1);
      velocities = gradients.map((gradient, t) =>
        gradient.map((g, i) => 0.9 * (velocities[t]?.[i] ?? 0) + (k === 0 ? 1 : 0.6) * share * g),
      );
      const [dw = [], dv = []] = velocities;
      w = w.map((each, i) => each - 0.1 * (dw[i] ?? 0));
      v = v.map((each, i) => each - 0.1 * (dv[i] ?? 0));
    }
    for (const [i, each] of w.entries()) expect(found[i]).toBeCloseTo(each + 10 * (v[i] ?? 0), 9);
  });

  it("counts its steps for the loss and for settings, also those that functions compute", () => {
    const { feeds, support } = vectors(1);
    // The runtime drives a loop of 40 steps, between a program before it and one after it.
    for (const [steps, segments] of [
      [3, 1],
      [40, 3],
    ] as const) {
      const found = scores(
        `let c = mean(support over shot, feature)
         minimize w from c, v from 2.0 * c by sgd(lr: falling(0.1, t)) { v lr: 0.02 * t } for 1 step, ${steps} steps at test as t {
           sum(w * w + t * w + v * v over all)
         }
         w + 10.0 * v + 0.0 * sum(query over feature)`,
        1,
        feeds,
        { functions: "fn falling(rate, t) { let share = 1 / (1 + t); rate * share }", segments },
      );
      let w = mean(support.slice(0, 2 * features));
      let v = 2 * w;
      for (let t = 0; t < steps; t++) {
        w -= (0.1 / (1 + t)) * (2 * w + t);
        v -= 0.02 * t * 2 * v;
      }
      const expected = w + 10 * v;
      expect(Math.abs((found[0] ?? 0) - expected)).toBeLessThan(1e-9 * Math.max(1, Math.abs(expected)));
    }
  });

  it("is each query's own where its loss reads the query", () => {
    const { feeds, support, query } = vectors(2);
    const found = scores(
      `minimize w from mean(support over shot, feature) by sgd(lr: 0.25) for 2 steps {
         0.5 * sum((w - mean(query over feature)) * (w - mean(query over feature)) over all)
       }
       w`,
      2,
      feeds,
    );
    for (let lane = 0; lane < 2 * queries; lane++) {
      const first = Math.floor(lane / queries) * supports * features;
      const q = mean(query.slice(lane * features, (lane + 1) * features));
      const w = mean(support.slice(first, first + 2 * features));
      expect(found[lane * 3]).toBeCloseTo(q + (w - q) * 0.75 ** 2, 9);
    }
  });

  it("is each lane's own where a setting of its method is", () => {
    const { feeds, support, query } = vectors(2);
    const found = scores(
      `minimize w from ones(way) by sgd(lr: mean(query over feature) / (1 + mean(support over all))) for 2 steps {
         0.5 * sum(w * w over all)
       }
       w`,
      2,
      feeds,
    );
    for (let lane = 0; lane < 2 * queries; lane++) {
      const first = Math.floor(lane / queries) * supports * features;
      const rate =
        mean(query.slice(lane * features, (lane + 1) * features)) /
        (1 + mean(support.slice(first, first + supports * features)));
      expect(found[lane * 3]).toBeCloseTo((1 - rate) ** 2, 9);
    }
  });

  it("descends by Adam as PyTorch does, each tensor with settings of its own", () => {
    const { feeds, support } = vectors(1);
    const found = scores(
      `let c = mean(support over shot, feature)
       minimize w from c, v from 2.0 * c by adam(lr: 0.1, beta1: 0.8, beta2: 0.95, eps: 1e-3) {
         v lr: 0.02
       } for 3 steps { sum(w * w * w + v * v over all) }
       w + 10.0 * v + 0.0 * sum(query over feature)`,
      1,
      feeds,
    );
    const c = mean(support.slice(0, 2 * features));
    const descended = (start: number, lr: number, slope: (w: number) => number): number => {
      let [w, first, second] = [start, 0, 0];
      for (let k = 1; k <= 3; k++) {
        const g = slope(w);
        first = 0.8 * first + 0.2 * g;
        second = 0.95 * second + 0.05 * g * g;
        w -= (lr / (1 - 0.8 ** k)) * (first / (Math.sqrt(second) / Math.sqrt(1 - 0.95 ** k) + 1e-3));
      }
      return w;
    };
    const expected = descended(c, 0.1, (w) => 3 * w * w) + 10 * descended(2 * c, 0.02, (v) => 2 * v);
    expect(found[0]).toBeCloseTo(expected, 9);
  });
});
