/** The `report` line of a training stage: the files about its steps. */
import type * as ast from "../../../../grammar/ast.js";
import { stepKinds } from "../../typed/stage-kinds.js";
import { imagesIn } from "../../typed/tasks.js";
import type { Dataset, StepReport, TrainingReport, TrainingStage } from "../../typed/tree.js";
import { stageWeights, type WeightDecl } from "../../typed/weights.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { StageContext } from "./context.js";
import { reportName, reportUnknown, whyNotListed } from "./report-items.js";
import { stepReports } from "./report-names.js";
import { findLine, type ScopedLine } from "./stage-lines.js";

/** The most steps of one report. Each is a file. */
const mostFiles = 1000;
/** The most bytes of one report. They are in memory until the stage is stored. */
const mostBytes = 256 * 2 ** 20;
/** The most images that a list of episodes names. */
const mostListed = 1_000_000;

/** Returns the stage with what its `report` line asks for, or undefined after a report. `dataset` is what it trains on. */
export function withReports<S extends TrainingStage>(stage: S, dataset: Dataset, context: StageContext): S | undefined {
  const written = findLine(context.lines, "report", "report");
  if (written === undefined) return stage;
  const found: TrainingReport[] = [];
  const seen = new Map<string, ast.ReportItem>();
  let complete = true;
  for (const item of written.line.items) {
    const report = trainingReport(item, stage, written);
    const first = report && seen.get(report.kind);
    if (report !== undefined && first !== undefined) {
      const labels = [{ span: first.span, text: "given here first" }];
      written.scope.checker.report("FSL5003", item.span, { line: `report ${report.kind}` }, { labels });
    }
    if (report === undefined || first !== undefined || !isSmall(report, stage, dataset, item, written)) {
      complete = false;
      continue;
    }
    seen.set(report.kind, item);
    found.push(report);
  }
  return complete ? { ...stage, report: found } : undefined;
}

/** Returns the report that an item names. Reports FSL5017 for an unknown one, FSL5031 for a wrong `every`. */
function trainingReport(
  item: ast.ReportItem,
  { kind }: TrainingStage,
  { scope }: ScopedLine,
): TrainingReport | undefined {
  const { checker } = scope;
  const name = reportName(item);
  if (name === "episodes" && kind === "meta") {
    if (item.every === undefined) return { kind: "episodes" };
    const holes = { report: name, why: "the list has the episodes of all steps" };
    checker.report("FSL5031", item.span, holes, { help: ["leave `every …` out"] });
    return undefined;
  }
  const known = stepReports.find((word) => word === name);
  if (known === undefined) {
    reportUnknown(item, kind === "meta" ? [...stepReports, "episodes"] : stepReports, checker);
    return undefined;
  }
  if (item.every === undefined) return { kind: known };
  const every = evaluate(item.every, scope);
  if (every.kind === "anything") return undefined;
  if (every.kind === "int" && every.unit === "step" && every.value >= 1) return { kind: known, every: every.value };
  const holes = { what: "how often to report", expected: "steps", found: describe(every) };
  checker.report("FSL3010", item.every.span, holes);
  return undefined;
}

/** Returns whether a report is small enough to be written. Reports FSL5031. */
function isSmall(
  report: TrainingReport,
  stage: TrainingStage,
  dataset: Dataset,
  item: ast.ReportItem,
  { scope }: ScopedLine,
): boolean {
  const { duration } = stage;
  const steps = duration.epochs * duration.stepsPerEpoch;
  const refuse = (why: string, help: string): boolean => {
    scope.checker.report("FSL5031", item.span, { report: report.kind, why }, { help: [help] });
    return false;
  };
  if (report.kind === "episodes") {
    const varied = "a list has episodes of one task and one data set";
    const several = stage.kind === "meta" && stage.others !== undefined ? varied : undefined;
    const unlisted = stage.kind === "meta" ? (several ?? whyNotListed(stage.episodes.task)) : undefined;
    if (unlisted !== undefined) return refuse(unlisted, "report the images: `report images every step`");
    const images = steps * imagesPerStep(stage);
    const help = "report them of a shorter training: the episodes of a seed are the same, however long it trains";
    return (
      images <= mostListed || refuse(`the list would name ${images} images, and at most ${mostListed} can be`, help)
    );
  }
  const files = report.every === undefined ? 1 : Math.ceil(steps / report.every) + (report.kind === "weights" ? 1 : 0);
  const bytes = files * bytesOf[report.kind](stage, dataset);
  const help = `report fewer steps, as with \`${report.kind} every ${roundUp(steps / 10)} steps\`, or train for fewer`;
  if (files > mostFiles) return refuse(`it would be ${files} files, and at most ${mostFiles} can be written`, help);
  if (bytes <= mostBytes) return true;
  return refuse(`it would be ${megabytes(bytes)} MB, and at most ${megabytes(mostBytes)} MB can be written`, help);
}

/** The bytes of one file of each report. */
const bytesOf: Readonly<Record<StepReport, (stage: TrainingStage, dataset: Dataset) => number>> = {
  weights: (stage) => bytesOfWeights(stageWeights(stage)),
  gradients: (stage) => bytesOfWeights(stageWeights(stage).filter(({ trainable }) => trainable)),
  images: (stage, { image }) => imagesPerStep(stage) * image.channels * image.height * image.width,
};

function bytesOfWeights(weights: readonly WeightDecl[]): number {
  return weights.reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
}

function imagesPerStep(stage: TrainingStage): number {
  const { perStep } = stage.duration;
  if (stage.kind === "pretrain") return perStep * (stage.views ?? 1);
  return perStep * Math.max(...stepKinds(stage).map(({ episodes }) => imagesIn(episodes.task)));
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

/** Returns a number of one digit and zeros that is at least `value`. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return Math.ceil(value / unit) * unit;
}
