/** The layers of vision transformers: part of the table of layers. Tokens are [token, feature]. */
import type { Axis } from "../../typed/tree.js";
import {
  channelAxis,
  count,
  fanInUniform,
  type LayerKind,
  misfit,
  resized,
  sizeOf,
  weight,
  withoutWeights,
} from "./layer-kind.js";

/** The usual start of tokens and positions: normal draws with this deviation (Dosovitskiy et al. 2021). */
const tableStart = { kind: "normal", mean: 0, std: 0.02 } as const;

export const tokenLayers: Readonly<Record<string, LayerKind>> = {
  tokens: {
    params: {},
    accepts: "image",
    build: (_, input) =>
      withoutWeights({ kind: "tokens" }, input, [
        { name: "token", size: sizeOf(input, "height") * sizeOf(input, "width") },
        { name: "feature", size: sizeOf(input, "channel") },
      ]),
  },
  class_token: {
    params: {},
    accepts: "tokens",
    build: (_, input) => ({
      op: { kind: "class_token" },
      output: resized(input, { token: sizeOf(input, "token") + 1 }),
      weights: [weight("weight", [sizeOf(input, "feature")], tableStart)],
      leastSide: 0,
    }),
  },
  position_table: {
    params: {},
    accepts: "any",
    build: (_, input) => ({
      op: { kind: "position_table" },
      output: input,
      weights: [
        weight(
          "weight",
          input.map((axis) => axis.size),
          tableStart,
        ),
      ],
      leastSide: 0,
    }),
  },
  first: {
    params: { axis: { kind: "axis", sized: false, optional: false } },
    accepts: "any",
    build: (args, input) => {
      const axis = args.axis("axis")?.name ?? "";
      return withoutWeights({ kind: "first", axis }, input, without(input, axis));
    },
  },
  attention: {
    params: { heads: count(1, 1) },
    accepts: "image or tokens",
    build: (args, input) => {
      const axis = channelAxis(input);
      const size = sizeOf(input, axis);
      const heads = args.number("heads");
      const init = fanInUniform(size);
      return {
        op: { kind: "attention", axis, heads },
        output: input,
        weights: [
          weight("qkv.weight", [3 * size, size], init),
          weight("qkv.bias", [3 * size], init),
          weight("out.weight", [size, size], init),
          weight("out.bias", [size], init),
        ],
        leastSide: 0,
        misfit: misfit("heads", heads, [size]),
      };
    },
  },
};

function without(axes: readonly Axis[], name: string): Axis[] {
  return axes.filter((axis) => axis.name !== name);
}
