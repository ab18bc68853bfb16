/** Blockers: reasons why a stage that has no errors still cannot run. */

import type * as ast from "../../../../grammar/ast.js";
import { own } from "../../../common/own.js";
import type { Holes } from "../../diagnostics/code.js";
import { type CodeName, diagnostic, type registry } from "../../diagnostics/diagnostic.js";
import { type LoopStatement, loopsIn, roundsOf, roundsWithin } from "../../typed/loops.js";
import type { Block, Blocker, Metric, Network, Statement } from "../../typed/tree.js";
import { layersOf, rootOf, walkExprs } from "../../typed/walk.js";

/** Returns a blocker with the message of a diagnostic. */
export function createBlocker<K extends CodeName>(
  code: K,
  span: ast.Span,
  holes: Holes<(typeof registry)[K]>,
  help: readonly string[] = [],
): Blocker {
  const { message } = diagnostic(code, span, holes);
  return { code, message, span, ...(help.length === 0 ? {} : { help }) };
}

/** Returns why no stage can run the `classify` of a metric: fits over images, and loops that have too many rounds inside of one. */
export function metricBlockers(metric: Metric, stage: string, span: ast.Span): Blocker[] {
  const images = metric.fits
    .filter(({ inputs }) => inputs.some(({ form }) => form === "image"))
    .map(({ values: [value] }) => createBlocker("FSL5106", span, { stage, name: value?.name ?? "" }));
  const crowded = outerLoops(metric).flatMap((loop) => {
    const rounds = roundsWithin(loop, "test");
    return rounds > mostRoundsWithin
      ? [createBlocker("FSL5102", loop.span, { stage, rounds, most: mostRoundsWithin })]
      : [];
  });
  return [...images, ...crowded];
}

/**
 * Returns why a `meta` stage cannot train through the entries that its loss reads. A training step is one program, which
 * holds every round of every loop.
 */
export function trainingBlockers(metric: Metric, encoder: Network, loss: Block, stage: string): Blocker[] {
  const read = new Set(["classify"]);
  walkExprs(loss, (expr) => {
    if (expr.k === "entry_loss") read.add(expr.entry);
  });
  return [...read].flatMap((name) =>
    loopBlockers(own(metric.entries, name)?.body.statements ?? [], metric, encoder, stage),
  );
}

/** Returns why a training step cannot go through the loops of these statements. */
export function loopBlockers(
  statements: readonly Statement[],
  metric: Pick<Metric, "learns">,
  encoder: Network,
  stage: string,
): Blocker[] {
  for (const loop of loopsIn({ statements })) {
    if (loop.kind === "minimize" && loop.by.method === "lbfgs")
      return [createBlocker("FSL5101", loop.span, { stage, why: "`lbfgs` ends where it has converged, at test only" })];
  }
  return loopsOf(statements).flatMap((loop) => {
    const why = tooLong(loop, metric, encoder);
    return why === undefined ? [] : [createBlocker("FSL5101", loop.span, { stage, why })];
  });
}

function tooLong(loop: LoopStatement, metric: Pick<Metric, "learns">, encoder: Network): string | undefined {
  const rounds = roundsOf(loop, "training");
  if (rounds > mostTrainingRounds)
    return `its ${rounds} rounds are more than the ${mostTrainingRounds} that one can hold`;
  const layers = adaptedLayers(loop, metric, encoder);
  if (rounds * layers <= mostLayerRounds) return undefined;
  return `${rounds} rounds through ${layers} layers that are adapted are more than the ${mostLayerRounds} layers that one can hold`;
}

/** Returns the number of layers in the networks that a loop adapts. */
function adaptedLayers(loop: LoopStatement, metric: Pick<Metric, "learns">, encoder: Network): number {
  let layers = 0;
  const targets = loopsIn({ statements: [loop] }).flatMap((each) => (each.kind === "minimize" ? each.targets : []));
  for (const target of targets) {
    if (target.kind !== "network") continue;
    const from = rootOf(target.from);
    const learn = from.kind === "learn" ? metric.learns.find((own) => own.name === from.name) : undefined;
    const network = from.kind === "slot" ? encoder : learn?.kind === "module" ? learn.network : undefined;
    if (network !== undefined) layers += layersOf(network).length;
  }
  return layers;
}

/** The most rounds of a loop in a training step. */
const mostTrainingRounds = 256;
/** The most rounds of inner loops in one round of a loop. */
const mostRoundsWithin = 256;
/** The most layers of adapted networks, counted once a round. Each is about 40 nodes of a step's program. */
const mostLayerRounds = 800;

function outerLoops(metric: Metric): LoopStatement[] {
  return loopsOf(metric.entries["classify"]?.body.statements ?? []);
}

function loopsOf(statements: readonly Statement[]): LoopStatement[] {
  return statements.flatMap((statement) => (statement.kind === "let" ? [] : [statement]));
}
