/** Converts values to tensors, checks their kinds, and aligns their axes by name. */
import type * as ast from "../../../../grammar/ast.js";
import { suggestNearest } from "../../../common/did-you-mean.js";
import type { Axis, BinaryOp, CompareOp, Expr, ValueType } from "../../typed/tree.js";
import type { Frame } from "./frame.js";
import type { Scope } from "./scope.js";
import { anything, describe, printType, type TensorValue, type Value } from "./values.js";

/** Returns a type as messages show it. Sizes that stand for unknown ones are left out. */
export function show(type: ValueType, frame: Frame): string {
  const text = printType(type, !frame.generic);
  return text === "scalar" ? "a scalar" : `\`${text}\``;
}

export function showValue(value: Value, frame: Frame | undefined): string {
  if (value.kind === "tensor" && frame !== undefined) return show(value.expr.type, frame);
  // A size that only stands for an unknown one is not worth naming.
  if (value.kind === "int" && frame?.generic === true) return "a number";
  return describe(value);
}

/** Returns the frame of a scope that computes tensors. A place for static values only is reported. */
export function requireFrame(scope: Scope, span: ast.Span, what: string): Frame | undefined {
  if (scope.frame === undefined) {
    scope.checker.report("FSL3008", span, { what: "a value outside methods", found: what });
  }
  return scope.frame;
}

/** Returns a value as a tensor: static numbers are lifted. Returns undefined if it cannot be one, which is reported. */
export function asTensor(value: Value, scope: Scope, span: ast.Span): TensorValue | undefined {
  const { frame } = scope;
  switch (value.kind) {
    case "tensor":
      return value;
    case "int":
    case "real":
      // Outside methods two numbers make a number; what stands beside this one is none, and is reported.
      return frame?.tensor(span, "real", [], { k: "number", value: value.value });
    case "bool":
      if (frame === undefined) break;
      return frame.tensor(span, "bool", [], { k: "number", value: value.value ? 1 : 0 });
    case "outputs": {
      const outputs = Object.keys(value.network.outputs);
      const only = outputs.length === 1 ? outputs[0] : undefined;
      if (only !== undefined) {
        const given = value.apply(only, span);
        return given.kind === "tensor" ? given : undefined;
      }
      scope.checker.report("FSL3026", span, {
        object: `the encoder \`${value.network.name}\``,
        outputs: outputs.map((name) => `\`${name}\``).join(" and "),
      });
      return undefined;
    }
    case "anything":
      return undefined;
    default:
  }
  scope.checker.report("FSL3004", span, { what: describe(value) });
  return undefined;
}

/** Returns a value as a tensor of numbers. Labels, images and truth values are reported. */
export function asNumbers(value: Value, scope: Scope, span: ast.Span): TensorValue | undefined {
  const tensor = asTensor(value, scope, span);
  if (tensor === undefined) return undefined;
  const kind = tensor.expr.type.kind;
  if (kind === "class" || kind === "image" || kind === "bool") {
    const help =
      kind === "class"
        ? ["`one_hot(y)` makes numbers of labels"]
        : kind === "image"
          ? ["`encoder(x, norm: …).vector` embeds images"]
          : [];
    const what = kind === "class" ? "a label" : kind === "image" ? "an image" : "a truth value";
    scope.checker.report("FSL3004", span, { what }, { help });
    return undefined;
  }
  return tensor;
}

/** Returns true if one of two sizes is not derived from the encoder's number of features, which would make it a multiple of that. */
const ofNumber = (a: number, b: number): boolean => Math.max(a, b) % Math.min(a, b) !== 0;

/** Returns the holes of FSL3002. Sizes that only stand for unknown ones are not named. */
export function differentSizes(
  axis: string,
  left: Axis,
  right: Axis,
  frame: Frame,
): { readonly axis: string; readonly left: string | number; readonly right: string | number } {
  return frame.generic ? { axis, left: "one size", right: "another" } : { axis, left: left.size, right: right.size };
}

