/** The rules of `meta` stages in the graph, in keys and in the plan. */
import { trainedEntries } from "../../typed/borrows.js";
import { trainingSplits } from "../../typed/stage-kinds.js";
import type { ListedEpisodes, MetaStage } from "../../typed/tree.js";
import { AxisNames } from "../canonical/axes.js";
import { metricPlan, networkPlan } from "../plan/networks.js";
import { metaNorms } from "../plan/norms.js";
import type { MetaPlan } from "../plan/report.js";
import { episodesPlan, trainingFields } from "../plan/training.js";
import { fitReads, type StageRules, validationReads } from "./rules.js";

export const metaRules: StageRules<MetaStage> = {
  reads: (stage) => [
    ...trainingSplits(stage).map((split) => ({ split, chain: "train" as const })),
    ...validationReads(stage),
    ...fitReads(stage),
  ],

  canonical(stage, forms) {
    const encoder = stage.encoder.value;
    const entries = trainedEntries(stage.loss);
    const others = stage.others?.map(({ task, split, metric }) => ({
      task: forms.task(task),
      split: forms.split(split, "train"),
      metric: forms.metric(metric, encoder, entries),
    }));
    return {
      metric: forms.metricSlot(stage.metric, encoder, entries),
      ...forms.fitFrom(stage),
      episodes: {
        task: forms.task(stage.episodes.task),
        split: forms.split(stage.episodes.split, "train"),
        ...(stage.episodes.given === undefined ? {} : { given: stage.episodes.given.list.digest }),
      },
      ...(others === undefined ? {} : { others }),
      loss: forms.loss(stage.loss, AxisNames.of([encoder])),
      ...forms.training(stage),
    };
  },

  builtins(stage, used) {
    used.metric(stage.metric.value);
    used.behavior("episode_sampler");
    for (const { metric } of stage.others ?? []) used.metric(metric);
    if (stage.others !== undefined) used.behavior("step_kinds");
    used.training(stage);
  },

  plan(stage, experiment, costs) {
    const { encoder, metric, episodes, others, duration } = stage;
    return {
      kind: stage.kind,
      data: {
        ...episodesPlan(episodes.task, episodes.split),
        ...listPlan(episodes.given),
        ...(others === undefined ? {} : { others: others.map(({ task, split }) => episodesPlan(task, split)) }),
      },
      networks: [networkPlan("encoder", encoder), metricPlan(metric, encoder.value)],
      norms: metaNorms(stage),
      perStep: { episodes: duration.perStep },
      ...trainingFields(stage, experiment, { counted: true, costs }),
    };
  },
};

function listPlan(given: ListedEpisodes | undefined): Pick<MetaPlan["data"], "listed"> {
  return given === undefined ? {} : { listed: { in: given.list.path, episodes: given.episodes } };
}
