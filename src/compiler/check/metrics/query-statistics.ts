/** Batch statistics in an entry that sees one query at a time: they must not be of queries (rules 12 and 21). */
import type { Statement } from "../../typed/tree.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { nodes } from "../stages/blockers.js";

/** Reports each call of the entry that normalizes by batch statistics of what is made from a query. */
export function checkStatistics(frame: Frame, queries: ReadonlySet<string>, { checker }: Scope): void {
  if (frame.batched.length === 0) return;
  const reads = queryReader(frame.statements, queries);
  for (const { x, at } of frame.batched)
    if (reads(x)) checker.report("FSL3022", at, {}, { help: ["write `norm: from(support)`"] });
}

/** Whether a value is made from a query: through what `let`s bind, loops carry and minimisations move. */
function queryReader(statements: readonly Statement[], queries: ReadonlySet<string>): (value: unknown) => boolean {
  const found = new Set<number>();
  const reads = (value: unknown): boolean => {
    for (const node of nodes(value)) {
      if (node["k"] === "param" && queries.has(String(node["name"]))) return true;
      if ((node["k"] === "local" || node["kind"] === "local") && found.has(Number(node["local"]))) return true;
    }
    return false;
  };
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
          if (!ends && !reads([from[i], next[i]])) return;
          for (const carried of [local, before[i]]) if (carried !== undefined) found.add(carried);
        });
        break;
      }
      case "minimize": {
        const { targets, by, body, loss } = statement;
        body.forEach(visit);
        const all = reads([by.args, loss]);
        for (const target of targets) if (all || reads(target)) found.add(target.local);
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
