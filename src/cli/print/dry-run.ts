/** Prints what a run would do, a line for each stage, for `fslc run --dry-run`. */
import { Chalk } from "chalk";
import { printableTexts } from "../../common/printable.js";
import type { PlanReport, StagePlan } from "../../compiler/stages/index.js";
import { count, plural, shorten } from "../view/format.js";
import { graphRows } from "../view/graph.js";
import { padText } from "../view/line.js";
import { waitingStage } from "../view/model.js";
import { continuesText } from "./plan/text.js";
import { heading, type PlanStyle } from "./plan.js";

/** Returns the stages, what happens to each, and how many there are to run. */
export function printDryRun(given: PlanReport, { width, colorLevel }: PlanStyle): string {
  const plan = printableTexts(given);
  const paint = new Chalk({ level: colorLevel });
  const byId = new Map(plan.stages.map((stage) => [stage.id, stage]));
  const rows = graphRows(plan.stages.map(({ id, kind, name, needs }) => waitingStage({ id, kind, name, needs })));
  const widest = Math.max(...rows.map(({ rails, name }) => rails.length + name.length));
  // The glyph, the kind and the longest text behind it take 31 columns.
  const nameWidth = Math.max(16, Math.min(widest, width - 31));
  const lines = rows.flatMap(({ stage: { outline }, name, rails }) => {
    const stage = byId.get(outline.id);
    if (stage === undefined) return [];
    const room = nameWidth - rails.length;
    const shown = padText(shorten(name, room), room);
    const glyph = stage.status.cached ? paint.green("↺") : stage.blockers.length > 0 ? paint.red("✘") : "○";
    return [`${paint.dim(rails)}${glyph} ${shown}  ${paint.dim(padText(outline.kind, 9))}  ${textOf(stage)}`];
  });
  const cached = plan.stages.filter(({ status }) => status.cached).length;
  const same = plan.stages.filter(({ status }) => !status.cached && status.because.kind === "same").length;
  const toRun = plan.stages.length - cached - same;
  const others = same === 0 ? "" : `, ${count(same)} the same as others`;
  const counts = `${plural(plan.stages.length, "stage")}: ${count(toRun)} to run, ${count(cached)} from the store${others}`;
  return `${heading(plan, width, paint)}\n\n${lines.join("\n")}\n\n${counts}\n`;
}

function textOf({ kind, status, blockers }: StagePlan): string {
  if (blockers.length > 0) return "cannot run yet";
  if (status.cached) return kind === "ingest" ? "packed" : "from the store";
  if (status.because.kind === "same") return `the same as ${status.because.as}`;
  if (status.continues !== undefined) return `runs: ${continuesText(status.continues)}`;
  return status.because.kind === "forced" ? "runs: --force" : "runs";
}
