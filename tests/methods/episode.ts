/** A method of the library in the smallest experiment: three ways of two shots, six-pixel images, one block. */
import { lowerEpisodes, lowerTraining, orderFeed, type TrainingProgram } from "../../src/compiler/lower/index.js";
import type { Dataset, MetaStage } from "../../src/compiler/typed/tree.js";
import type { Activations } from "../lower/formulas.js";
import { experimentOf } from "../lower/fsl.js";
import { initialState, run, stream, type Values } from "../lower/harness.js";
import { get, times } from "./learner.js";

export const task = { way: 3, shot: 2, query: 2 };
const { way, shot, query } = task;
/** Pixels of a side where a test needs no larger maps. */
const small = 6;
export const supports = way * shot;
export const queries = way * query;
/** Class-major, as an episode's images are. */
export const supportLabels = times(supports, (i) => Math.floor(i / shot));
export const queryLabels = times(queries, (i) => Math.floor(i / query));

export interface Method {
  readonly stage: MetaStage;
  readonly dataset: Dataset;
  readonly training: TrainingProgram;
  /** Weights without symmetries: every value is moved from its start, running statistics too. */
  readonly state: Values;
}

/** `metric` as the stage's line says it, from the library file `from`. */
export function method(from: string, metric: string, optimizer = "sgd(lr: 1.0)", loss = "", side = small): Method {
  const [name] = metric.split("(");
  const experiment = experimentOf(`fsl 1
import { ${name} } from "fsl:${from}"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(${side}), normalize(mean: [0.5], std: [0.25])
  eval  resize(${side + 2}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { conv(3, 2), batch_norm, relu, max_pool(2) as map, flatten as vector }
episode task = ${way} way, ${shot} shot, ${query} query
meta m {
  encoder   tiny
  metric    ${metric}
  episodes  task from d.train
  ${loss}
  optimizer ${optimizer}
  for       1 epoch of 4 episodes, 2 episodes per step
}
`);
  const [stage] = experiment.stages;
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta stage");
  const training = lowerTraining(stage, dataset, { seed: 0 });
  return { stage, dataset, training, state: moved(initialState(training, 3)) };
}

function moved(state: Values): Values {
  const random = stream(5);
  const shift = (path: string, v: number): number =>
    path.endsWith("running_var") ? 0.5 + random() : v + 0.3 * (random() - 0.5);
  return Object.fromEntries(
    Object.entries(state).map(([path, data]) => [
      path,
      path.includes(":") || path === "step" ? data : data.map((v) => shift(path, v)),
    ]),
  );
}

/** An episode's images as the loader gives them, and as the normalization makes them. */
export interface Images {
  readonly bytes: number[];
  readonly support: Activations;
  readonly query: Activations;
  readonly all: Activations;
}
export function images(seed: number, side = small): Images {
  const random = stream(seed);
  const pixels = 3 * side * side;
  const bytes = times((supports + queries) * pixels, () => Math.floor(random() * 256));
  const part = (from: number, to: number): Activations => ({
    n: to - from,
    c: 3,
    h: side,
    w: side,
    data: bytes.slice(from * pixels, to * pixels).map((v) => (v / 255 - 0.5) / 0.25),
  });
  const count = supports + queries;
  return { bytes, support: part(0, supports), query: part(supports, count), all: part(0, count) };
}

/** The method's scores of the queries of one episode at test: [query][way]. */
export function scores({ stage, dataset, state }: Method, episode: Images): number[][] {
  const options = { episodes: 1, report: [{ kind: "logits" }] } as const;
  const program = lowerEpisodes(stage.metric.value, task, stage.encoder.value, dataset, options);
  const { logits } = run(program, {
    ...state,
    images: episode.bytes,
    [orderFeed]: times(queries, (i) => i).toReversed(),
  });
  return times(queries, (q) => times(way, (c) => get(logits, q * way + c)));
}
