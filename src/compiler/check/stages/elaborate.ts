/** Elaborates a stage by its kind. */
import type * as ast from "../../../../grammar/ast.js";
import type { StageKind } from "../../typed/tree.js";
import type { ElaboratedStage, StageContext } from "./context.js";
import { elaborateEvaluate } from "./evaluate.js";
import { elaborateMeta } from "./meta.js";
import { elaboratePretrain } from "./pretrain.js";

export type { ElaboratedStage, StageContext } from "./context.js";

type Elaborate = (context: StageContext) => ElaboratedStage;

/** The elaborator of each kind. The grammar and the typed tree have the same kinds, or this does not compile. */
const elaborators: Readonly<Record<StageKind, Elaborate>> = {
  pretrain: elaboratePretrain,
  meta: elaborateMeta,
  evaluate: elaborateEvaluate,
} satisfies Record<ast.StageDecl["stage"], Elaborate>;

export function elaborateStage(context: StageContext): ElaboratedStage {
  return elaborators[context.decl.stage](context);
}
