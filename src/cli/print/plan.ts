/**
 * Prints the report of `fslc plan` for people: the stages and the reason why each runs, then the details of each. It
 * fits any width from 60 columns up.
 */
import { Chalk, type ChalkInstance } from "chalk";
import { printableTexts } from "../../common/printable.js";
import type { PlanReport, StagePlan } from "../../compiler/stages/index.js";
import { duration, engineAndDevice, seedsText, shorten } from "../view/format.js";
import { graphRows } from "../view/graph.js";
import { padText } from "../view/line.js";
import { waitingStage } from "../view/model.js";
import { fact, type PrintContext } from "./plan/context.js";
import { memoryNotes } from "./plan/memory.js";
import { stageLines } from "./plan/stages.js";
import { causeText, computedByText, continuesText } from "./plan/text.js";
import { hanging, wrap } from "./wrap.js";

export interface PlanStyle {
  readonly width: number;
  /** The width for tables: a file has room for any table. */
  readonly tableWidth?: number;
  readonly colorLevel: 0 | 1 | 2 | 3;
}

export function printPlan(
  given: PlanReport,
  { width, tableWidth = Number.POSITIVE_INFINITY, colorLevel }: PlanStyle,
): string {
  const plan = printableTexts(given);
  const paint = new Chalk({ level: colorLevel });
  const seen = new Map<string, string>();
  const parts = plan.stages.map((stage) => section(stage, { width, tableWidth, paint, seen }));
  const notes = memoryNotes(plan).map((note) => `\n${paint.yellow(hanging("note: ", note, width).join("\n"))}\n`);
  return `${heading(plan, width, paint)}\n\n${overview(plan, width, paint)}\n\n${expectation(plan, width)}${parts.join("\n\n")}\n${notes.join("")}`;
}

/** Returns the paragraph about the time of the whole run; empty if it is not estimated. */
function expectation({ expectedSeconds, stages }: PlanReport, width: number): string {
  if (expectedSeconds === undefined) return "";
  const packs = stages.some(({ kind, status }) => kind === "ingest" && !status.cached);
  const text = `a run is expected to take ${rangeText(expectedSeconds)} on this machine${packs ? ", and the time to get and pack the images" : ""}`;
  return `${wrap(text, width).join("\n")}\n\n`;
}

/** Returns the lines with the file, the seeds and the engine. */
export function heading(plan: PlanReport, width: number, paint: ChalkInstance): string {
  const engine = engineAndDevice(plan.engine, plan);
  const seeds = plan.seeds === undefined ? `seed ${plan.seed}` : `seeds ${seedsText(plan.seeds)}`;
  const title = `${paint.bold(plan.file)}  ${paint.dim(`engine ${engine} · ${seeds}`)}`;
  const why = plan.why === undefined ? [] : hanging("engine: ", plan.why, width).map((line) => `\n${paint.dim(line)}`);
  const jobs = plan.cluster === undefined ? [] : hanging("jobs: ", clusterText(plan.cluster), width);
  return `${title}${why.join("")}${jobs.map((line) => `\n${paint.dim(line)}`).join("")}`;
}

/** `executor slurm, partition gpu, cpus 4`: the settings as they are in fslc.clusters.json. */
function clusterText(cluster: NonNullable<PlanReport["cluster"]>): string {
  return Object.entries(cluster)
    .map(([name, value]) => `${name} ${typeof value === "object" ? value.join(" ") : value}`)
    .join(", ");
}

function overview(plan: PlanReport, width: number, paint: ChalkInstance): string {
  const byId = new Map(plan.stages.map((s) => [s.id, s]));
  const rows = graphRows(plan.stages.map(({ id, kind, name, needs }) => waitingStage({ id, kind, name, needs })));
  const nameWidth = Math.max(...rows.map((r) => r.rails.length + r.stage.outline.name.length)) + 2;
  return rows
    .flatMap(({ stage, rails }) => {
      const planned = byId.get(stage.outline.id);
      return planned === undefined ? [] : overviewLines(planned, rails, nameWidth, width, paint);
    })
    .join("\n");
}

function overviewLines(
  stage: StagePlan,
  rails: string,
  nameWidth: number,
  width: number,
  paint: ChalkInstance,
): string[] {
  const { status } = stage;
  const glyph = status.cached ? paint.green("↺") : stage.blockers.length > 0 ? paint.red("✘") : "○";
  const head = `${paint.dim(rails)}${glyph} ${padText(stage.name, nameWidth - rails.length)}${paint.dim(padText(stage.kind, 10))}`;
  const room = Math.max(20, width - nameWidth - 12);
  const indent = " ".repeat(nameWidth + 12);
  if (stage.blockers.length > 0) {
    const [first = "", ...rest] = stage.blockers.flatMap((text) => wrap(`cannot run yet: ${text}`, room));
    return [head + paint.red(first), ...rest.map((line) => indent + paint.red(line))];
  }
  if (status.cached) return [head + paint.green(shorten(`from the store (${computedByText(status.by)})`, room))];
  const [first = "", ...rest] = wrap(runText(status), room);
  const differing = status.because.kind === "not stored" ? status.because.differs : [];
  const fields = differing.map((path) => path.replace(/^stage\./, "")).join(", ");
  const differs = fields === "" ? [] : wrap(`differs from a stored one in ${fields}`, room);
  return [head + first, ...[...rest, ...differs].map((line) => indent + paint.dim(line))];
}

function runText({ because, continues }: Extract<StagePlan["status"], { cached: false }>): string {
  return continues === undefined ? causeText(because) : `${causeText(because)}; ${continuesText(continues)}`;
}

/** Returns the line about the time of a stage: the expected one, and the true one if it has run. */
function timeLines({ status, expectedSeconds }: StagePlan, context: PrintContext): string[] {
  const took = status.cached && status.seconds !== undefined ? `it took ${duration(status.seconds)}` : undefined;
  if (expectedSeconds === undefined) return took === undefined ? [] : fact("time", took, context);
  const expected = rangeText(expectedSeconds);
  return fact("time", took === undefined ? `${expected} expected` : `${took}; ${expected} would be expected`, context);
}

/** `1:20 to 4:05`. */
const rangeText = ([low, high]: readonly [number, number]): string => `${duration(low)} to ${duration(high)}`;

function section(stage: StagePlan, context: PrintContext): string {
  const { paint } = context;
  const key = stage.key === "pending" ? "key pending" : `key ${stage.key.slice(0, 12)}`;
  const title = `${paint.bold(stage.name)}  ${stage.kind}  ${paint.dim(key)}`;
  return [title, ...timeLines(stage, context), ...stageLines(stage, context)].join("\n");
}