/** Returns the union of axes, those of the left side first. A name with two sizes is reported. */
export function alignAxes(left: Expr, right: Expr, scope: Scope, span: ast.Span, frame: Frame): Axis[] | undefined {
  const axes = [...left.type.axes];
  for (const axis of right.type.axes) {
    const same = axes.find((other) => other.name === axis.name);
    if (same === undefined) axes.push(axis);
    else if (same.size !== axis.size) {
      scope.checker.report("FSL3002", span, differentSizes(axis.name, same, axis, frame), {
        labels: [
          { span: left.span, text: `this is ${show(left.type, frame)}` },
          { span: right.span, text: `and this is ${show(right.type, frame)}` },
        ],
        help:
          frame.generic && axis.name === "feature" && ofNumber(same.size, axis.size)
            ? ["a network of the metric gives as many features as the encoder where it ends with `linear(feature)`"]
            : [],
      });
      return undefined;
    }
  }
  return axes;
}

export function findAxis(type: ValueType, name: string): Axis | undefined {
  return type.axes.find((axis) => axis.name === name);
}

/** Reports an axis that a value lacks, and suggests the nearest one that it has. */
export function reportMissingAxis(axis: string, tensor: TensorValue, span: ast.Span, scope: Scope, frame: Frame): void {
  const names = tensor.expr.type.axes.map((known) => known.name);
  scope.checker.report(
    "FSL3001",
    span,
    { axis, type: show(tensor.expr.type, frame) },
    {
      labels:
        tensor.span.start === span.start
          ? []
          : [{ span: tensor.span, text: `this is ${show(tensor.expr.type, frame)}` }],
      help: suggestNearest(axis, names),
    },
  );
}

export function withoutAxes(axes: readonly Axis[], names: readonly string[]): Axis[] {
  return axes.filter((axis) => !names.includes(axis.name));
}

const comparisons: Readonly<Record<string, CompareOp>> = {
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  "==": "eq",
  "!=": "ne",
};
const arithmetic: Readonly<Record<string, BinaryOp>> = { "+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow" };

/** Applies an operator to two values of which at least one is a tensor. */
export function binaryTensor(
  op: ast.BinaryOp,
  leftValue: Value,
  rightValue: Value,
  at: { readonly left: ast.Span; readonly right: ast.Span; readonly span: ast.Span },
  scope: Scope,
): Value {
  const { span } = at;
  const compare = comparisons[op];
  const logical = op === "and" || op === "or";
  const lift = (value: Value, where: ast.Span) =>
    logical || compare === "eq" || compare === "ne" ? asTensor(value, scope, where) : asNumbers(value, scope, where);
  const left = lift(leftValue, at.left);
  const right = lift(rightValue, at.right);
  const frame = scope.frame;
  if (left === undefined || right === undefined || frame === undefined) return anything(span);
  const axes = alignAxes(left.expr, right.expr, scope, span, frame);
  if (axes === undefined) return anything(span);
  if (logical) {
    for (const [side, where] of [
      [left, at.left],
      [right, at.right],
    ] as const) {
      if (side.expr.type.kind !== "bool") {
        scope.checker.report("FSL3017", where, { found: show(side.expr.type, frame) });
        return anything(span);
      }
    }
    return frame.tensor(span, "bool", axes, { k: "binary", op, a: left.expr, b: right.expr });
  }
  if (compare !== undefined) {
    const [a, b] = [left.expr.type, right.expr.type];
    if ((a.kind === "class") !== (b.kind === "class") || a.kind === "image" || b.kind === "image") {
      scope.checker.report("FSL3004", span, { what: "a label beside a number" });
      return anything(span);
    }
    return frame.tensor(span, "bool", axes, { k: "compare", op: compare, a: left.expr, b: right.expr });
  }
  const operation = arithmetic[op];
  if (operation === undefined) return anything(span);
  return frame.tensor(span, "real", axes, { k: "binary", op: operation, a: left.expr, b: right.expr });
}
