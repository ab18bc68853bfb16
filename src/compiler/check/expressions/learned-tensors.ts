/** Learned and fixed tensors: their axes, their starts, and the names that stand for them. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Initializer, LearnedTensor } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything } from "../core/values.js";
import { ownsSize, writtenSize } from "./axis-sizes.js";
import { evaluate } from "./evaluate.js";
import { elaborateInitializer } from "./initializers.js";

/** Defines the name in the scope and returns the tensor, or undefined after a report. Axes with sizes of their own go into `sized`. */
export function declareTensor(
  name: ast.Name,
  learn: ast.LearnDecl,
  scope: Scope,
  sized: Map<string, number>,
): LearnedTensor | undefined {
  const axes = tensorAxes(learn, scope, sized);
  const start = axes === undefined ? undefined : elaborateInitializer(learn.value, scope);
  if (axes === undefined || start === undefined || scope.frame === undefined) {
    scope.define(name.text, anything(name.span));
    return undefined;
  }
  const { init, of } = start;
  const kind = of === undefined ? "real" : "class";
  scope.define(name.text, scope.frame.tensor(name.span, kind, axes, { k: "learn", name: name.text }, of));
  if (!checkStart(init, learn, scope)) return undefined;
  const fixed = learn.fixed ? { fixed: true as const } : {};
  const labels = of === undefined ? {} : { of };
  const { positive } = learn;
  return { kind: "tensor", name: name.text, axes, init, positive, ...fixed, ...labels, span: name.span };
}

/** Returns the axes of a tensor with their sizes. Reports FSL3007 if one is not known here. */
function tensorAxes({ axes }: ast.LearnDecl, scope: Scope, sized: Map<string, number>): readonly Axis[] | undefined {
  const { frame, checker } = scope;
  const found: Axis[] = [];
  for (const { text, span, size } of axes ?? []) {
    if (size !== undefined && frame !== undefined) {
      const written = writtenSize(text, evaluate(size, scope), size.span, scope);
      if (!ownsSize(text, span, frame, scope) || written === undefined) return undefined;
      frame.defineAxis(text, written);
      sized.set(text, written);
      found.push({ name: text, size: written });
      continue;
    }
    const known = frame?.known(text);
    if (known === undefined) {
      const ownSize = `an axis of its own has its size beside it: \`[${text}: 64]\``;
      const help = [...suggest(text, frame?.axisNamesInScope() ?? []), ownSize];
      checker.report("FSL3007", span, { axis: text }, { help });
      return undefined;
    }
    found.push({ name: text, size: known.size });
  }
  return found;
}

/**
 * Returns whether a value can start there. A positive value is stored as its logarithm: reports FSL5008 if its start has none.
 * Reports FSL3053 for labels that are to be trained, and for a fixed value with a word that only trained ones have.
 */
export function checkStart(init: Initializer, learn: ast.LearnDecl, { checker }: Scope): boolean {
  const { positive, value, names, fixed, like } = learn;
  const name = names.map(({ text }) => text).join(", ");
  const why =
    init.kind === "labels" && !fixed
      ? "labels are whole numbers, which no step can change a little: write `fixed` in place of `learn`"
      : fixed && positive
        ? "`positive` says how a value is trained, and a fixed one is not"
        : fixed && like.length > 0
          ? "`like` gives each weight of a network a number to train"
          : undefined;
  if (why !== undefined) {
    checker.report("FSL3053", value.span, { name, why });
    return false;
  }
  if (!positive || init.kind !== "constant" || init.value > 0) return true;
  const what = `the start of \`${name}\`, which is positive,`;
  checker.report("FSL5008", value.span, { what, range: "above 0", found: init.value });
  return false;
}
