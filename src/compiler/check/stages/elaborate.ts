/** Stages typed, by their kind (rules 23 to 27). */
import type { Elaborated, StageContext } from "./context.js";
import { evaluation } from "./evaluate.js";
import { meta } from "./meta.js";
import { pretrain } from "./pretrain.js";

export type { Elaborated, StageContext } from "./context.js";

export function elaborateStage(context: StageContext): Elaborated {
  switch (context.decl.stage) {
    case "pretrain":
      return pretrain(context);
    case "meta":
      return meta(context);
    case "evaluate":
      return evaluation(context);
  }
}
