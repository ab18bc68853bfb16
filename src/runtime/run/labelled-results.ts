/** Gives each result of a run its labels: the evaluation, the row, the values of the sweep and the seed that it belongs to. */
import { own } from "../../common/own.js";
import { decidingAxes } from "../../compiler/stages/variants.js";
import { seedAxis } from "../../compiler/typed/sweep.js";
import type { ParamValue } from "../../compiler/typed/tree.js";
import type { Result, Sweep } from "../events/events.js";
import { endsOfStages, type RunRecord } from "./runs.js";

/** The names of the labels that are no parameters. */
export const stageLabel = "stage";
export const rowLabel = "row";

/** The names that no parameter of a sweep can have, because results have labels of these names. */
export const reservedLabels: readonly string[] = [stageLabel, rowLabel, seedAxis];

/** The labels of a result by name. A parameter that does not change the result is no label of it. */
export type Labels = Readonly<Record<string, ParamValue>>;

export interface LabelledResult {
  readonly labels: Labels;
  readonly result: Result;
  /** The task and the split; undefined if an older version made the run. Only results with the same protocol can be ranked. */
  readonly protocol: string | undefined;
}

/** Returns the results of all evaluations of a run that have ended, each once. */
export function labelledResults(run: RunRecord): LabelledResult[] {
  const { start } = run;
  const results = resultsByStage(run);
  const outlines = new Map(start.stages.map((outline) => [outline.id, outline]));
  const found = new Map<string, LabelledResult>();
  const variants = start.sweep?.variants ?? [variantOf(run)];
  for (const stage of new Set(variants.flatMap(({ stages }) => Object.keys(stages)))) {
    const values = variants.map((variant) => ({ ...variant.values, [seedAxis]: variant.seed }));
    const ids = variants.map(({ stages }) => own(stages, stage) ?? "");
    const axes = decidingAxes(values, ids).filter((axis) => axis !== seedAxis);
    for (const [i, variant] of variants.entries()) {
      const ofStage = results.get(ids[i] ?? "") ?? [];
      const rows = [...new Set(ofStage.map(({ row }) => row ?? ""))];
      const given = Object.fromEntries(axes.map((axis) => [axis, own(variant.values, axis) ?? ""]));
      for (const result of ofStage) {
        const { row = "", metric } = result;
        const labels = {
          [stageLabel]: stage,
          ...given,
          ...(row === "" ? {} : { [rowLabel]: row }),
          seed: variant.seed,
        };
        const protocol = outlines.get(ids[i] ?? "")?.protocols?.[rows.indexOf(row)];
        const key = JSON.stringify([labels, metric]);
        if (!found.has(key)) found.set(key, { labels, result, protocol });
      }
    }
  }
  return [...found.values()];
}

/** Returns the only variant of a run without a sweep. */
function variantOf({ start }: RunRecord): Sweep["variants"][number] {
  return { values: {}, seed: start.seed, stages: Object.fromEntries(start.stages.map(({ id }) => [id, id])) };
}

/** Returns the results by the id of their stage, also those of a run that has not ended. */
function resultsByStage(run: RunRecord): ReadonlyMap<string, readonly Result[]> {
  const results = run.done?.results ?? endsOfStages(run).flatMap((end) => ("results" in end ? end.results : []));
  const found = new Map<string, Result[]>();
  for (const result of results) {
    const ofStage = found.get(result.stage);
    if (ofStage === undefined) found.set(result.stage, [result]);
    else ofStage.push(result);
  }
  return found;
}
