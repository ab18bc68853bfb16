/** The canonical forms of what stages of several kinds have: slots, splits, training lines, validation. */
import { datasetOf } from "../../typed/find.js";
import { plainTask } from "../../typed/tasks.js";
import type {
  Block,
  EvaluateStage,
  Experiment,
  MetaStage,
  Metric,
  Network,
  Slot,
  SplitRef,
  Task,
  TrainingStage,
} from "../../typed/tree.js";
import type { AxisNames } from "./axes.js";
import { canonicalBlock } from "./block.js";
import { canonicalMetric } from "./metric.js";
import { canonicalNetwork } from "./network.js";
import { type Canonical, type CanonicalFields, plain } from "./value.js";

/** The digests that stand for other stages and for splits of datasets in a canonical form. */
export interface Digests {
  /** Returns the digest of a stage's output weights, by stage id. */
  readonly output: (stage: string) => string;
  /** Returns the digest of a split's bytes, classes and decoding. */
  readonly split: (ref: SplitRef) => string;
}

/** The entry that validation and evaluation score with. */
const classify = ["classify"];

export class CanonicalForms {
  constructor(
    private readonly experiment: Experiment,
    private readonly digests: Digests,
  ) {}

  split(ref: SplitRef, chain: "train" | "eval"): Canonical {
    const transforms = plain(datasetOf(this.experiment, ref.dataset)[chain]);
    return { data: this.digests.split(ref), split: ref.split, transforms };
  }

  networkSlot(slot: Slot<Network>): Canonical {
    return this.slot(slot, canonicalNetwork(slot.value));
  }

  metricSlot(slot: Slot<Metric>, encoder: Network, entries: readonly string[] = classify): Canonical {
    return this.slot(slot, this.metric(slot.value, encoder, entries));
  }

  metric(metric: Metric, encoder: Network, entries: readonly string[] = classify): Canonical {
    return canonicalMetric(metric, { entries, encoder, output: this.digests.output });
  }

  /** The block of a loss. Its parameters keep their names, which the language gives them. */
  loss(block: Block, axes: AxisNames): Canonical {
    return canonicalBlock(block, { axes, params: [], output: this.digests.output });
  }

  task(task: Task): Canonical {
    return plain(plainTask(task));
  }

  /** The lines that every training stage has. */
  training(stage: TrainingStage): CanonicalFields {
    return {
      optimizer: plain(stage.optimizer),
      schedule: plain(stage.schedule),
      duration: plain(stage.duration),
      ...(stage.ema === undefined ? {} : { ema: stage.ema }),
      validate: this.validation(stage),
      // A report changes no weight. It is part of the key, because the store keeps the files with the weights.
      ...(stage.report === undefined ? {} : { report: plain(stage.report) }),
    };
  }

  /** The split that values are fitted from, where there is one. */
  fitFrom({ fitFrom }: MetaStage | EvaluateStage): CanonicalFields {
    return fitFrom === undefined ? {} : { fit: this.split(fitFrom, "eval") };
  }

  private slot({ from, frozen, file }: Slot<unknown>, value: Canonical): Canonical {
    return {
      value,
      from: from !== undefined ? { output: this.digests.output(from.stage), slot: from.slot } : null,
      frozen,
      ...(file === undefined ? {} : { file: { digest: file.digest, names: plain(file.names) } }),
    };
  }

  private validation({ validate, encoder }: TrainingStage): Canonical {
    if (validate === undefined) return null;
    const { task, split, episodes, everyEpochs, keepBest, patience } = validate;
    return {
      ...("from" in validate && validate.from ? { from: this.digests.output(validate.from.stage) } : {}),
      task: this.task(task),
      split: this.split(split, "eval"),
      episodes,
      everyEpochs,
      keepBest,
      ...(patience === undefined ? {} : { patience }),
      metric: this.metric(validate.metric, encoder.value),
    };
  }
}
