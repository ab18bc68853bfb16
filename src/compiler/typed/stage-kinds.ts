/** The facts about a stage that depend on its kind. Each function reads one exhaustive table or switch. */
import type { SplitRef } from "./data.js";
import type { Slot, Stage, StageKind, StageOf, TrainingKind, TrainingStage } from "./stage.js";

/** Tells for each kind of stage whether it trains. */
const training: { readonly [K in StageKind]: StageOf<K> extends TrainingStage ? true : false } = {
  pretrain: true,
  meta: true,
  evaluate: false,
};

export function isTrainingKind(kind: StageKind): kind is TrainingKind {
  return training[kind];
}

export function isTraining(stage: Stage): stage is TrainingStage {
  return isTrainingKind(stage.kind);
}

export type SlotName = "encoder" | "head" | "metric";

/** The slots of a stage by name, in the order of its weights. */
export type StageSlots = Readonly<Partial<Record<SlotName, Slot<unknown>>>>;

export function slotsOf(stage: Stage): StageSlots {
  switch (stage.kind) {
    case "pretrain":
      return { encoder: stage.encoder, head: stage.head };
    case "meta":
    case "evaluate":
      return { encoder: stage.encoder, metric: stage.metric };
  }
}

/** Returns the names of the slots that a stage does not train. */
export function frozenSlots(stage: Stage): ReadonlySet<string> {
  return new Set(Object.entries(slotsOf(stage)).flatMap(([name, slot]) => (slot.frozen ? [name] : [])));
}

/** Returns the split whose images, or episodes, a training stage trains on. */
export function trainingSplit(stage: TrainingStage): SplitRef {
  switch (stage.kind) {
    case "pretrain":
      return stage.data;
    case "meta":
      return stage.episodes.split;
  }
}
