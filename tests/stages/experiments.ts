/** A hand-built experiment: a pretraining, a meta stage on it, its evaluation, and an evaluation of the pretraining. */
import type { Dataset, EvaluateStage, Experiment, MetaStage, PretrainStage } from "../../src/compiler/typed/tree.js";
import {
  axis,
  convNet,
  dataset,
  evaluation,
  image,
  meta,
  NetworkBuilder,
  pretrain,
  prototypes,
  sgd,
  slot,
  span,
} from "../lower/fixtures.js";

export const task = { way: 3, shot: 1, query: 2 };
const network = convNet(image(1, 8), [2, 2]);
const head = new NetworkBuilder([axis("feature", 8)]).linear(4, "class").build("linear");
export const metric = prototypes(task, 8);

export interface Parts {
  readonly base: PretrainStage;
  readonly proto: MetaStage;
  readonly result: EvaluateStage;
  readonly direct: EvaluateStage;
  readonly data: Dataset;
}

export function parts(): Parts {
  const base = pretrain(network, head, 4, 6);
  const from = (stage: string, which: "encoder" | "metric") => ({ stage, slot: which });
  const proto = meta(network, metric, task, 2, {
    encoder: { ...slot(network), from: from("base", "encoder") },
    optimizer: sgd({ kind: "adam", lr: 1e-3 }),
    needs: ["base"],
    validate: {
      task,
      split: { dataset: "d", split: "val", span },
      episodes: 10,
      everyEpochs: 1,
      keepBest: true,
      metric,
    },
  });
  const result = evaluation("result", "proto", network, metric, task, 20);
  const direct: EvaluateStage = {
    ...result,
    id: "direct",
    name: "direct",
    needs: ["base"],
    encoder: { ...slot(network), from: from("base", "encoder") },
    metric: slot(metric),
  };
  const normalize = { op: "normalize", mean: [0.5], std: [0.5] } as const;
  return { base, proto, result, direct, data: dataset(1, 8, { train: [normalize], eval: [normalize] }) };
}

export function experiment(p: Parts = parts()): Experiment {
  return {
    file: "a.fsl",
    params: [],
    datasets: { [p.data.id]: p.data },
    stages: [p.base, p.proto, p.result, p.direct],
    wanted: [p.result.id, p.direct.id],
  };
}
