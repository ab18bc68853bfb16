/**
 * What must hold of any method, over bodies that use the language in unusual ways: episodes side by side are classified
 * as one by one, no query of an inductive method is scored by another, and a step goes down the slope of its loss.
 */
import { describe, expect, it } from "vitest";
import { lowerEpisodes, lowerTraining } from "../../src/compiler/lower/index.js";
import type { Dataset, MetaStage } from "../../src/compiler/typed/tree.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

const [way, shot, query] = [3, 2, 2];
const pixels = 3 * 6 * 6;
const episodeSize = way * (shot + query) * pixels;
const scores = way * query * way;

interface Method {
  readonly learns?: string;
  readonly images?: true;
  readonly body: string;
}
const methods: Readonly<Record<string, Method>> = {
  "a system of each query's own": {
    body: `let A = eye(way, way') * (1 + mean(query over feature))
      solve(A, mean(support over shot, feature) over way)`,
  },
  "one system for all queries": {
    body: "solve(eye(way, way') * 2, mean(support over shot, feature) + mean(query over feature) over way)",
  },
  "the best supports of a query": {
    body: `let best = top(2, dot(support, query over feature) over shot as best)
      mean(best over best)`,
  },
  "joined and cut by name": {
    body: `let both = concat(mean(support over shot), query, zeros(feature) along feature)
      mean(both over feature) + pick(mean(support over shot), 1 over feature)
        + sum(merge(support * query, [shot, feature] as z) over z)`,
  },
  "a module over pairs, with dropout": {
    learns: "learn g = module { linear(4), layer_norm(feature), tanh, dropout(0.2), linear() }",
    body: "g(concat(mean(support over shot), query along feature))",
  },
  "a minimisation in a loop that ends query by query": {
    body: `repeat 3 from u = mean(support over shot) {
        minimize w from u by sgd(lr: 0.1) for 2 steps { sum((w - query) ^ 2 over all) }
        w
      } until max(abs(u - u.before) over all) < 0.1
      dot(u, query over feature)`,
  },
  "axes of their own, and starts that stretch": {
    learns: "learn A [slot: 2, feature] = normal(0.5)",
    body: `let s = split(mean(support over shot), feature as [head: 3, d])
      let q = split(query, feature as [head: 3, d])
      repeat 3 from u = 0.5, v = ones(slot: 2), e = eye(way, way') {
        (0.5 * u + dot(s, q over d) / size(d), tanh(v + dot(A, query over feature)), 0.5 * e + 0.1 * dot(s, s[way'] over d))
      }
      sum(u over head) + sum(v * dot(A, merge(s, [head, d] as feature) over feature) over slot) + sum(e over head, way')`,
  },
  "sums by labels that are drawn once": {
    learns: "fixed s [feature] = signs()  fixed bin [feature] = labels(sketch: 4)  learn a [feature] = normal(1.0)",
    body: `let near = argmax(dot(support, query over feature) over shot)
      let both = dot(sum(support * a * s by bin over feature), sum(query * s by bin over feature) over sketch)
      sum(both over shot)
        + sum(mean(query * a by near over way)[shot as place] * position(place) over place, feature)
        + sum(sum(1 by bin over feature) over sketch)`,
  },
  "slopes in the query, in means that queries share, and in a module's input": {
    learns: "learn g = module { linear(4), tanh, linear() }",
    body: `let m = mean(support over shot)
      let doubled = 2 * m
      let d = squared_distance(query, tanh(doubled) over feature)
      let mixed = 0.3 * query + 0.7 * mean(m over way)
      dot(slope(d, m), m over feature) + sum(slope(d * d, query) over feature) + sum(abs(slope(g(mixed), mixed)) over feature)`,
  },
  "descents with clip and dampening": {
    body: `minimize w from mean(support over shot) by sgd(lr: 0.1, momentum: 0.9, dampening: 0.5, clip: 0.2) for 3 steps {
        sum((w - query) ^ 2 over all)
      }
      minimize v from w by adam(lr: 0.1, eps: 1.0, clip: 0.5) for 2 steps { sum((v - query) ^ 2 over all) }
      dot(v, query over feature)`,
  },
  "two values carried": {
    body: `repeat 3 from u = mean(support over shot), s = 1.0 { (u * s, s * 0.5 + mean(query over feature)) }
      dot(u, query over feature)`,
  },
  "a loop whose next round would have no value": {
    body: `repeat 5 from u = mean(support over shot, feature) + mean(query over feature), left = 2.0 {
        (u / left, left - 1.0)
      } until left < 0.5
      u`,
  },
  "a choice in a loop": {
    body: `repeat 3 from u = mean(support over shot) { if mean(u over all) > 0 { 0.9 * u } else { u + query } }
      dot(u, query over feature)`,
  },
  "two adaptations, one on the other": {
    learns: "learn head = linear(way)",
    images: true,
    body: `minimize b from encoder by sgd(lr: 0.1) for 1 step { mean(b(support, norm: batch).vector over all) }
      minimize t from head by adam(lr: 0.1) for 1 step {
        mean(cross_entropy(t(b(support[way'], norm: batch).vector), label(way')) over all)
      }
      t(b(query, norm: from(support)).vector)`,
  },
  "an encoder adapted to each query": {
    images: true,
    body: `minimize b from encoder by sgd(lr: 0.1) for 1 step {
        mean(b(query, norm: from(support)).vector over all)
      }
      -squared_distance(b(query, norm: from(support)).vector, mean(b(support, norm: batch).vector over shot) over feature)`,
  },
  "a map and a vector of one adapted encoder": {
    images: true,
    body: `minimize b from encoder by sgd(lr: 0.1) for 1 step { mean(b(support, norm: batch).map over all) }
      mean(b(support, norm: batch).vector over shot, feature) + mean(b(query, norm: from(support)).map over channel, height, width)
        + mean(b(query, norm: from(support)).vector over feature)`,
  },
  "rates drawn at the start, one for each weight": {
    learns: "learn top = linear(way) learn r like top = normal(0.1)",
    body: `minimize t from top by sgd(lr: r) for 2 steps { mean(cross_entropy(t(support[way']), label(way')) over all) }
      t(query)`,
  },
  "weights moved by each query": {
    learns: "learn top = linear(way)",
    body: `minimize t from top by sgd(lr: 0.1) for 2 steps { mean(t(query) over all) + sum(weights(t as w) ^ 2 over w) }
      t(query) + sum(weights(t as w) over w)`,
  },
  "powers of negative numbers": {
    body: `let m = mean(query over feature)
      (mean(support over shot, feature) - 5) ^ 2 - (m - 3) ^ 3 + (m + 9) ^ 1.5 + (m - 9) ^ -2`,
  },
};

