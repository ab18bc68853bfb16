/** The table of the language's layers: the value that each accepts, the value that it gives and the weights that it has. */
import type { Axis, Initializer, LayerOp, WeightSpec } from "../../typed/tree.js";
import type { LayerArguments, LayerParam } from "./layer-arguments.js";

/** The values that a layer can work on: an `image` is [channel, height, width], a `vector` is [feature]. */
export type LayerInput = "image" | "vector" | "image or vector" | "any";

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
}

const count = (least: number, fallback?: number): LayerParam =>
  fallback === undefined ? { kind: "count", least } : { kind: "count", least, fallback };
const real = (least: number, fallback: number, below?: number): LayerParam =>
  below === undefined ? { kind: "real", least, fallback } : { kind: "real", least, fallback, below };
const bool = (fallback: boolean): LayerParam => ({ kind: "bool", fallback });

function sizeOf(axes: readonly Axis[], name: string): number {
  return axes.find((axis) => axis.name === name)?.size ?? 1;
}
function resized(input: readonly Axis[], sizes: Readonly<Record<string, number>>): Axis[] {
  return input.map((axis) => ({ name: axis.name, size: sizes[axis.name] ?? axis.size }));
}
/** Returns how many windows of `size` fit along one side with `pad` at both ends. It rounds down, as PyTorch does. */
function windowCount(length: number, size: number, stride: number, pad: number): number {
  return Math.floor((length + 2 * pad - size) / stride) + 1;
}

function weight(path: string, shape: readonly number[], init: Initializer): WeightSpec {
  return { path, shape, init, trainable: true };
}
/** Returns PyTorch's default for the weights and biases of convolutions and linear layers: U(−1/√fan_in, 1/√fan_in). */
function fanInUniform(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return { kind: "uniform", low: -bound, high: bound };
}
/** Returns the normal initializer of He et al. (2015), N(0, 2/fan_out), which few-shot ResNets start from. */
function fanOutNormal(fanOut: number): Initializer {
  return { kind: "normal", mean: 0, std: Math.sqrt(2 / fanOut) };
}

function withoutWeights(op: LayerOp, input: readonly Axis[], output: readonly Axis[] = input): BuiltLayer {
  return { op, output, weights: [], leastSide: 0 };
}
function activation(fn: Extract<LayerOp, { kind: "activation" }>["fn"]): LayerKind {
  return { params: {}, accepts: "any", build: (_, input) => withoutWeights({ kind: "activation", fn }, input) };
}

function pool(kind: "max_pool" | "avg_pool"): LayerKind {
  return {
    params: { size: count(1), stride: { kind: "count", least: 1, optional: true }, pad: count(0, 0) },
    accepts: "image",
    build: (args, input) => {
      const size = args.number("size");
      const stride = args.numberOr("stride", size);
      const pad = args.number("pad");
      const side = (name: string): number => windowCount(sizeOf(input, name), size, stride, pad);
      return {
        op: { kind, size, stride, pad },
        output: resized(input, { height: side("height"), width: side("width") }),
        weights: [],
        leastSide: size - 2 * pad,
      };
    },
  };
}

/**
 * Returns the axis that a linear layer makes: `linear(8)` makes feature=8, `linear(way)` makes way, `linear()` makes none.
 * `linear(feature)` makes as many features as the encoder's vector has if that is known (in a metric), else as many as
 * its input has.
 */
function outAxis(
  args: LayerArguments,
  input: readonly Axis[],
  sizes: ReadonlyMap<string, number>,
): { name: string; size: number } | undefined {
  const out = args.axis("out");
  if (out === undefined) return undefined;
  if (out.name === undefined) return { name: "feature", size: out.size ?? 1 };
  const size = sizes.get(out.name) ?? (out.name === "feature" ? sizeOf(input, "feature") : undefined);
  return { name: out.name, size: size ?? 1 };
}

