/** The parts of an entry in the table of layers, and the helpers that the entries share. */
import type { Axis, Initializer, LayerOp, WeightSpec } from "../../typed/tree.js";
import type { LayerArguments, LayerParam } from "./layer-arguments.js";

/** The values that a layer can work on: an `image` is [channel, height, width], a `vector` has feature, `tokens` are [token, feature]. */
export type LayerInput = "image" | "vector" | "tokens" | "image or vector" | "image or tokens" | "any";

export interface LayerKind {
  readonly params: Readonly<Record<string, LayerParam>>;
  readonly accepts: LayerInput;
  /** Builds the layer for an input that it accepts. `sizes` has the axes that an argument may name beside the input's. */
  readonly build: (args: LayerArguments, input: readonly Axis[], sizes: ReadonlyMap<string, number>) => BuiltLayer;
}

/** A layer whose input and arguments are known. Its output has a size below 1 if the input is too small. */
export interface BuiltLayer {
  readonly op: LayerOp;
  readonly output: readonly Axis[];
  /** The weights, with paths within the layer. */
  readonly weights: readonly WeightSpec[];
  /** The smallest height and width of an input that the layer can take, or 0 if it takes any. */
  readonly leastSide: number;
  /** The argument that does not fit these channels, if there is one. */
  readonly misfit?: Misfit | undefined;
}

/** An argument that must divide a number of channels, and does not. */
export interface Misfit {
  readonly argument: string;
  readonly value: number;
  readonly channels: readonly number[];
}

export const count = (least: number, fallback?: number): LayerParam =>
  fallback === undefined ? { kind: "count", least } : { kind: "count", least, fallback };
export const real = (least: number, fallback: number, below?: number): LayerParam =>
  below === undefined ? { kind: "real", least, fallback } : { kind: "real", least, fallback, below };
export const bool = (fallback: boolean): LayerParam => ({ kind: "bool", fallback });

export function sizeOf(axes: readonly Axis[], name: string): number {
  return axes.find((axis) => axis.name === name)?.size ?? 1;
}
export function resized(input: readonly Axis[], sizes: Readonly<Record<string, number>>): Axis[] {
  return input.map((axis) => ({ name: axis.name, size: sizes[axis.name] ?? axis.size }));
}
/** Returns the axis of a value's channels: `channel` in a map, `feature` in a vector and in tokens. */
export function channelAxis(input: readonly Axis[]): string {
  return input.some((axis) => axis.name === "channel") ? "channel" : "feature";
}

export function weight(path: string, shape: readonly number[], init: Initializer): WeightSpec {
  return { path, shape, init, trainable: true };
}
/** Returns the weights of a scale and a shift, which begin as the identity. */
export function scaleAndShift(size: number): WeightSpec[] {
  return [
    weight("weight", [size], { kind: "constant", value: 1 }),
    weight("bias", [size], { kind: "constant", value: 0 }),
  ];
}
/** Returns PyTorch's default for the weights and biases of convolutions and linear layers: U(−1/√fan_in, 1/√fan_in). */
export function fanInUniform(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return { kind: "uniform", low: -bound, high: bound };
}

export function withoutWeights(op: LayerOp, input: readonly Axis[], output: readonly Axis[] = input): BuiltLayer {
  return { op, output, weights: [], leastSide: 0 };
}

/** Returns the misfit of an argument that must divide every number of `channels`, or undefined if it does. */
export function misfit(argument: string, value: number, channels: readonly number[]): Misfit | undefined {
  return channels.every((size) => size % value === 0) ? undefined : { argument, value, channels };
}
