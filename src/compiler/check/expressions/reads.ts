/** Which locals a computation reads, through the statements that bind them. */
import type { Statement } from "../../typed/tree.js";
import { nodes } from "../stages/blockers.js";

/** Locals, and networks that a `minimize` adapts, that `roots` are made of; `statements` in their order. */
export function localsRead(roots: readonly unknown[], statements: readonly Statement[]): ReadonlySet<number> {
  const read = new Set<number>();
  const visit = (tree: unknown): void => {
    for (const node of nodes(tree))
      if ((node["k"] === "local" || node["kind"] === "local") && typeof node["local"] === "number")
        read.add(node["local"]);
  };
  for (const root of roots) visit(root);
  for (const statement of [...statements].reverse()) {
    switch (statement.kind) {
      case "let":
        if (read.has(statement.local)) visit(statement.value);
        break;
      case "repeat": {
        const { body, next, until, from } = statement;
        if (!statement.locals.some((local) => read.has(local))) break;
        for (const local of localsRead([next, until], body)) read.add(local);
        visit(from);
        break;
      }
      case "minimize": {
        const { body, loss, by, targets } = statement;
        if (!targets.some(({ local }) => read.has(local))) break;
        for (const local of localsRead([loss], body)) read.add(local);
        visit([by.args, targets]);
        break;
      }
    }
  }
  return read;
}
