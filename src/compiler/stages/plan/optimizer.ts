/** The groups of weights that a plan shows: each with the settings that the optimizer moves it with. */
import { frozenSlots } from "../../typed/stage-kinds.js";
import type { Optimizer, TrainingStage } from "../../typed/tree.js";
import { stageWeights } from "../../typed/weights.js";
import { elements } from "./networks.js";
import type { OptimizerGroupPlan, OptimizerSettings, Size } from "./report.js";

/** `counted` is false if the size of the head is unknown. */
export function optimizerGroups(
  stage: TrainingStage,
  { counted }: { readonly counted: boolean },
): OptimizerGroupPlan[] {
  const frozen = frozenSlots(stage);
  const groups = new Map<string, { settings: OptimizerGroupPlan["settings"]; weights: string[]; parameters: Size }>();
  for (const { path, shape, trainable } of stageWeights(stage)) {
    if (!trainable) continue;
    const slot = path.slice(0, path.indexOf("."));
    const own = stage.optimizer.overrides[path];
    const settings =
      own?.frozen || frozen.has(slot)
        ? ("frozen" as const)
        : {
            ...settingsOf({ ...stage.optimizer, ...own }),
            ...(own?.every === undefined ? {} : { every: own.every }),
          };
    const key = JSON.stringify(settings);
    const group = groups.get(key) ?? { settings, weights: [], parameters: 0 };
    group.weights.push(path);
    const known = group.parameters !== "unknown" && (counted || slot !== "head");
    group.parameters = known ? Number(group.parameters) + elements(shape) : "unknown";
    groups.set(key, group);
  }
  return [...groups.values()];
}

function settingsOf({ kind, lr, weightDecay, clip, ...more }: Optimizer): OptimizerSettings {
  const common = { lr, weightDecay, clip };
  switch (kind) {
    case "sgd":
      return { kind, ...common, momentum: more.momentum, nesterov: more.nesterov };
    case "adam":
    case "adamw":
      return { kind, ...common, beta1: more.beta1, beta2: more.beta2, eps: more.eps };
  }
}
