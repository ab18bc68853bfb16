/**
 * Checks that no batch norm takes its statistics from queries in an entry that sees one query at a time: the score of a
 * query would then depend on the other queries. See "Batch normalization" in docs/language.md.
 */
import type { Expr, Statement } from "../../typed/tree.js";
import { type TypedVisitor, walkExpr, walkTarget } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";

/** Reports FSL3022 for each call that normalizes a value made from a query by the statistics of its batch. */
export function checkQueryStatistics(frame: Frame, queries: ReadonlySet<string>, { checker }: Scope): void {
  if (frame.batchStatistics.length === 0) return;
  const reads = queryReader(frame.statements, queries);
  for (const { x, at } of frame.batchStatistics)
    if (reads(x)) checker.report("FSL3022", at, {}, { help: ["write `norm: from(support)`"] });
}

/** Returns a function that tells whether a value is made from a query, through `let`, loops and `minimize`. */
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
        // If a query decides when the loop ends, then every value that the loop carries depends on the query.
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
  // A loop carries values made from a query into its next round, so this repeats until nothing new is found.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    statements.forEach(visit);
  }
  return reads;
}
