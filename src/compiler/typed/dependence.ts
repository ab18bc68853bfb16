/** Finds what is computed from a value in the statements of a block. */
import { boundLocals } from "./loops.js";
import type { Expr, Statement } from "./tree.js";
import { walkExpr, walkStatements } from "./walk.js";

/** A parameter or a local, as an expression reads it. */
export type Named = Extract<Expr, { readonly k: "local" | "param" }>;

/** Returns whether two expressions read the same parameter or local. */
export function isSame(a: Named, b: Expr): boolean {
  return a.k === "local" ? b.k === "local" && b.local === a.local : b.k === "param" && b.name === a.name;
}

/** Returns the statements that compute from `x`, directly or through others of them, in their order. */
export function computedFrom(x: Named, statements: readonly Statement[]): readonly Statement[] {
  const locals = new Set<number>();
  const depends = (e: Expr): boolean => isSame(x, e) || (e.k === "local" && locals.has(e.local));
  return statements.filter((statement) => {
    let found = false;
    walkStatements([statement], {
      expr: (e) => {
        found ||= depends(e);
      },
    });
    if (found) for (const local of boundLocals(statement)) locals.add(local);
    return found;
  });
}

/** Returns whether `f` reads `x`, or a local that one of these statements binds. */
export function readsAny(f: Expr, x: Named, statements: readonly Statement[]): boolean {
  const locals = new Set(statements.flatMap(boundLocals));
  let found = false;
  walkExpr(f, {
    expr: (e) => {
      found ||= isSame(x, e) || (e.k === "local" && locals.has(e.local));
    },
  });
  return found;
}
