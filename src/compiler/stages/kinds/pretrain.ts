/** The rules of `pretrain` stages in the graph, in keys and in the plan. */
import type { Experiment, PretrainStage } from "../../typed/tree.js";
import { AxisNames } from "../canonical/axes.js";
import { canonicalLearns, modulesOf } from "../canonical/metric.js";
import { plain } from "../canonical/value.js";
import { learnsPlan, networkPlan } from "../plan/networks.js";
import { pretrainNorms } from "../plan/norms.js";
import { splitPlan, trainingFields } from "../plan/training.js";
import { type StageRules, validationReads } from "./rules.js";

export const pretrainRules: StageRules<PretrainStage> = {
  reads: (stage) => [{ split: stage.data, chain: "train" }, ...validationReads(stage)],

  canonical(stage, forms) {
    const { encoder, head, classes } = stage;
    const names = AxisNames.of([encoder.value, head.value, ...modulesOf(stage.learns)], ["item"]);
    // Learned tensors come first, because the loss reads them by the same names.
    const learns = canonicalLearns(stage.learns, names);
    return {
      data: forms.split(stage.data, "train"),
      classes,
      ...(stage.views === undefined ? {} : { views: stage.views }),
      head: forms.networkSlot(head),
      ...(learns.length > 0 ? { learns } : {}),
      ...(stage.described === undefined ? {} : { described: plain(stage.described) }),
      loss: forms.loss(stage.loss, names),
      ...forms.training(stage),
    };
  },

  builtins(stage, used, experiment) {
    used.network(stage.head.value);
    used.modules(stage.learns);
    used.behavior("image_order");
    if (experiment.datasets[stage.data.dataset]?.unreadable === "skip") used.behavior("short_passes");
    used.training(stage);
  },

  plan(stage, experiment, costs) {
    const { encoder, head, learns, duration, views } = stage;
    const counted = isCounted(stage, experiment);
    const { perStep: images, parts } = duration;
    return {
      kind: stage.kind,
      data: splitPlan(stage.data),
      networks: [
        networkPlan("encoder", encoder),
        networkPlan("head", head, { counted }),
        ...(learns.length > 0 ? [learnsPlan("learn", undefined, learns, encoder.value)] : []),
      ],
      norms: pretrainNorms(stage),
      perStep: { images, ...(parts === undefined ? {} : { parts }), ...(views === undefined ? {} : { views }) },
      ...trainingFields(stage, experiment, { counted, costs }),
    };
  },
};

/** Returns true if the classes and images of the split are known before the data are read. */
function isCounted({ data }: PretrainStage, { datasets }: Experiment): boolean {
  return datasets[data.dataset]?.facts?.splits[data.split] !== undefined;
}
