/** The layers that normalize, and the one that scales: part of the table of layers. */
import type { Axis, WeightSpec } from "../../typed/tree.js";
import {
  type BuiltLayer,
  bool,
  channelAxis,
  count,
  type LayerKind,
  misfit,
  real,
  scaleAndShift,
  sizeOf,
  weight,
} from "./layer-kind.js";

export const normLayers: Readonly<Record<string, LayerKind>> = {
  batch_norm: {
    // With a momentum of 1 the running statistics would be those of the last step, and an evaluation would depend on it.
    params: { momentum: real(0, 0.1, 1), eps: real(0, 1e-5) },
    accepts: "image or vector",
    build: (args, input) => {
      const axis = channelAxis(input);
      const size = sizeOf(input, axis);
      const state = (path: string, value: number): WeightSpec => ({
        path,
        shape: [size],
        init: { kind: "constant", value },
        trainable: false,
      });
      return {
        op: { kind: "batch_norm", axis, momentum: args.number("momentum"), eps: args.number("eps") },
        output: input,
        weights: [...scaleAndShift(size), state("running_mean", 0), state("running_var", 1)],
        leastSide: 0,
      };
    },
  },
  layer_norm: {
    params: { axis: { kind: "axis", sized: false, optional: true }, eps: real(0, 1e-5) },
    accepts: "any",
    build: (args, input) => {
      const name = args.axis("axis")?.name ?? "feature";
      return {
        op: { kind: "layer_norm", axes: [name], eps: args.number("eps") },
        output: input,
        weights: scaleAndShift(sizeOf(input, name)),
        leastSide: 0,
      };
    },
  },
  group_norm: {
    params: { groups: count(1), affine: bool(true), eps: real(0, 1e-5) },
    accepts: "image or vector",
    build: (args, input) => groupNorm(input, args.number("groups"), args.bool("affine"), args.number("eps")),
  },
  instance_norm: {
    // As in PyTorch, a scale and a shift have to be asked for.
    params: { affine: bool(false), eps: real(0, 1e-5) },
    accepts: "image",
    build: (args, input) => groupNorm(input, sizeOf(input, "channel"), args.bool("affine"), args.number("eps")),
  },
  layer_scale: {
    params: { start: real(0, 1e-5) },
    accepts: "image or vector",
    build: (args, input) => {
      const axis = channelAxis(input);
      const init = { kind: "constant", value: args.number("start") } as const;
      return {
        op: { kind: "layer_scale", axis },
        output: input,
        weights: [weight("weight", [sizeOf(input, axis)], init)],
        leastSide: 0,
      };
    },
  },
};

function groupNorm(input: readonly Axis[], groups: number, affine: boolean, eps: number): BuiltLayer {
  const axis = channelAxis(input);
  const size = sizeOf(input, axis);
  return {
    op: { kind: "group_norm", axis, groups, affine, eps },
    output: input,
    weights: affine ? scaleAndShift(size) : [],
    leastSide: 0,
    misfit: misfit("groups", groups, [size]),
  };
}
