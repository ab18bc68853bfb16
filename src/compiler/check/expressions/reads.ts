/** Finds the locals that a computation reads, through the statements that bind them. */
import type { Expr, Statement } from "../../typed/tree.js";
import { changesOf, type TypedVisitor, walkExpr, walkTarget } from "../../typed/walk.js";

/**
 * Returns the locals that `roots` depend on, and the locals of adapted networks that they call. `statements` are those
 * before `roots`, in order.
 */
export function localsRead(roots: readonly Expr[], statements: readonly Statement[]): ReadonlySet<number> {
  const read = new Set<number>();
  const collect: TypedVisitor = {
    expr: (expr) => {
      if (expr.k === "local") read.add(expr.local);
    },
    callable: (callable) => {
      if (callable.kind === "local") read.add(callable.local);
    },
  };
  for (const root of roots) walkExpr(root, collect);
  for (const statement of [...statements].reverse()) {
    switch (statement.kind) {
      case "let":
        if (read.has(statement.local)) walkExpr(statement.value, collect);
        break;
      case "repeat": {
        const { body, next, until, from } = statement;
        if (!statement.locals.some((local) => read.has(local))) break;
        for (const local of localsRead(until === undefined ? next : [...next, until], body)) read.add(local);
        for (const start of from) walkExpr(start, collect);
        break;
      }
      case "minimize": {
        const { body, loss, by, targets } = statement;
        if (!targets.some(({ local }) => read.has(local))) break;
        const settings = [by.args, ...targets.flatMap(changesOf).map(({ args }) => args)].flatMap(Object.values<Expr>);
        for (const local of localsRead([loss, ...settings], body)) read.add(local);
        for (const target of targets) walkTarget(target, collect);
        break;
      }
      default:
        statement satisfies never;
    }
  }
  return read;
}
