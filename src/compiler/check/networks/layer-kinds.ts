/** The table of the language's layers: the value that each accepts, the value that it gives and the weights that it has. */
import type { Axis, Initializer, LayerOp } from "../../typed/tree.js";
import type { LayerArguments } from "./layer-arguments.js";
import {
  bool,
  channelAxis,
  count,
  fanInUniform,
  type LayerKind,
  misfit,
  real,
  resized,
  sizeOf,
  weight,
  withoutWeights,
} from "./layer-kind.js";
import { normLayers } from "./norm-layers.js";
import { tokenLayers } from "./token-layers.js";

/** Returns how many windows of `size` fit along one side with `pad` at both ends. It rounds down, as PyTorch does. */
function windowCount(length: number, size: number, stride: number, pad: number): number {
  return Math.floor((length + 2 * pad - size) / stride) + 1;
}

/** Returns the normal initializer of He et al. (2015), N(0, 2/fan_out), which few-shot ResNets start from. */
function fanOutNormal(fanOut: number): Initializer {
  return { kind: "normal", mean: 0, std: Math.sqrt(2 / fanOut) };
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
  ...normLayers,
  ...tokenLayers,
  conv: {
    params: {
      kernel: count(1),
      channels: count(1),
      stride: count(1, 1),
      pad: { kind: "count", least: 0, optional: true },
      bias: bool(true),
      groups: count(1, 1),
      dilation: count(1, 1),
      init: { kind: "word", words: ["fan_in_uniform", "fan_out_normal"], fallback: "fan_in_uniform" },
    },
    accepts: "image",
    build: (args, input) => {
      const kernel = args.number("kernel");
      const out = args.number("channels");
      const stride = args.number("stride");
      const groups = args.number("groups");
      const dilation = args.number("dilation");
      const reach = dilation * (kernel - 1) + 1;
      // The default padding keeps the size of the map at stride 1.
      const pad = args.numberOr("pad", Math.floor((reach - 1) / 2));
      const bias = args.bool("bias");
      const channels = sizeOf(input, "channel");
      // In a network of unknown sizes the groups may exceed the channels that stand for them.
      const inputs = Math.max(1, Math.floor(channels / groups));
      const area = kernel * kernel;
      const init =
        args.word("init") === "fan_out_normal" ? fanOutNormal((out / groups) * area) : fanInUniform(inputs * area);
      const side = (name: string): number => windowCount(sizeOf(input, name), reach, stride, pad);
      return {
        op: {
          kind: "conv",
          in: channels,
          out,
          kernel,
          stride,
          pad,
          bias,
          ...(groups === 1 ? {} : { groups }),
          ...(dilation === 1 ? {} : { dilation }),
        },
        output: resized(input, { channel: out, height: side("height"), width: side("width") }),
        weights: [
          weight("weight", [out, inputs, kernel, kernel], init),
          ...(bias ? [weight("bias", [out], fanInUniform(inputs * area))] : []),
        ],
        leastSide: reach - 2 * pad,
        misfit: misfit("groups", groups, [channels, out]),
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
  gelu: activation("gelu"),
  silu: activation("silu"),
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
    accepts: "image or tokens",
    build: (_, input) => {
      const feature = { name: "feature", size: sizeOf(input, channelAxis(input)) };
      return withoutWeights({ kind: "global_avg_pool" }, input, [feature]);
    },
  },
  upsample: {
    params: { factor: count(1), mode: { kind: "word", words: ["nearest", "bilinear"], fallback: "nearest" } },
    accepts: "image",
    build: (args, input) => {
      const factor = args.number("factor");
      const mode = args.word("mode") === "bilinear" ? "bilinear" : "nearest";
      const [height, width] = [sizeOf(input, "height") * factor, sizeOf(input, "width") * factor];
      return withoutWeights({ kind: "upsample", factor, mode }, input, resized(input, { height, width }));
    },
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
