/** Elaborates one entry of a metric: its parameters, its body, and whether the body gives the result that is declared. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import { queriesIn, unlabeledIn } from "../../typed/tasks.js";
import type { Block, Entry } from "../../typed/tree.js";
import { walkExprs } from "../../typed/walk.js";
import { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { warnOfUnusedAdaptations } from "../expressions/minimize.js";
import { borrowedBy } from "./borrowed.js";
import { declareParameters } from "./entry-parameters.js";
import { checkResult, declaredResult } from "./entry-result.js";
import { type EntryScope, isClassify } from "./entry-scope.js";
import { type MetricContext, metricFrame, taskAxes } from "./metric-context.js";
import { checkQueryStatistics } from "./query-statistics.js";

/**
 * Returns the entry, or undefined after it has reported what is wrong. `metric` is the scope of the learned values, and `sized` has
 * the axes that they declare with sizes of their own.
 */
export function elaborateEntry(
  decl: ast.EntryDecl,
  metric: Scope,
  context: MetricContext,
  sized: ReadonlyMap<string, number>,
): Entry | undefined {
  const { task } = context;
  const sizes = new Map<string, number>(taskAxes(task).map((name) => [name, task[name]]));
  sizes.set("n", queriesIn(task)).set("u", unlabeledIn(task));
  const frame = entryFrame(decl, context);
  for (const [name, size] of sized) frame.defineAxis(name, size);
  const scope = metric.child(frame);
  const entry: EntryScope = { decl, context, sizes, scope, frame };
  const { params, queries, valid } = declareParameters(entry);
  checkAssumptions(decl, scope);
  if (decl.random && !isClassify(decl)) scope.checker.report("FSL3040", decl.name.span, { what: neverRandom(decl) });
  const promised = valid ? declaredResult(entry) : undefined;
  const value = evaluateBlock(decl.body, scope);
  // If the head of the entry is wrong, the body is evaluated only to report its own mistakes.
  if (value.kind === "anything" || promised === undefined) return undefined;
  if (value.kind === "tensor") warnOfUnusedAdaptations(frame, value.expr, scope);
  if (!decl.transductive) checkQueryStatistics(frame, queries, scope);
  const result = checkResult(value, promised, entry);
  if (result === undefined) return undefined;
  const body = { statements: frame.statements, result };
  if (decl.random && isClassify(decl) && !drawsIn(body))
    scope.checker.report("FSL3040", decl.name.span, { what: "`classify` says `random`, but it draws nothing" });
  return {
    name: decl.name.text,
    params,
    transductive: decl.transductive,
    random: decl.random,
    assumes: decl.assumes.map((assumption) => assumption.text),
    result: promised,
    body,
    borrows: borrowedBy(body, scope, decl.name.span),
  };
}

function entryFrame(decl: ast.EntryDecl, context: MetricContext): Frame {
  const { transductive } = decl;
  const base = metricFrame(context, "metric", { opaque: new Set(transductive ? ["n"] : []), transductive });
  const frame = new Frame(
    { ...base.options, draws: decl.random || decl.result.name.text === "loss" },
    base.statements,
    base,
  );
  const { task } = context;
  frame.giveAxes([{ name: "n", size: queriesIn(task) }]);
  if (task.unlabeled !== undefined) frame.giveAxes([{ name: "u", size: unlabeledIn(task) }]);
  return frame;
}

const neverRandom = ({ name }: ast.EntryDecl): string =>
  `\`${name.text}\` says \`random\`, which only \`classify\` can say. Losses may draw without it`;

function drawsIn(body: Block): boolean {
  let found = false;
  walkExprs(body, (expr) => {
    found ||= expr.k === "draw";
  });
  return found;
}

function checkAssumptions({ assumes }: ast.EntryDecl, { checker }: Scope): void {
  for (const { text, span } of assumes) {
    if (text === "balanced") continue;
    const what = `\`${text}\` is not an assumption that can be checked`;
    checker.report("FSL5025", span, { what }, { help: suggest(text, ["balanced"]) });
  }
}
