/** The methods of a `minimize`, and the check that their settings suit what they move. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Expr, MinimizeTarget, Statement } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { asNumbers } from "../core/tensors.js";
import { matchArguments } from "./arguments.js";
import { evaluate } from "./evaluate.js";
import type { NamedTarget } from "./minimize-groups.js";

type Method = Extract<Statement, { kind: "minimize" }>["by"];

/** The settings of each method. */
export const methods: Readonly<Record<Method["method"], readonly string[]>> = {
  sgd: ["lr", "momentum", "weight_decay", "dampening", "clip"],
  adam: ["lr", "beta1", "beta2", "eps", "clip"],
  lbfgs: ["tolerance", "history"],
};
const isMethod = (name: string): name is Method["method"] => Object.hasOwn(methods, name);

export function methodOf(by: ast.Expr, scope: Scope): Method | undefined {
  const { checker } = scope;
  const name =
    by.kind === "call" && by.callee.kind === "ref" ? by.callee.text : by.kind === "ref" ? by.text : undefined;
  if (by.kind === "error") return undefined;
  if (name === undefined || !isMethod(name)) {
    checker.report(
      "FSL3029",
      by.span,
      { what: name === undefined ? "a method is named after `by`" : `there is no method \`${name}\` to minimize by` },
      {
        help: suggest(name ?? "", Object.keys(methods)),
      },
    );
    return undefined;
  }
  const args: Record<string, Expr> = {};
  const given = by.kind === "call" ? by.args : [];
  let complete = true;
  for (const [param, expr] of matchArguments(methods[name], given, `\`${name}\``, scope)) {
    const tensor = asNumbers(evaluate(expr, scope), scope, expr.span);
    if (tensor === undefined) complete = false;
    else args[param] = tensor.expr;
  }
  if (name !== "lbfgs" && args["lr"] === undefined && complete) {
    checker.report(
      "FSL3029",
      by.span,
      { what: `\`${name}\` needs its learning rate` },
      { help: [`write \`${name}(lr: 0.01)\``] },
    );
    return undefined;
  }
  return complete ? { method: name, args } : undefined;
}

/**
 * Returns true if each setting is a number, or has only axes of the targets that it applies to, and if the `minimize` moves
 * something. Reports the first problem otherwise.
 */
export function checkSettings(
  by: Method,
  named: readonly NamedTarget[],
  targets: readonly MinimizeTarget[],
  scope: Scope,
): boolean {
  const refuse = (at: ast.Span, what: string): false => {
    scope.checker.report("FSL3029", at, { what });
    return false;
  };
  const misfit = (name: string, { type }: Expr, target: MinimizeTarget): string | undefined => {
    const own = target.kind === "tensor" && by.method !== "lbfgs" ? target.from.type.axes : [];
    const odd = type.axes.find((axis) => !own.some((other) => other.name === axis.name));
    const moved = named.find((other) => other.target.local === target.local)?.name ?? "";
    return odd && `\`${name}\` has the axis \`${odd.name}\`, and what it sets for \`${moved}\` has not`;
  };
  for (const target of targets) {
    const changes = target.kind === "tensor" ? [target.change] : Object.values(target.changes ?? {});
    for (const [name, expr] of [by.args, ...changes.map((change) => change?.args ?? {})].flatMap(
      Object.entries<Expr>,
    )) {
      const what = misfit(name, expr, target);
      if (what !== undefined) return refuse(expr.span, what);
    }
  }
  const { history } = by.args;
  if (history !== undefined && !(history.k === "number" && Number.isInteger(history.value) && history.value >= 1))
    return refuse(history.span, "`history` is how many pairs are kept: a whole number of the file, at least 1");
  const [first] = named;
  if (first === undefined || targets.some((target) => moves(target, named))) return true;
  return refuse(first.at, "every weight that it would move is frozen");
}

/** Returns true unless groups freeze the whole target. A network whose weights are not known counts as moving. */
function moves(target: MinimizeTarget, named: readonly NamedTarget[]): boolean {
  if (target.kind === "tensor") return target.change?.frozen !== true;
  const network = named.find((other) => other.target.local === target.local)?.network;
  const trained = network?.weights.filter(({ trainable }) => trainable) ?? [];
  return trained.length === 0 || trained.some(({ path }) => target.changes?.[path]?.frozen !== true);
}
