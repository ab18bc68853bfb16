/** What stays after a run: the results as a table, what failed and how to mend it, and where everything lies. */
import { relative } from "node:path";
import type { Result } from "../../runtime/events.js";
import type { RunSummary } from "../../runtime/run.js";
import { table } from "../print/table.js";
import { count, duration, percent, plural } from "../view/format.js";
import type { RunState } from "../view/model.js";

/** The table of results, mean ± half-width of the 95% interval; empty where a run has none. */
export function resultsTable(results: readonly Result[]): string {
  if (results.length === 0) return "";
  const rows = results.map((r) => [
    r.row === undefined || r.row === "" ? r.stage : `${r.stage} (${r.row})`,
    r.metric,
    `${percent(r.mean)} ± ${percent(r.ci95)} %`,
    count(r.episodes),
  ]);
  return table(["stage", "metric", "mean ± 95% interval", "episodes"], rows, ["left", "left", "right", "right"]);
}

const STATUS = {
  done: (time: string) => `done in ${time}`,
  failed: (time: string) => `failed after ${time}`,
  interrupted: (time: string) => `interrupted after ${time}; finished stages are kept`,
} as const;

/** Lines for people, below the table. `folder` is the run's. */
export function receipt(summary: RunSummary, state: RunState, folder: string): string {
  const cached = state.stages.filter((s) => s.status === "cached").length;
  const lines = summary.failures.flatMap(({ stage, code, message, mend, at }) => [
    `✘ ${stage}: ${message}`,
    ...(at === undefined ? [] : [`  at ${at}`]),
    ...(mend === undefined ? [] : [`  mend: ${mend}`]),
    `  more: fslc explain ${code}`,
    "",
  ]);
  const served = cached > 0 ? `, ${cached} of ${plural(state.stages.length, "stage")} from the store` : "";
  lines.push(`${STATUS[summary.status](duration(summary.seconds))}${served}`);
  lines.push(`run folder: ${relative(process.cwd(), folder) || folder}`);
  return lines.join("\n");
}
