/** The clauses of a call: `over`, `along` and `as`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Scope } from "../core/scope.js";

/** Returns the clause of a call that begins with `word`, or undefined if there is none. */
export function clauseOf(expr: ast.CallExpr, word: ast.Clause["word"]): ast.Clause | undefined {
  return expr.clauses.find((clause) => clause.word === word);
}

/** Reports every clause of a call that the callee does not take. */
export function refuseClauses(
  expr: ast.CallExpr,
  taken: readonly (ast.Clause["word"] | "by")[],
  callee: string,
  scope: Scope,
): void {
  if (expr.by !== undefined && !taken.includes("by"))
    scope.checker.report("FSL3014", expr.by.span, { callee, clause: "by" });
  for (const clause of expr.clauses) {
    if (!taken.includes(clause.word)) scope.checker.report("FSL3014", clause.span, { callee, clause: clause.word });
  }
}
