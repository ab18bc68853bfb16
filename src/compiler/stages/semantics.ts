/** The versions of the built-ins that a stage's numbers rest on. */
import { datasetOf } from "../typed/find.js";
import type { Experiment, Stage } from "../typed/tree.js";
import { UsedBuiltins } from "./builtins.js";
import { rulesOf } from "./kinds.js";

/** Returns the version of every built-in that a stage uses, by `kind.name`, sorted. */
export function semanticsOf(stage: Stage, experiment: Experiment): Readonly<Record<string, number>> {
  const used = new UsedBuiltins();
  const rules = rulesOf(stage);
  for (const { split, chain } of rules.reads(stage)) {
    for (const transform of datasetOf(experiment, split.dataset)[chain]) used.transform(transform);
  }
  used.stage(stage.kind);
  used.network(stage.encoder.value);
  rules.builtins(stage, used, experiment);
  return used.versions;
}
