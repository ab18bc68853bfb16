/** Groups after an optimizer: paths that match weights, and the settings that they change for these weights. */
import type * as ast from "../../../../grammar/ast.js";
import { suggestNearest } from "../../../common/did-you-mean.js";
import type { Scope } from "../core/scope.js";

export interface Group<C> {
  readonly ast: ast.OptimizerGroup;
  readonly change: Partial<C>;
  /** `lr_decay`: the rate of each numbered part is this fraction of the rate of the next one. */
  readonly decay: number | undefined;
}
/** The settings of a weight that groups change. `share` is a factor on its rate. */
export type MergedChange<C> = Partial<C> & { readonly share?: number };

/**
 * Merges the groups into the changes of each weight that a group matches. For each setting the most specific path wins.
 * `words` are the settings as they are written. `whole` begins the help for a path that matches nothing: "this stage trains".
 * Returns undefined if something is wrong, which is reported.
 */
export function mergeGroups<C extends object>(
  groups: readonly Group<C>[],
  weights: readonly string[],
  words: Readonly<Record<keyof C & string, string>>,
  whole: string,
  scope: Scope,
): ReadonlyMap<string, MergedChange<C>> | undefined {
  const { checker } = scope;
  const before = checker.errors;
  const names = new Set(weights.flatMap((weight) => weight.split(".")));
  const known = groups.map((group) => {
    const parts = partsOf(group.ast.path);
    if (!weights.some((weight) => matches(parts, weight.split(".")))) {
      const near = parts.flatMap((part) => (part.includes("*") || names.has(part) ? [] : suggestNearest(part, names)));
      const help = near.length > 0 ? near : [`${whole} ${examples(weights)}`];
      checker.report("FSL5014", group.ast.pathSpan, { path: group.ast.path }, { help });
    }
    const shares = group.decay === undefined ? undefined : sharesOf(group.ast, parts, group.decay, weights, scope);
    const changeOf = (weight: string): MergedChange<C> => {
      const share = shares?.get(weight);
      return share === undefined ? group.change : { ...group.change, share };
    };
    return { ast: group.ast, parts, changeOf };
  });
  const changed = new Map<string, MergedChange<C>>();
  for (const weight of weights) {
    const matching = known.filter(({ parts }) => matches(parts, weight.split(".")));
    if (matching.length === 0) continue;
    const merged: Record<string, unknown> = {};
    for (const [setting, word] of Object.entries<string>({ ...words, share: "lr_decay" })) {
      const valueOf = (group: (typeof known)[number]): unknown =>
        (group.changeOf(weight) as Readonly<Record<string, unknown>>)[setting];
      const setters = matching.filter((group) => valueOf(group) !== undefined);
      const best = Math.max(...setters.map(({ parts }) => specificity(parts)));
      const [first, second] = setters.filter(({ parts }) => specificity(parts) === best);
      if (first !== undefined && second !== undefined) {
        checker.report(
          "FSL5015",
          second.ast.pathSpan,
          { first: first.ast.path, second: second.ast.path, setting: word, weight },
          { labels: [{ span: first.ast.pathSpan, text: "the other group" }] },
        );
      } else if (first !== undefined) merged[setting] = valueOf(first);
    }
    changed.set(weight, merged as MergedChange<C>);
  }
  return checker.errors > before ? undefined : changed;
}

/**
 * Returns the factor on the rate of each weight that `encoder.stage.* lr_decay: 0.4` matches. The largest number in the place
 * of the last `*` keeps its rate, and each smaller number multiplies the factor once more (discriminative rates, Howard &
 * Ruder 2018).
 */
function sharesOf(
  group: ast.OptimizerGroup,
  parts: readonly string[],
  factor: number,
  weights: readonly string[],
  scope: Scope,
): ReadonlyMap<string, number> {
  const star = parts.lastIndexOf("*");
  const numbered = weights.flatMap((weight): (readonly [string, number])[] => {
    const path = weight.split(".");
    const at = path[star];
    return star >= 0 && at !== undefined && /^\d+$/.test(at) && matches(parts, path) ? [[weight, Number(at)]] : [];
  });
  const deepest = Math.max(...numbered.map(([, number]) => number));
  if (parts.includes("**") || numbered.length === 0) {
    const why = star < 0 ? "has no `*`" : parts.includes("**") ? "has a `**`" : "has no number at its last `*`";
    scope.checker.report("FSL5041", group.pathSpan, { path: group.path, why });
  }
  return new Map(numbered.map(([weight, number]) => [weight, factor ** (deepest - number)]));
}

/** Splits a path into its parts: `encoder.stage[0]` is `encoder`, `stage`, `0`. */
function partsOf(path: string): string[] {
  return path
    .replace(/\[(\w+)\]/g, ".$1")
    .split(".")
    .filter((part) => part !== "");
}

/** Returns true if a pattern names a weight or a part of the network around it. `*` is one part, `**` any number of parts. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return true;
  if (head === "**") {
    for (let skip = 0; skip <= path.length; skip++)
      if (matches(rest, path.slice(skip)) && (rest.length > 0 || skip === 0)) return true;
    return false;
  }
  const [first, ...others] = path;
  return first !== undefined && (head === "*" || head === first) && matches(rest, others);
}

function specificity(parts: readonly string[]): number {
  return parts.filter((part) => !part.includes("*")).length;
}

function examples(weights: readonly string[]): string {
  const shown = weights.slice(0, 3).map((weight) => `\`${weight}\``);
  return weights.length > 3 ? `${shown.join(", ")} and ${weights.length - 3} more` : shown.join(", ") || "nothing";
}
