/** The rules of each kind of stage. A kind without rules does not compile. */
import type { Stage, StageKind, StageOf } from "../typed/tree.js";
import { evaluateRules } from "./kinds/evaluate.js";
import { metaRules } from "./kinds/meta.js";
import { pretrainRules } from "./kinds/pretrain.js";
import type { StageRules } from "./kinds/rules.js";

const rules: { readonly [K in StageKind]: StageRules<StageOf<K>> } = {
  pretrain: pretrainRules,
  meta: metaRules,
  evaluate: evaluateRules,
};

/** Returns the rules of a stage's kind. They are for stages of that kind only: call them with the same stage. */
export function rulesOf(stage: Stage): StageRules<Stage> {
  return rules[stage.kind];
}
