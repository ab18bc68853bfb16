/** The networks of finished stages that a stage calls from its loss or its metric. */
import { own } from "../../common/own.js";
import type { Block, Borrowed, Metric, Stage } from "./tree.js";
import { walkExprs } from "./walk.js";

/** Returns the entries of its metric that a `meta` stage computes in a step: `classify`, for the accuracy, and those of its loss. */
export function trainedEntries(loss: Block): readonly string[] {
  const entries = new Set(["classify"]);
  walkExprs(loss, (e) => {
    if (e.k === "entry_loss") entries.add(e.entry);
  });
  return [...entries];
}

/** Returns the networks that entries of a metric call. */
export function entriesBorrow({ entries }: Metric, names: readonly string[]): readonly Borrowed[] {
  return names.flatMap((name) => own(entries, name)?.borrows ?? []);
}

/** Returns the networks that `classify` calls. */
export function scoringBorrows(metric: Metric): readonly Borrowed[] {
  return entriesBorrow(metric, ["classify"]);
}

/** Returns the networks that the step of a training calls, or the scoring of an evaluation. Each stands there once. */
export function borrowsOf(stage: Stage): readonly Borrowed[] {
  return once(allBorrows(stage));
}

function allBorrows(stage: Stage): readonly Borrowed[] {
  switch (stage.kind) {
    case "pretrain":
      return [...stage.borrows, ...(stage.validate === undefined ? [] : scoringBorrows(stage.validate.metric))];
    case "meta":
      return entriesBorrow(stage.metric.value, trainedEntries(stage.loss));
    case "evaluate":
      return stage.rows.flatMap(({ metric }) => scoringBorrows(metric));
  }
}

function once(borrows: readonly Borrowed[]): readonly Borrowed[] {
  return [...new Map(borrows.map((each) => [`${each.slot} ${each.stage}`, each])).values()];
}
