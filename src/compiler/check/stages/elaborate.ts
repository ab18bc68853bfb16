/** Stages typed, by their kind (rules 23 to 27). */
import type { ElaboratedStage, StageContext } from "./context.js";
import { elaborateEvaluate } from "./evaluate.js";
import { elaborateMeta } from "./meta.js";
import { elaboratePretrain } from "./pretrain.js";

export type { ElaboratedStage, StageContext } from "./context.js";

export function elaborateStage(context: StageContext): ElaboratedStage {
  switch (context.decl.stage) {
    case "pretrain":
      return elaboratePretrain(context);
    case "meta":
      return elaborateMeta(context);
    case "evaluate":
      return elaborateEvaluate(context);
  }
}
