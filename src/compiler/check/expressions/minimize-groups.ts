/** Groups after the method of a `minimize` change settings for some of its targets. */
import type * as ast from "../../../../grammar/ast.js";
import type { Expr, MinimizeChange, MinimizeTarget, Network } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { asNumbers } from "../core/tensors.js";
import { describe } from "../core/values.js";
import { matchArguments } from "./arguments.js";
import { evaluate } from "./evaluate.js";
import { type Group, mergeGroups } from "./groups.js";

/** A target with the name that paths begin with, and its network as far as it is known. */
export interface NamedTarget {
  readonly name: string;
  readonly at: ast.Span;
  readonly target: MinimizeTarget;
  readonly network: Network | undefined;
}
interface Changes {
  readonly frozen: boolean;
  readonly lr: Expr;
  readonly weight_decay: Expr;
}
const settingWords = { frozen: "frozen", lr: "lr", weight_decay: "weight_decay" } as const;

/** Returns the targets with the changes of the groups, or undefined if a group is wrong. `settings` are those of the method. */
export function applyGroups(
  groups: readonly ast.OptimizerGroup[],
  settings: readonly string[],
  targets: readonly NamedTarget[],
  scope: Scope,
): readonly MinimizeTarget[] | undefined {
  const { checker } = scope;
  const before = checker.errors;
  const read = groups.map((group) => readGroup(group, settings, scope));
  if (checker.errors > before) return undefined;
  const paths = targets.map(({ name, target, network }) =>
    target.kind === "tensor" ? [name] : trainable(network).map((path) => `${name}.${path}`),
  );
  // An encoder that a method does not know has no paths yet, and a network that is never called has none at all.
  if (paths.some((own) => own.length === 0)) return targets.map(({ target }) => target);
  const changed = mergeGroups(read, paths.flat(), settingWords, "it moves", scope);
  if (changed === undefined) return undefined;
  const changeOf = (path: string): MinimizeChange | undefined => {
    const found = changed.get(path);
    if (found === undefined) return undefined;
    const { frozen = false, share = 1, ...args } = found;
    return { frozen, share, args };
  };
  return targets.map(({ name, target, network }): MinimizeTarget => {
    if (target.kind === "tensor") {
      const change = changeOf(name);
      return change === undefined ? target : { ...target, change };
    }
    const own = trainable(network).flatMap((path) => {
      const change = changeOf(`${name}.${path}`);
      return change === undefined ? [] : [[path, change] as const];
    });
    return own.length === 0 ? target : { ...target, changes: Object.fromEntries(own) };
  });
}

function trainable(network: Network | undefined): string[] {
  return (network?.weights ?? []).flatMap(({ path, trainable: moves }) => (moves ? [path] : []));
}

function readGroup(group: ast.OptimizerGroup, settings: readonly string[], scope: Scope): Group<Changes> {
  const known = ["lr", "weight_decay"].filter((name) => settings.includes(name));
  const change: { -readonly [K in keyof Changes]?: Changes[K] } = group.frozen ? { frozen: true } : {};
  let decay: number | undefined;
  for (const [name, expr] of matchArguments([...known, "lr_decay"], group.settings, "a group", scope)) {
    const value = evaluate(expr, scope);
    if (name === "lr_decay") decay = factorOf(value, expr.span, scope);
    else {
      const tensor = asNumbers(value, scope, expr.span);
      if (tensor !== undefined && (name === "lr" || name === "weight_decay")) change[name] = tensor.expr;
    }
  }
  return { ast: group, change, decay };
}

function factorOf(value: ReturnType<typeof evaluate>, span: ast.Span, scope: Scope): number | undefined {
  if (value.kind === "anything") return undefined;
  const what = "`lr_decay`";
  if (value.kind !== "real" && value.kind !== "int") {
    scope.checker.report("FSL3008", span, { what, found: describe(value) });
    return undefined;
  }
  if (value.value > 0 && value.value <= 1) return value.value;
  scope.checker.report("FSL5008", span, { what, range: "above 0 and at most 1", found: value.value });
  return undefined;
}
