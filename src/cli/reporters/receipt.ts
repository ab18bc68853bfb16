/** What stays after a run: the results as a table, what failed and how to mend it, and where everything lies. */
import type { Result } from "../../runtime/events.js";
import { table } from "../print/table.js";
import { count, duration, percent } from "../view/format.js";
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
  done: "done",
  failed: "failed",
  interrupted: "interrupted; finished stages are kept",
  running: "ended",
  starting: "ended",
} as const;

/** Lines for people, below the table. `folder` is the run's, relative to where the user stands. */
export function receipt(state: RunState, folder: string | undefined): string {
  const cached = state.stages.filter((s) => s.status === "cached").length;
  const lines = state.stages.flatMap((s) =>
    s.failure
      ? [
          `${s.outline.name} failed with ${s.failure.code}: ${s.failure.message}`,
          ...(s.failure.mend === undefined ? [] : [`  mend: ${s.failure.mend}`]),
          `  more: fslc explain ${s.failure.code}`,
        ]
      : [],
  );
  const seconds = state.seconds === undefined ? "" : ` in ${duration(state.seconds)}`;
  const served = cached > 0 ? `, ${cached} of ${state.stages.length} stages from the store` : "";
  lines.push(`${STATUS[state.status]}${seconds}${served}`);
  if (folder !== undefined) lines.push(`run folder: ${folder}`);
  return lines.join("\n");
}
