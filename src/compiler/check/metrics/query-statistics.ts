/** Batch statistics in an entry that sees one query at a time: they must not be of queries (rules 12 and 21). */
import type { Expr, Statement } from "../../typed/tree.js";
import { type TypedVisitor, walkExpr, walkTarget } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";

/** Reports each call of the entry that normalizes by batch statistics of what is made from a query. */
export function checkQueryStatistics(frame: Frame, queries: ReadonlySet<string>, { checker }: Scope): void {
  if (frame.batched.length === 0) return;
  const reads = queryReader(frame.statements, queries);
  for (const { x, at } of frame.batched)
    if (reads(x)) checker.report("FSL3022", at, {}, { help: ["write `norm: from(support)`"] });
}

/** Whether a value is made from a query: through what `let`s bind, loops carry and minimisations move. */
function queryReader(statements: readonly Statement[], queries: ReadonlySet<string>): (value: Expr) => boolean {
  const found = new Set<number>();
  const finds = (walk: (visitor: TypedVisitor) => void): boolean => {
    let read = false;
    walk({
      expr: (expr) => {
        if (expr.k === "param") read ||= queries.has(expr.name);
        else if (expr.k === "local") read ||= found.has(expr.local);
      },
      callable: (callable) => {
        if (callable.kind === "local") read ||= found.has(callable.local);
      },
    });
    return read;
  };
  const reads = (value: Expr): boolean => finds((visitor) => walkExpr(value, visitor));
  const visit = (statement: Statement): void => {
    switch (statement.kind) {
      case "let":
        if (reads(statement.value)) found.add(statement.local);
        break;
      case "repeat": {
        const { locals, before, from, body, next, until } = statement;
        body.forEach(visit);
        // An end of its own for each query makes all that is carried the query's own.
        const ends = until !== undefined && reads(until);
        locals.forEach((local, i) => {
          if (!ends && ![from[i], next[i]].some((value) => value !== undefined && reads(value))) return;
          for (const carried of [local, before[i]]) if (carried !== undefined) found.add(carried);
        });
        break;
      }
      case "minimize": {
        const { targets, by, body, loss } = statement;
        body.forEach(visit);
        const all = [...Object.values(by.args), loss].some(reads);
        for (const target of targets)
          if (all || finds((visitor) => walkTarget(target, visitor))) found.add(target.local);
        break;
      }
      default:
        statement satisfies never;
    }
  };
  // What a round makes from a query is in the next round wherever it is carried.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    statements.forEach(visit);
  }
  return reads;
}
