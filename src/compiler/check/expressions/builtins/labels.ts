/** Labels: the classes of the elements along an axis. See "Values and axes" in docs/language.md. */
import type { Axis } from "../../../typed/tree.js";
import { type Frame, unprimed } from "../../core/frame.js";
import { alignAxes, differentSizes, findAxis, show, showValue, withoutAxes } from "../../core/tensors.js";
import { anything, type TensorValue, type Value } from "../../core/values.js";
import {
  type BuiltinCall,
  knownAxis,
  numbersArgument,
  reportUnknownAxis,
  requireCallFrame,
  tensorArgument,
} from "./call.js";

export function label(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const axis = call.axes[0];
  if (frame === undefined || axis === undefined) return anything(call.span);
  if (frame.isOpaque(axis.name)) {
    call.scope.checker.report("FSL3015", axis.span, {
      axis: axis.name,
      what: "its labels are what the method is to find",
    });
    return anything(call.span);
  }
  const known = axis.size === undefined ? frame.known(axis.name) : { size: axis.size, merged: undefined };
  if (known === undefined) {
    reportUnknownAxis(call, axis, frame);
    return anything(call.span);
  }
  const self: Axis = { name: axis.name, size: known.size };
  const base = unprimed(axis.name);
  const way = known.merged?.find((part) => unprimed(part.name) === "way");
  if (known.merged !== undefined && way !== undefined) {
    const node = { k: "merged_index", merged: known.merged, as: axis.name, axis: way.name } as const;
    return frame.tensor(call.span, "class", [self], node, { name: "way", size: way.size });
  }
  return frame.tensor(call.span, "class", [self], { k: "index", axis: self }, { name: base, size: known.size });
}

/** Makes labels of numbers: the place along an axis that is nearest to each of them. Beyond the ends it is the end. */
export function nearest(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  const [over] = call.over;
  if (frame === undefined || x === undefined || over === undefined) return anything(call.span);
  if (frame.isOpaque(over.name)) {
    call.scope.checker.report("FSL3015", over.span, { axis: over.name, what: "none of it can be picked out" });
    return anything(call.span);
  }
  const axis = knownAxis(call, over, frame);
  if (axis === undefined) return anything(call.span);
  const of = { name: unprimed(axis.name), size: axis.size };
  return frame.tensor(call.span, "class", x.expr.type.axes, { k: "nearest", x: x.expr, size: axis.size }, of);
}

interface Labels {
  readonly y: TensorValue;
  /** The axis that the labels index. */
  readonly of: Axis;
}

/** Returns an argument as labels with the axis that they index. Any other value is reported. */
function labels(call: BuiltinCall, at: number): Labels | undefined {
  const y = tensorArgument(call, at);
  if (y === undefined) return undefined;
  const { type } = y.expr;
  if (type.kind !== "class" || type.of === undefined) {
    call.scope.checker.report("FSL3019", call.args[at]?.span ?? call.span, {
      callee: `\`${call.name}\``,
      found: showValue(y, call.frame),
    });
    return undefined;
  }
  return { y, of: type.of };
}

export function oneHot(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const given = labels(call, 0);
  if (frame === undefined || given === undefined) return anything(call.span);
  const { y, of } = given;
  if (findAxis(y.expr.type, of.name) !== undefined) {
    call.scope.checker.report(
      "FSL3003",
      call.span,
      { axis: of.name },
      { help: [`label the primed axis: \`label(${of.name}')\``] },
    );
    return anything(call.span);
  }
  return frame.tensor(call.span, "real", [...y.expr.type.axes, of], { k: "one_hot", x: y.expr, axis: of });
}

export function crossEntropy(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const z = numbersArgument(call, 0);
  const given = labels(call, 1);
  if (frame === undefined || z === undefined || given === undefined) return anything(call.span);
  const { y, of } = given;
  if (!labelsMatchScores(call, z, given, frame)) return anything(call.span);
  const axes = alignAxes(z.expr, y.expr, call.scope, call.span, frame);
  if (axes === undefined) return anything(call.span);
  const from = z.expr.type.kind === "probabilities" ? "probabilities" : "logits";
  return frame.tensor(call.span, "real", withoutAxes(axes, [of.name]), {
    k: "cross_entropy",
    z: z.expr,
    y: y.expr,
    from,
  });
}

/** Returns true if each label selects one of the scores that it stands beside. Reports the first problem otherwise. */
function labelsMatchScores(call: BuiltinCall, z: TensorValue, { y, of }: Labels, frame: Frame): boolean {
  const { checker } = call.scope;
  const [scoresSpan, labelsSpan] = [call.args[0]?.span ?? call.span, call.args[1]?.span ?? call.span];
  const shown = show(z.expr.type, frame);
  const scores = findAxis(z.expr.type, of.name);
  if (scores === undefined) {
    const labels = [{ span: scoresSpan, text: "these are the scores" }];
    checker.report("FSL3018", labelsSpan, { axis: of.name, type: shown }, { labels });
    return false;
  }
  if (scores.size !== of.size) {
    const labels = [
      { span: scoresSpan, text: `the scores are ${shown}` },
      { span: labelsSpan, text: frame.generic ? "the labels index another number" : `the labels index ${of.size}` },
    ];
    checker.report("FSL3002", call.span, differentSizes(of.name, scores, of, frame), { labels });
    return false;
  }
  if (findAxis(y.expr.type, of.name) !== undefined) {
    const labels = [{ span: scoresSpan, text: `the scores are ${shown}` }];
    const help = [`\`label(${of.name}')\` labels the rows of \`x[${of.name}']\`, whose scores are over \`${of.name}\``];
    checker.report("FSL3003", labelsSpan, { axis: of.name }, { labels, help });
    return false;
  }
  const alone = y.expr.type.axes.find((axis) => findAxis(z.expr.type, axis.name) === undefined);
  if (alone === undefined) return true;
  const labels = [{ span: scoresSpan, text: "these are the scores" }];
  const help = alone.name.endsWith("'")
    ? [`rename the axis of what is scored: \`x[${alone.name}]\``]
    : [`keep \`${alone.name}\` in the scores`];
  checker.report("FSL3031", labelsSpan, { axis: alone.name, type: shown }, { labels, help });
  return false;
}
