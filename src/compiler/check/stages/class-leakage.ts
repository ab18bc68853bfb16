/** Evaluations on classes that a stage before them was trained on: accuracies that say nothing of new classes. */

import { partsOf } from "../../typed/splits.js";
import { isTraining, trainingSplits } from "../../typed/stage-kinds.js";
import type { Dataset, SplitRef, Stage, TrainingStage } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";

export function warnAboutClassLeakage(
  stages: readonly Stage[],
  datasets: Readonly<Record<string, Dataset>>,
  checker: Checker,
): void {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  // Two declarations may read the same images.
  const texts = ({ dataset, split }: SplitRef): string[] =>
    partsOf(split).map((part) => `${JSON.stringify(datasets[dataset]?.source)} ${part}`);
  for (const stage of stages) {
    if (isTraining(stage)) continue;
    const trained = earlierTrainings(stage, byId);
    for (const split of new Map(stage.rows.map((row) => [texts(row.split).join(), row.split])).values()) {
      const by = trained.find((other) =>
        trainingSplits(other).some((own) => texts(own).some((part) => texts(split).includes(part))),
      );
      if (by === undefined) continue;
      const what = `${datasets[split.dataset]?.name ?? split.dataset}.${split.split}`;
      checker.report("FSL5030", split.span, { stage: stage.name, split: what, trained: by.name });
    }
  }
}

/** The trainings that a stage goes back to, the nearest first. */
function earlierTrainings(stage: Stage, byId: ReadonlyMap<string, Stage>): TrainingStage[] {
  const found = new Set<TrainingStage>();
  const visit = ({ needs }: Stage): void => {
    for (const need of needs) {
      const before = byId.get(need);
      if (before === undefined || !isTraining(before) || found.has(before)) continue;
      found.add(before);
      visit(before);
    }
  };
  visit(stage);
  return [...found];
}
