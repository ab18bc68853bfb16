/**
 * Checks where values with one number per weight of a network are read. Only the settings of a `minimize` over that
 * network may read them: each weight then takes its own number.
 */
import type { Span } from "../../../../grammar/ast.js";
import { loopsIn } from "../../typed/loops.js";
import type { Callable, Entry, Expr, Learn, OwnNetwork } from "../../typed/tree.js";
import { changesOf, type TypedVisitor, walkBlock, walkExpr } from "../../typed/walk.js";
import type { Checker } from "../core/checker.js";

type Like = Extract<Learn, { readonly kind: "like" }>;

/** Reports FSL3035 for each read of such a value where there is no weight for it. */
export function checkLikeUses(entries: readonly Entry[], learns: readonly Learn[], checker: Checker): void {
  const likes = new Map(learns.flatMap((learn) => (learn.kind === "like" ? [[learn.name, learn] as const] : [])));
  if (likes.size === 0) return;
  const reads = (walk: (visitor: TypedVisitor) => void): { readonly like: Like; readonly expr: Expr }[] => {
    const found: { readonly like: Like; readonly expr: Expr }[] = [];
    walk({
      expr: (expr) => {
        const like = expr.k === "learn" ? likes.get(expr.name) : undefined;
        if (like !== undefined) found.push({ like, expr });
      },
    });
    return found;
  };
  const readsIn = (args: Readonly<Record<string, Expr>>) =>
    reads((visitor) => {
      for (const arg of Object.values(args)) walkExpr(arg, visitor);
    });
  for (const { body } of entries) {
    const allowed = new Set<Expr>();
    const networks = new Map<number, OwnNetwork | undefined>();
    for (const loop of loopsIn(body)) {
      if (loop.kind !== "minimize") continue;
      const { by, targets } = loop;
      for (const target of targets)
        networks.set(target.local, target.kind === "network" ? ownNetwork(target.from, networks) : undefined);
      for (const target of targets)
        for (const { like, expr } of changesOf(target).flatMap(({ args }) => readsIn(args))) {
          allowed.add(expr);
          if (!covers(like, networks.get(target.local)))
            report(like, expr.span, `this group changes what \`${like.name}\` has no values for`, checker);
        }
      for (const { like, expr } of readsIn(by.args)) {
        allowed.add(expr);
        const without = targets.find(({ local }) => !covers(like, networks.get(local)));
        if (without === undefined) continue;
        const what = without.kind === "network" ? "the weights of a network" : "a tensor";
        report(like, expr.span, `this \`minimize\` adapts ${what} that \`${like.name}\` has no values for`, checker);
      }
    }
    for (const { like, expr } of reads((visitor) => walkBlock(body, visitor)))
      if (!allowed.has(expr)) report(like, expr.span, "no weight can use it here", checker);
  }
}

/** Returns the network whose weights a target adapts. A network that another `minimize` has adapted counts as itself. */
function ownNetwork(from: Callable, networks: ReadonlyMap<number, OwnNetwork | undefined>): OwnNetwork | undefined {
  if (from.kind === "local") return networks.get(from.local);
  return from.kind === "stage" ? undefined : from;
}

/** Returns whether a value has a number for each weight of the network. */
function covers({ of }: Like, network: OwnNetwork | undefined): boolean {
  return of.some((each) => JSON.stringify(each) === JSON.stringify(network));
}

function report(like: Like, span: Span, why: string, checker: Checker): void {
  checker.report(
    "FSL3035",
    span,
    { name: like.name, why },
    { labels: [{ span: like.span, text: "one value for each weight" }] },
  );
}