export const layerKinds: Readonly<Record<string, LayerKind>> = {
  conv: {
    params: {
      kernel: count(1),
      channels: count(1),
      stride: count(1, 1),
      pad: { kind: "count", least: 0, optional: true },
      bias: bool(true),
      init: { kind: "word", words: ["fan_in_uniform", "fan_out_normal"], fallback: "fan_in_uniform" },
    },
    accepts: "image",
    build: (args, input) => {
      const kernel = args.number("kernel");
      const out = args.number("channels");
      const stride = args.number("stride");
      // The default padding keeps the size of the map at stride 1.
      const pad = args.numberOr("pad", Math.floor((kernel - 1) / 2));
      const bias = args.bool("bias");
      const inputs = sizeOf(input, "channel");
      const area = kernel * kernel;
      const init = args.word("init") === "fan_out_normal" ? fanOutNormal(out * area) : fanInUniform(inputs * area);
      const side = (name: string): number => windowCount(sizeOf(input, name), kernel, stride, pad);
      return {
        op: { kind: "conv", in: inputs, out, kernel, stride, pad, bias },
        output: resized(input, { channel: out, height: side("height"), width: side("width") }),
        weights: [
          weight("weight", [out, inputs, kernel, kernel], init),
          ...(bias ? [weight("bias", [out], fanInUniform(inputs * area))] : []),
        ],
        leastSide: kernel - 2 * pad,
      };
    },
  },
  batch_norm: {
    // With a momentum of 1 the running statistics would be those of the last step, and an evaluation would depend on it.
    params: { momentum: real(0, 0.1, 1), eps: real(0, 1e-5) },
    accepts: "image or vector",
    build: (args, input) => {
      const axis = input.some((each) => each.name === "channel") ? "channel" : "feature";
      const size = [sizeOf(input, axis)];
      const state = (path: string, value: number): WeightSpec => ({
        path,
        shape: size,
        init: { kind: "constant", value },
        trainable: false,
      });
      return {
        op: { kind: "batch_norm", axis, momentum: args.number("momentum"), eps: args.number("eps") },
        output: input,
        weights: [
          weight("weight", size, { kind: "constant", value: 1 }),
          weight("bias", size, { kind: "constant", value: 0 }),
          state("running_mean", 0),
          state("running_var", 1),
        ],
        leastSide: 0,
      };
    },
  },
  layer_norm: {
    params: { axis: { kind: "axis", sized: false, optional: true }, eps: real(0, 1e-5) },
    accepts: "any",
    build: (args, input) => {
      const name = args.axis("axis")?.name ?? "feature";
      const size = [sizeOf(input, name)];
      return {
        op: { kind: "layer_norm", axes: [name], eps: args.number("eps") },
        output: input,
        weights: [
          weight("weight", size, { kind: "constant", value: 1 }),
          weight("bias", size, { kind: "constant", value: 0 }),
        ],
        leastSide: 0,
      };
    },
  },
  linear: {
    params: { out: { kind: "axis", sized: true, optional: true }, bias: bool(true) },
    accepts: "vector",
    build: (args, input, sizes) => {
      const out = outAxis(args, input, sizes);
      const inputs = sizeOf(input, "feature");
      const outputs = out?.size ?? 1;
      const bias = args.bool("bias");
      const init = fanInUniform(inputs);
      return {
        op: { kind: "linear", in: inputs, out: outputs, inAxis: "feature", outAxis: out?.name, bias },
        output: [...input.filter((axis) => axis.name !== "feature"), ...(out === undefined ? [] : [out])],
        weights: [weight("weight", [outputs, inputs], init), ...(bias ? [weight("bias", [outputs], init)] : [])],
        leastSide: 0,
      };
    },
  },
  cosine_linear: {
    params: { out: { kind: "axis", sized: true, optional: false }, scale: real(0, 10) },
    accepts: "vector",
    build: (args, input, sizes) => {
      const out = outAxis(args, input, sizes) ?? { name: "feature", size: 1 };
      const inputs = sizeOf(input, "feature");
      return {
        op: {
          kind: "cosine_linear",
          in: inputs,
          out: out.size,
          inAxis: "feature",
          outAxis: out.name,
          scale: args.number("scale"),
        },
        output: [...input.filter((axis) => axis.name !== "feature"), out],
        weights: [weight("weight", [out.size, inputs], fanInUniform(inputs))],
        leastSide: 0,
      };
    },
  },
  relu: activation("relu"),
  tanh: activation("tanh"),
  sigmoid: activation("sigmoid"),
  identity: activation("identity"),
  leaky_relu: {
    params: { slope: real(0, 0.01) },
    accepts: "any",
    build: (args, input) =>
      withoutWeights({ kind: "activation", fn: "leaky_relu", slope: args.number("slope") }, input),
  },
  max_pool: pool("max_pool"),
  avg_pool: pool("avg_pool"),
  global_avg_pool: {
    params: {},
    accepts: "image",
    build: (_, input) =>
      withoutWeights({ kind: "global_avg_pool" }, input, [
        ...input.filter((axis) => !["channel", "height", "width"].includes(axis.name)),
        { name: "feature", size: sizeOf(input, "channel") },
      ]),
  },
  flatten: {
    params: {},
    accepts: "any",
    build: (_, input) =>
      withoutWeights({ kind: "flatten" }, input, [
        { name: "feature", size: input.reduce((product, axis) => product * axis.size, 1) },
      ]),
  },
  dropout: {
    params: { p: real(0, 0.5, 1) },
    accepts: "any",
    build: (args, input) => withoutWeights({ kind: "dropout", p: args.number("p") }, input),
  },
  drop_block: {
    params: { p: real(0, 0.1, 1), size: count(1, 5), ramp: count(0, 0) },
    accepts: "image",
    build: (args, input) =>
      withoutWeights(
        {
          kind: "drop_block",
          p: args.number("p"),
          // The block is no larger than the map, as in the authors' code.
          size: Math.min(args.number("size"), sizeOf(input, "height"), sizeOf(input, "width")),
          rampSteps: args.number("ramp"),
        },
        input,
      ),
  },
};
