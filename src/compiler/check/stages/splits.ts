/** The splits that a stage reads. */
import type * as ast from "../../../../grammar/ast.js";
import { partsOf, splitOrder, unionsOf } from "../../typed/splits.js";
import type { BaseSplit, Dataset, SplitRef } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { checkSplit, type Datasets } from "../data/datasets.js";
import { evaluate } from "../expressions/evaluate.js";
import type { StageContext } from "./context.js";

/** A split and the dataset that it is part of. */
export interface ResolvedSplit {
  readonly split: SplitRef;
  readonly dataset: Dataset;
}

/** Returns the split that an expression names, or undefined after a report. */
export function resolveSplit(expr: ast.Expr, scope: Scope, datasets: Datasets): ResolvedSplit | undefined {
  return expr.kind === "binary" && expr.op === "+"
    ? resolveUnion(expr, scope, datasets)
    : resolveOne(expr, scope, datasets);
}

/** Returns `birds.seen + birds.test` as one split. Reports FSL5078 if the two have no union. */
function resolveUnion(
  { left, right, span }: ast.BinaryExpr,
  scope: Scope,
  datasets: Datasets,
): ResolvedSplit | undefined {
  const [a, b] = [resolveOne(left, scope, datasets), resolveOne(right, scope, datasets)];
  if (a === undefined || b === undefined) return undefined;
  const { dataset } = a;
  const names: readonly string[] = [a.split.split, b.split.split];
  const possible = unionsOf(splitOrder.filter((name) => hasSplit(dataset, name)));
  const union = possible.find(([, first, second]) => names.includes(first) && names.includes(second));
  if (dataset.id === b.dataset.id && union !== undefined)
    return { dataset, split: { dataset: dataset.id, split: union[0], span } };
  const why =
    dataset.id === b.dataset.id
      ? `it has ${possible.map(([, first, second]) => `\`${first} + ${second}\``).join(", ")}`
      : "they are of two datasets";
  scope.checker.report("FSL5078", span, { first: textOf(a), second: textOf(b), why });
  return undefined;
}

const textOf = ({ dataset, split }: ResolvedSplit): string => `${dataset.name}.${split.split}`;

/** Returns whether a dataset may have a split, as far as is known. */
function hasSplit({ facts, holdOut }: Dataset, name: BaseSplit): boolean {
  if (name === "seen") return holdOut !== undefined;
  return facts === undefined || facts.splits[name] !== undefined || (name === "train" && holdOut !== undefined);
}

function resolveOne(expr: ast.Expr, scope: Scope, datasets: Datasets): ResolvedSplit | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "split") {
    const help = value.kind === "dataset" ? [`\`${value.decl.name.text}.train\`, \`.val\` or \`.test\``] : [];
    scope.checker.report("FSL2019", expr.span, { needed: "a split of a dataset", found: describe(value) }, { help });
    return undefined;
  }
  const dataset = datasets.of(value.dataset, expr.span);
  if (dataset === undefined) return undefined;
  const split = checkSplit({ ...value, span: expr.span }, dataset, scope.checker);
  return split === undefined ? undefined : { split, dataset };
}

/** Returns whether a split may be used for training. Reports FSL5024 for a test split; `use` is "train on", for example. */
export function isNotTestSplit({ split, dataset }: ResolvedSplit, use: string, { scope, decl }: StageContext): boolean {
  if (!partsOf(split.split).some((part) => part === "test" || part === "seen")) return true;
  scope.checker.report("FSL5024", split.span, { kind: decl.stage, use, split: `${dataset.name}.${split.split}` });
  return false;
}
