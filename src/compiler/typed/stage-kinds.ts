/** The facts about a stage that depend on its kind. Each function reads one exhaustive table or switch. */
import type { SplitRef } from "./data.js";
import type { MetaStage, Slot, Stage, StageKind, StageOf, TrainingKind, TrainingStage } from "./stage.js";

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

/** Returns the split whose images, or episodes, a training stage trains on: the first one, if its steps have several. */
export function trainingSplit(stage: TrainingStage): SplitRef {
  switch (stage.kind) {
    case "pretrain":
      return stage.data;
    case "meta":
      return stage.episodes.split;
  }
}

/** Returns the stage once for each kind of its steps, as if all its steps were of this kind. */
export function stepKinds<S extends TrainingStage>(stage: S): readonly S[] {
  if (stage.kind !== "meta") return [stage];
  const { others = [], ...first } = stage as S & MetaStage;
  return [
    first as S,
    ...others.map(({ task, split, metric }) => ({
      ...(first as S),
      episodes: { task, split },
      metric: { ...first.metric, value: metric },
    })),
  ];
}

/** Returns the splits that a training stage trains on, each once. */
export function trainingSplits(stage: TrainingStage): readonly SplitRef[] {
  const splits = stepKinds(stage).map(trainingSplit);
  return splits.filter(
    (split, i) => splits.findIndex((other) => other.dataset === split.dataset && other.split === split.split) === i,
  );
}
