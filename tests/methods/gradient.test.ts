/** Methods that adapt weights by gradient descent: MAML and its kin. */
import { describe, expect, it } from "vitest";
import { step, type Values } from "../lower/harness.js";
import { type Images, images, type Method, method, queryLabels, scores, supportLabels } from "./episode.js";
import {
  blockGradient,
  bodyPaths,
  crossEntropy,
  features,
  get,
  linear,
  linearGradient,
  runningOf,
  statisticsOf,
  sum,
} from "./learner.js";
import { expectAdam, expectScores, expectUpdate, type Formula, queryLoss, slopes, split } from "./update.js";

const head = { weight: "metric.head.linear.0.weight", bias: "metric.head.linear.0.bias" } as const;
const headPaths: readonly string[] = Object.values(head);
const headOf = (w: Values) => ({ weight: w[head.weight] ?? [], bias: w[head.bias] ?? [] });

/** The rate of each value of a weight; undefined: it stays. */
type Rates = (path: string, w: Values) => number | readonly number[] | undefined;
const everything =
  (rate: number): Rates =>
  () =>
    rate;
const only =
  (paths: readonly string[], rate: number): Rates =>
  (path) =>
    paths.includes(path) ? rate : undefined;

/** θ′ = θ − α ∇ CE(supports), `steps` times (Finn et al. 2017, algorithm 2); batch norms by the supports themselves. */
function adapted(start: Values, episode: Images, steps: number, rates: Rates): Values {
  let w = start;
  for (let k = 0; k < steps; k++) {
    const x = features(episode.support, w);
    const { gradient } = crossEntropy(linear(x, headOf(w)), supportLabels);
    const dhead = linearGradient(x, headOf(w), gradient);
    const slope: Values = {
      ...blockGradient(episode.support, w, dhead.x),
      [head.weight]: dhead.weight,
      [head.bias]: dhead.bias,
    };
    w = { ...w, ...descended(w, slope, start, rates) };
  }
  return w;
}
function descended(w: Values, slope: Values, start: Values, rates: Rates): Values {
  const next: Values = {};
  for (const [path, own] of Object.entries(slope)) {
    const rate = rates(path, start);
    if (rate === undefined) continue;
    const at = (i: number): number => (typeof rate === "number" ? rate : get(rate, i));
    next[path] = (w[path] ?? []).map((v, i) => v - at(i) * get(own, i));
  }
  return next;
}

/** The queries together, normalized by themselves. */
const together = (w: Values, { query }: Images): number[][] => linear(features(query, w), headOf(w));
/** Each query normalized by the supports. */
const bySupports = (w: Values, { support, query }: Images): number[][] =>
  linear(features(query, w, statisticsOf(support, w)), headOf(w));

interface Learner {
  readonly metric: string;
  readonly steps: { readonly inner: number; readonly tested: number };
  readonly rates: Rates;
  readonly scored: (w: Values, episode: Images) => number[][];
}
const steps = { inner: 2, tested: 3 };
const given = "rate: 0.3, inner: 2 steps, tested: 3 steps";
const learners: Record<string, Learner> = {
  MAML: { metric: `maml(${given})`, steps, rates: everything(0.3), scored: together },
  "MAML, each query by itself": {
    metric: `maml_inductive(${given})`,
    steps,
    rates: everything(0.3),
    scored: bySupports,
  },
  BOIL: {
    metric: "boil(rate: 0.5)",
    steps: { inner: 1, tested: 1 },
    rates: only(bodyPaths, 0.5),
    scored: together,
  },
};

const episode = images(7);
const batch = [images(1), images(2)];
const batches = [batch, [images(3), images(4)], [images(5), images(6)]];
const adam = "adam(lr: 0.01, eps: 2e-3, weight_decay: 0.05)";

describe.each(Object.entries(learners))("%s", (_, learner) => {
  const m = method("meta", learner.metric);
  const formula =
    (count: number): Formula =>
    (w, images) =>
      learner.scored(adapted(w, images, count, learner.rates), images);

  it("scores the queries of a new episode after its steps at test", () => {
    expectScores(scores(m, episode), formula(learner.steps.tested)(m.state, episode));
  });
  it("takes one step down the slope of the queries' loss, through the inner steps", () => {
    expectUpdate(m, batch, (w) => queryLoss(w, batch, formula(learner.steps.inner)));
  });
});

describe("steps by Adam", () => {
  it("are those of the slopes of MAML's loss, through the inner steps", () => {
    const { metric, rates } = learners["MAML"] as Learner;
    const formula: Formula = (w, images) => together(adapted(w, images, steps.inner, rates), images);
    expectAdam(method("meta", metric, adam), batches.slice(0, 2), (w, episodes) => queryLoss(w, episodes, formula));
  });
  it("are those of the slopes of ANIL's", () => {
    const formula: Formula = (w, images) => anil(w, images, steps.inner, true);
    expectAdam(method("meta", `anil(${given})`, adam), batches, (w, episodes) => queryLoss(w, episodes, formula));
  });
});

