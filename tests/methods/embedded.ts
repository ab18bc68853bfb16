/** Methods on embeddings that are given, so that these may be as small and as full of ties as a test wants. */
import { initialWeights, lowerClassify, orderFeed } from "../../src/compiler/lower/index.js";
import { unlabeledIn } from "../../src/compiler/typed/tasks.js";
import type { MetaStage, Task } from "../../src/compiler/typed/tree.js";
import { metricWeights } from "../../src/compiler/typed/weights.js";
import { experimentOf } from "../lower/fsl.js";
import { run, stream, type Values } from "../lower/harness.js";
import { get, times } from "./learner.js";

/** Embedded images of one episode, class-major; a row is a vector, or a map [channel, height, width]. */
export interface Episode extends Task {
  readonly support: readonly (readonly number[])[];
  readonly queries: readonly (readonly number[])[];
  /** The images without labels. */
  readonly more?: readonly (readonly number[])[];
}
export const supportsOf = (e: Episode, way: number): (readonly number[])[] =>
  e.support.slice(way * e.shot, (way + 1) * e.shot);

/**
 * Embeddings like those after a ReLU: zeros, and multiples of a quarter. The first query is the second again and a
 * support of the last class, so that distances tie.
 */
export function episode(task: Task, dim: number, seed = 1): Episode {
  const random = stream(seed);
  const row = (): number[] => times(dim, () => Math.max(0, Math.floor(random() * 12) - 3) / 4);
  const support = times(task.way * task.shot, row);
  const queries = times(task.way * task.query, row);
  const last = support.at(-1) ?? [];
  const more = task.unlabeled === undefined ? {} : { more: times(unlabeledIn(task), row) };
  return { ...task, support, queries: [last, last, ...queries.slice(2)], ...more };
}

export interface Embedding {
  readonly form: "vector" | "map";
  readonly channels: number;
  readonly side: number;
}

/** A metric for embeddings of this form, as a stage's line says it, from the library file `from`. */
export function metricOf(from: string, metric: string, { channels, side }: Embedding, task: Task): MetaStage {
  const [name] = metric.split("(");
  const optional = (["unlabeled", "distractor"] as const)
    .flatMap((unit) => (task[unit] === undefined ? [] : [`, ${task[unit]} ${unit}`]))
    .join("");
  const text = (fit: string): string => `fsl 1
import { ${name} } from "fsl:${from}"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(${side}), normalize(mean: [0.5], std: [0.25])
  eval  resize(${side + 2}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
}
backbone given { conv(1, ${channels}, pad: 0) as map, flatten as vector }
episode task = ${task.way} way, ${task.shot} shot, ${task.query} query${optional}
meta m {
  encoder   given
  metric    ${metric}
  episodes  task from d.train
  ${fit}
  optimizer sgd(lr: 1.0)
  for       1 epoch of 4 episodes, 1 episode per step
}
`;
  const [stage] = experimentOf(text("fit from d.train")).stages;
  if (stage?.kind !== "meta") throw new Error("no meta stage");
  return stage;
}

export interface Scored {
  /** Of each query: [query][way]. */
  readonly scores: number[][];
  readonly predicted: number[];
  /** The metric's weights by path, moved from their starts. */
  readonly weights: Values;
}

/**
 * Scores of the queries as an evaluation computes them, two episodes side by side: `e` is the second. `given` are values of
 * the program's inputs beside embeddings and weights.
 */
export function scored(stage: MetaStage, { form }: Embedding, e: Episode, given: Values = {}): Scored {
  const program = lowerClassify(stage.metric.value, e, stage.encoder.value, {
    episodes: 2,
    report: [{ kind: "logits" }],
  });
  const random = stream(9);
  const initial = initialWeights(metricWeights(stage.metric, stage.encoder.value), 4);
  const weights: Values = Object.fromEntries(
    Object.entries(initial).map(([path, { data }]) => [
      path,
      [...data].map((v) => (path.endsWith("running_var") ? 0.5 + random() : v + 0.3 * (random() - 0.5))),
    ]),
  );
  const other = episode(e, e.support[0]?.length ?? 0, 77);
  const places = times(e.way * e.query, (i) => i);
  const out = run(program, {
    ...weights,
    ...given,
    // Those who see the queries together meet them in another order, each episode in its own.
    [orderFeed]: [...places.toReversed(), ...places.slice(2), 1, 0],
    [`support.${form}`]: [...other.support, ...e.support].flat(),
    [`query.${form}`]: [...other.queries, ...e.queries].flat(),
    ...(e.more === undefined ? {} : { [`unlabeled.${form}`]: [...(other.more ?? []), ...e.more].flat() }),
  });
  const queries = e.way * e.query;
  return {
    scores: times(queries, (q) => times(e.way, (c) => get(out["logits"], (queries + q) * e.way + c))),
    predicted: times(queries, (q) => get(out["predicted"], queries + q)),
    weights,
  };
}
