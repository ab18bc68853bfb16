/** The rules of `evaluate` stages in the graph, in keys and in the plan. */
import type { EvaluateStage, Slot } from "../../typed/tree.js";
import { plain } from "../canonical/value.js";
import { metricPlan, networkPlan } from "../plan/networks.js";
import { episodesPlan, splitPlan } from "../plan/training.js";
import { fitReads, type StageRules } from "./rules.js";

export const evaluateRules: StageRules<EvaluateStage> = {
  reads: (stage) => [...stage.rows.map(({ split }) => ({ split, chain: "eval" as const })), ...fitReads(stage)],

  canonical(stage, forms) {
    const encoder = stage.encoder.value;
    return {
      metric: forms.metricSlot(stage.metric, encoder),
      ...forms.fitFrom(stage),
      rows: stage.rows.map((row) => ({
        task: forms.task(row.task),
        split: forms.split(row.split, "eval"),
        episodes: row.episodes,
        ...(row.given === undefined ? {} : { given: row.given.digest }),
        ...(row.whole === undefined ? {} : { whole: row.whole }),
        metric: forms.metric(row.metric, encoder),
      })),
      report: plain(stage.report),
    };
  },

  builtins({ encoder, metric, rows, report }, used) {
    used.metric(metric.value);
    for (const row of rows) used.metric(row.metric);
    used.behavior("episode_sampler");
    used.behavior("interval");
    if (report.some(({ kind }) => kind === "accuracy_disjoint")) used.behavior("disjoint_sampler");
    const drawn =
      (isDrawn(encoder) && encoder.value.weights.length > 0) || (isDrawn(metric) && metric.value.learns.length > 0);
    if (drawn) used.behavior("initial_weights");
  },

  plan(stage, experiment, costs) {
    const { encoder, metric, rows, report, embedOnce, fitFrom, blockers } = stage;
    const lowers = blockers.length === 0 && embedOnce.legal;
    return {
      kind: stage.kind,
      networks: [networkPlan("encoder", encoder), metricPlan(metric, encoder.value)],
      rows: rows.map(({ label, task, split, episodes, given }) => ({
        label,
        ...episodesPlan(task, split),
        episodes,
        ...(given === undefined ? {} : { listedIn: given.path }),
      })),
      report,
      embed: embedOnce.legal ? { once: true } : { once: false, why: embedOnce.why },
      ...(fitFrom === undefined ? {} : { fitFrom: splitPlan(fitFrom) }),
      cost: lowers ? costs?.ofEvaluation(stage, experiment) : undefined,
    };
  },
};

/** Returns true if a slot's weights are drawn: they are neither a stage's nor a file's. */
function isDrawn({ from, file }: Slot<unknown>): boolean {
  return from === undefined && file === undefined;
}
