/** The splits that a stage reads. */
import type * as ast from "../../../../grammar/ast.js";
import type { Dataset, SplitRef } from "../../typed/tree.js";
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
  if (split.split !== "test") return true;
  scope.checker.report("FSL5024", split.span, { kind: decl.stage, use, split: `${dataset.name}.test` });
  return false;
}