function lowered({ learns = "", images, body }: Method): { stage: MetaStage; dataset: Dataset } {
  const params = images
    ? "encoder, support: image [way, shot], query: image"
    : "support: vector [way, shot], query: vector";
  const experiment = experimentOf(`fsl 1
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") { train random_resized_crop(6)  eval resize(8), center_crop(6) }
backbone tiny { conv(3, 3), batch_norm, tanh as map, flatten as vector }
episode task = ${way} way, ${shot} shot, ${query} query
metric m {
  ${learns}
  classify(${params}) -> logits [way] { ${body} }
}
meta s {
  encoder tiny  metric m  episodes task from d.train
  optimizer sgd(lr: 1.0)
  for 1 epoch of 4 episodes, 2 episodes per step
}
`);
  const [stage] = experiment.stages;
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta stage");
  return { stage, dataset };
}

describe.each(Object.entries(methods))("%s", (_, method) => {
  const { stage, dataset } = lowered(method);
  const training = lowerTraining(stage, dataset, { seed: 0 });
  const random = stream(5);
  const state: Values = {};
  for (const [name, values] of Object.entries(initialState(training, 2))) {
    const moved = (v: number): number => (name.endsWith("running_var") ? 0.5 + random() : v + 0.3 * (random() - 0.5));
    state[name] = name === "step" ? values : values.map(moved);
  }
  const images = Array.from({ length: 3 * episodeSize }, () => Math.floor(random() * 256));
  const logits = (episodes: number, given: readonly number[]): readonly number[] => {
    const options = { episodes, report: [{ kind: "logits" }] } as const;
    const program = lowerEpisodes(stage.metric.value, stage.episodes.task, stage.encoder.value, dataset, options);
    return run(program, { ...state, images: [...given] })["logits"] ?? [];
  };

  it("is each episode's own, and each query's", () => {
    const together = logits(3, images);
    expect(new Set(together).size).toBeGreaterThan(1);
    for (const e of [0, 1, 2]) {
      const alone = logits(1, images.slice(e * episodeSize, (e + 1) * episodeSize));
      alone.forEach((v, i) => expect(together[e * scores + i]).toBeCloseTo(v, 9));
    }
    const first = images.slice(0, episodeSize);
    const another = first.map((v, i) => (i < episodeSize - pixels ? v : 255 - v));
    const [before, after] = [logits(1, first), logits(1, another)].map((all) => all.slice(0, scores - way));
    expect(after).toEqual(before);
  });

  it("goes down the slope of its loss", () => {
    const feeds = { images: images.slice(0, 2 * episodeSize) };
    const after = step(training, state, feeds);
    for (const path of training.trained) {
      const own = state[path] ?? [];
      const i = Math.floor(random() * own.length);
      const loss = (by: number): number =>
        step(training, { ...state, [path]: own.with(i, (own[i] ?? 0) + by) }, feeds).host["loss"]?.[0] ?? Number.NaN;
      const numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
      const moved = (own[i] ?? 0) - (after.state[path]?.[i] ?? Number.NaN);
      expect(Math.abs(numeric - moved), path).toBeLessThan(1e-6 * Math.max(1, Math.abs(numeric)));
    }
  });
});

it("a slope is the derivative that is known, of each query and way", () => {
  const images = Array.from({ length: episodeSize }, (_, i) => (i * 37) % 256);
  const [slopes, known] = ["slope(f, m)", "2 * p * query"].map((derivative) => {
    const { stage, dataset } = lowered({
      body: `let m = mean(support over shot)
        let p = m * query
        let f = p * p
        sum(${derivative} over feature) + 0 * sum(f over feature)`,
    });
    const training = lowerTraining(stage, dataset, { seed: 0 });
    const options = { episodes: 1, report: [{ kind: "logits" }] } as const;
    const program = lowerEpisodes(stage.metric.value, stage.episodes.task, stage.encoder.value, dataset, options);
    return run(program, { ...initialState(training, 2), images })["logits"] ?? [];
  });
  expect(slopes?.length).toBe(scores);
  slopes?.forEach((v, i) => expect(v).toBeCloseTo(known?.[i] ?? Number.NaN, 9));
});
