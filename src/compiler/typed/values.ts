/** The axes, types of values and parameters that every other part of the typed tree uses. */
import type { Span } from "../../../grammar/ast.js";

export interface Axis {
  readonly name: string;
  readonly size: number;
}

/** Returns true if both have the same axes of the same sizes, in any order. */
export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return (
    a.length === b.length && a.every(({ name, size }) => b.some((axis) => axis.name === name && axis.size === size))
  );
}

/** The type of a value. `real` and `int` are numbers, `class` is a label that indexes the axis `of`, and `image` is opaque. */
export interface ValueType {
  readonly kind: "real" | "int" | "bool" | "class" | "image" | "logits" | "probabilities";
  readonly axes: readonly Axis[];
  /** The axis that a label indexes: `one_hot` adds it, and `cross_entropy` consumes it. */
  readonly of?: Axis;
}

export type ParamValue = number | boolean | string | readonly ParamValue[];
export interface ResolvedParam {
  readonly name: string;
  readonly value: ParamValue;
  readonly unit: Unit | undefined;
  readonly origin: "default" | "file" | "sweep" | "--set" | "--sweep" | "--params";
  readonly span: Span;
}
export type Unit =
  | "way"
  | "shot"
  | "query"
  | "epoch"
  | "step"
  | "episode"
  | "image"
  | "part"
  | "unlabeled"
  | "distractor";
