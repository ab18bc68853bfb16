/** R2D2 and MetaOptNet's ridge form: closed-form base learners. */
import { describe, expect, it } from "vitest";
import type { Values } from "../lower/harness.js";
import { type Images, images, method, queries, scores, supportLabels, supports, task } from "./episode.js";
import { features, get, inner, runningOf, solved, times } from "./learner.js";
import { expectAdam, expectScores, expectUpdate, type Formula, queryLoss, split } from "./update.js";

/** W = Xᵀ(XXᵀ + λI)⁻¹Y (Bertinetto et al. 2019, eq. 6): scores of each query before scale and shift. */
function ridge(support: readonly number[][], query: readonly number[][], lambda: number): number[][] {
  const gram = support.map((a, i) => support.map((b, j) => inner(a, b) + (i === j ? lambda : 0)));
  const targets = supportLabels.map((label) => times(task.way, (c) => (c === label ? 1 : 0)));
  const dual = solved(gram, targets);
  return query.map((q) => {
    const kernel = support.map((s) => inner(s, q));
    return times(task.way, (c) =>
      inner(
        kernel,
        dual.map((row) => get(row, c)),
      ),
    );
  });
}

/** In training an episode's images are embedded together, at test by running statistics. */
const embedded = (w: Values, episode: Images, training: boolean) =>
  split(features(episode.all, w, training ? undefined : runningOf(w)));

function r2d2(w: Values, episode: Images, training: boolean): number[][] {
  const { support, query } = embedded(w, episode, training);
  const lambda = Math.exp(get(w["metric.lambda"], 0));
  const [alpha, beta] = [get(w["metric.alpha"], 0), get(w["metric.beta"], 0)];
  return ridge(support, query, lambda).map((row) => row.map((v) => alpha * v + beta));
}
/** Their code: rows with a 1 at the end, divided like the targets by √n, in the primal form. The last row of W is an offset. */
function r2d2OfCode(w: Values, episode: Images, training: boolean): number[][] {
  const { support, query } = embedded(w, episode, training);
  const root = Math.sqrt(supports);
  const X = support.map((row) => [...row, 1].map((v) => v / root));
  const Y = supportLabels.map((label) => times(task.way, (c) => (c === label ? 1 : 0) / root));
  const column = (m: readonly number[][], j: number): number[] => m.map((row) => get(row, j));
  const size = X[0]?.length ?? 0;
  const lambda = Math.exp(get(w["metric.lambda"], 0));
  const gram = times(size, (i) => times(size, (j) => inner(column(X, i), column(X, j)) + (i === j ? lambda : 0)));
  const W = solved(
    gram,
    times(size, (i) => times(task.way, (c) => inner(column(X, i), column(Y, c)))),
  );
  const [alpha, beta] = [get(w["metric.alpha"], 0), get(w["metric.beta"], 0)];
  return query.map((q) => times(task.way, (c) => alpha * inner([...q, 1], column(W, c)) + beta));
}
function metaoptnet(w: Values, episode: Images, training: boolean): number[][] {
  const { support, query } = embedded(w, episode, training);
  const scale = get(w["metric.scale"], 0);
  return ridge(support, query, 3).map((row) => row.map((v) => scale * v));
}

const step = [images(1), images(2)];
describe.each<[string, string, (w: Values, episode: Images, training: boolean) => number[][]]>([
  ["R2D2", "r2d2", r2d2],
  ["R2D2 as in its code", "r2d2(offset: true, per_support: true)", r2d2OfCode],
  ["MetaOptNet with ridge regression", "metaoptnet_ridge(lambda: 3.0)", metaoptnet],
])("%s", (_, metric, formula) => {
  const m = method("meta", metric);
  const inTraining: Formula = (w, episode) => formula(w, episode, true);

  it("scores the queries of a new episode", () => {
    const episode = images(7);
    expect(supports).toBeLessThan(features(episode.support, m.state)[0]?.length ?? 0);
    const found = scores(m, episode);
    expect(found).toHaveLength(queries);
    expectScores(found, formula(m.state, episode, false));
  });

  it("takes one step down the slope of its loss, through the solution", () => {
    expectUpdate(m, step, (w) => queryLoss(w, step, inTraining));
  });

  it("takes three steps by Adam", () => {
    const batches = [step, [images(3), images(4)], [images(5), images(6)]];
    const byAdam = method("meta", metric, "adam(lr: 0.01, eps: 2e-3, weight_decay: 0.05)");
    expectAdam(byAdam, batches, (w, episodes) => queryLoss(w, episodes, inTraining));
  });
});