describe("FOMAML", () => {
  const m = method("meta", `fomaml(${given})`);
  const moved = (of: Method): Values => {
    const { state } = step(of.training, of.state, { images: batch.flatMap(({ bytes }) => bytes) });
    return Object.fromEntries(
      of.training.trained.map((path) => [path, (of.state[path] ?? []).map((v, i) => v - get(state[path], i))]),
    );
  };

  it("scores as MAML does", () => {
    expectScores(scores(m, episode), together(adapted(m.state, episode, steps.tested, everything(0.3)), episode));
  });
  it("steps by the gradient at the adapted weights", () => {
    const at = batch.map((images) => {
      const end = adapted(m.state, images, steps.inner, everything(0.3));
      return slopes(end, m.training.trained, (w) => crossEntropy(together(w, images), queryLabels).loss);
    });
    const found = moved(m);
    for (const path of m.training.trained)
      found[path]?.forEach((v, i) => {
        expect(v, `${path}[${i}]`).toBeCloseTo((get(at[0]?.[path], i) + get(at[1]?.[path], i)) / 2, 6);
      });
  });
  it("is not MAML", () => {
    const [first, second] = [moved(m), moved(method("meta", `maml(${given})`))];
    const apart = (first[head.weight] ?? []).map((v, i) => Math.abs(v - get(second[head.weight], i)));
    expect(Math.max(...apart)).toBeGreaterThan(1e-3);
  });
});

describe("Reptile", () => {
  const m = method("meta", `reptile(${given})`, "sgd(lr: 0.4)", "loss approach");

  it("scores as MAML does", () => {
    expectScores(scores(m, episode), together(adapted(m.state, episode, steps.tested, everything(0.3)), episode));
  });
  it("moves by a share of the way to the mean of its episodes' adapted weights", () => {
    const ends = batch.map((images) => adapted(m.state, images, steps.inner, everything(0.3)));
    const { host, state } = step(m.training, m.state, { images: batch.flatMap(({ bytes }) => bytes) });
    expect([...m.training.trained].sort()).toEqual([...bodyPaths, ...headPaths].sort());
    let distance = 0;
    for (const path of m.training.trained)
      m.state[path]?.forEach((before, i) => {
        const each = ends.map((end) => get(end[path], i));
        distance += sum(each.map((end) => (before - end) ** 2)) / 2 / each.length;
        expect(get(state[path], i), `${path}[${i}]`).toBeCloseTo(before + 0.4 * (sum(each) / each.length - before), 9);
      });
    expect(distance).toBeGreaterThan(1e-3);
    expect(host["loss"]?.[0]).toBeCloseTo(distance, 9);
  });
});

/** The head alone, on features that do not move. */
function anil(start: Values, { all }: Images, count: number, training: boolean): number[][] {
  const { support, query } = split(features(all, start, training ? undefined : runningOf(start)));
  let w = start;
  for (let k = 0; k < count; k++) {
    const { gradient } = crossEntropy(linear(support, headOf(w)), supportLabels);
    const { weight, bias } = linearGradient(support, headOf(w), gradient);
    w = { ...w, ...descended(w, { [head.weight]: weight, [head.bias]: bias }, start, only(headPaths, 0.3)) };
  }
  return linear(query, headOf(w));
}

describe("ANIL", () => {
  const m = method("meta", `anil(${given})`);
  it("scores the queries of a new episode", () => {
    expectScores(scores(m, episode), anil(m.state, episode, steps.tested, false));
  });
  it("takes one step down the slope of the queries' loss", () => {
    expectUpdate(m, batch, (w) => queryLoss(w, batch, (at, images) => anil(at, images, steps.inner, true)));
  });
});

describe("Meta-SGD", () => {
  const m = method("meta", "meta_sgd(start: 0.2)");
  const rateOf: Rates = (path, w) => w[path.replace(/^(metric\.)?/, "metric.rate.")];
  const formula: Formula = (w, images) => together(adapted(w, images, 1, rateOf), images);

  it("learns a rate for every weight that it adapts", () => {
    const { trained } = m.training;
    for (const path of [...bodyPaths, ...headPaths])
      expect(rateOf(path, m.state), path).toHaveLength(m.state[path]?.length ?? 0);
    expect(trained.filter((path) => path.includes("rate")).length).toBeGreaterThan(0);
  });
  it("scores the queries of a new episode", () => {
    expectScores(scores(m, episode), formula(m.state, episode));
  });
  it("takes one step down the slope of the queries' loss, in weights and rates", () => {
    expectUpdate(m, batch, (w) => queryLoss(w, batch, formula));
  });
});
