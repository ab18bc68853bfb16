/** What a stage uses that checks but cannot be lowered yet. */
import type * as ast from "../../../grammar/ast.js";
import type { Holes } from "../diagnostics/code.js";
import { type CodeName, diagnostic, type registry } from "../diagnostics/diagnostic.js";
import { type LoopStatement, roundsOf, roundsWithin } from "../lower/minimizer.js";
import type { Block, Blocker, Metric, Statement } from "../typed.js";

export function blocker<K extends CodeName>(code: K, span: ast.Span, holes: Holes<(typeof registry)[K]>): Blocker {
  return { code, message: diagnostic(code, span, holes).message, span };
}

/** Every node of a typed tree that has one of these tags. */
export function* nodes(tree: unknown): Generator<Record<string, unknown>> {
  if (typeof tree !== "object" || tree === null) return;
  if (Array.isArray(tree)) {
    for (const item of tree) yield* nodes(item);
    return;
  }
  const record = tree as Record<string, unknown>;
  yield record;
  for (const [key, value] of Object.entries(record)) if (key !== "span" && key !== "type") yield* nodes(value);
}

/** What of a metric's `classify` the runtime cannot drive, wherever the metric is used. */
export function metricBlockers(metric: Metric, stage: string, span: ast.Span): Blocker[] {
  const images = metric.fits
    .filter((fit) => fit.input.form === "image")
    .map((fit) => blocker("FSL5106", span, { stage, name: fit.name }));
  const crowded = outerLoops(metric).flatMap((loop) => {
    const rounds = roundsWithin(loop, true);
    return rounds > mostRoundsWithin ? [blocker("FSL5102", loop.span, { stage, rounds, most: mostRoundsWithin })] : [];
  });
  return [...images, ...crowded];
}

/** What a training step cannot go through: each round of a loop is part of its program. */
export function trainingBlockers(metric: Metric, stage: string): Blocker[] {
  const entry = metric.entries["classify"];
  for (const node of nodes(entry?.body.statements)) {
    const statement = node as unknown as Statement;
    if (statement.kind === "minimize" && statement.by?.method === "lbfgs")
      return [blocker("FSL5101", statement.span, { stage, why: "`lbfgs` ends where it has converged, at test only" })];
  }
  return outerLoops(metric).flatMap((loop) => {
    const rounds = roundsOf(loop, false);
    if (rounds <= mostTrainingRounds) return [];
    const why = `its ${rounds} rounds are more than the ${mostTrainingRounds} that one can hold`;
    return [blocker("FSL5101", loop.span, { stage, why })];
  });
}

/** Rounds of loops that a training step may be made of, and that a round of a loop may hold. */
const mostTrainingRounds = 256;
const mostRoundsWithin = 256;

function outerLoops(metric: Metric): LoopStatement[] {
  const statements = metric.entries["classify"]?.body.statements ?? [];
  return statements.flatMap((statement) => (statement.kind === "let" ? [] : [statement]));
}

export function pretrainLossBlockers(loss: Block, stage: string, span: ast.Span): Blocker[] {
  const found: Blocker[] = [];
  for (const node of nodes(loss)) {
    const what =
      node["kind"] === "minimize" || node["kind"] === "repeat" ? `uses \`${String(node["kind"])}\`` : undefined;
    if (what !== undefined && !found.some((one) => one.message.includes(what)))
      found.push(blocker("FSL5108", span, { stage, what }));
  }
  return found;
}
