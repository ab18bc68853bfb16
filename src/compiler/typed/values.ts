/** The small parts that every other part of the typed tree is made of: axes, types of values, parameters. */
import type { Span } from "../../../grammar/ast.js";

export interface Axis {
  readonly name: string;
  readonly size: number;
}

/** Returns whether both have the same axes of the same sizes, in any order. */
export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return (
    a.length === b.length && a.every(({ name, size }) => b.some((axis) => axis.name === name && axis.size === size))
  );
}

/** `real` and `int` are numbers, `class` a label (its `of` names the axis it indexes), `image` is opaque. */
export interface ValueType {
  readonly kind: "real" | "int" | "bool" | "class" | "image" | "logits" | "probabilities";
  readonly axes: readonly Axis[];
  /** For `class`: the axis that `one_hot` adds and `cross_entropy` consumes. */
  readonly of?: Axis;
}

export type ParamValue = number | boolean | string | readonly ParamValue[];
export interface ResolvedParam {
  readonly name: string;
  readonly value: ParamValue;
  readonly unit: Unit | undefined;
  readonly origin: "default" | "file" | "--set" | "--params";
  readonly span: Span;
}
export type Unit = "way" | "shot" | "query" | "epoch" | "step" | "episode" | "image" | "part";
