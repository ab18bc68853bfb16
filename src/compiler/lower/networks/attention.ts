/** Lowering of the layers on tokens. */
import type { Node } from "../../tensor/ir.js";
import type { LayerOp } from "../../typed/tree.js";
import { axesOf, type NamedOps, type NamedTensor, sizeOf } from "../named-tensor.js";

/** The weights of an attention layer: queries, keys and values one after the other [3·d, d], and the map of the heads' results [d, d]. */
export interface AttentionWeights {
  readonly qkv: { readonly weight: Node; readonly bias: Node };
  readonly out: { readonly weight: Node; readonly bias: Node };
}

/**
 * Returns the self-attention of all places of x: softmax(q·kᵀ / √(d / heads))·v in each head (Vaswani et al. 2017). `x` has
 * `batch` and the layer's axes; every axis but the channels is an axis of places.
 */
export function attention(
  ops: NamedOps,
  { axis, heads }: Extract<LayerOp, { kind: "attention" }>,
  x: NamedTensor,
  { qkv, out }: AttentionWeights,
  batch: string,
): NamedTensor {
  const places = axesOf(x).filter(({ name }) => name !== batch && name !== axis);
  const merged = ops.merge(
    x,
    places.map(({ name }) => name),
    "·place",
  );
  const size = sizeOf(x, axis);
  const mapped = (value: NamedTensor, { weight, bias }: AttentionWeights["qkv"]): NamedTensor =>
    ops.add(ops.dot(value, ops.of(weight, ["·out", axis]), [axis]), ops.of(bias, ["·out"]));
  const parts = [
    { name: "·part", size: 3 },
    { name: "·head", size: heads },
    { name: "·each", size: size / heads },
  ];
  const split = ops.split(mapped(merged, qkv), "·out", parts);
  const part = (at: number, place: string): NamedTensor => {
    const own = ops.slice(split, "·part", at, at + 1);
    const rest = axesOf(own).filter(({ name }) => name !== "·part");
    return ops.rename(ops.reshape(own, rest), [{ from: "·place", to: place }]);
  };
  const [query, key, value] = [part(0, "·place"), part(1, "·key"), part(2, "·key")];
  const scores = ops.scale(ops.dot(query, key, ["·each"]), (size / heads) ** -0.5);
  const seen = ops.dot(ops.softmaxOver("softmax", scores, ["·key"]), value, ["·key"]);
  const joined = ops.merge(seen, ["·head", "·each"], axis);
  const result = ops.rename(mapped(joined, out), [{ from: "·out", to: axis }]);
  return ops.split(result, "·place", places);
}

/** Returns the tokens with a trained token [feature] before them. */
export function withClassToken(ops: NamedOps, x: NamedTensor, token: Node): NamedTensor {
  const [size = 1] = token.shape;
  const first = ops.reshape(ops.of(token, ["feature"]), [
    { name: "token", size: 1 },
    { name: "feature", size },
  ]);
  return ops.concat([first, x], "token");
}

/** Returns the first element along an axis, without the axis. */
export function first(ops: NamedOps, x: NamedTensor, axis: string): NamedTensor {
  return ops.reshape(
    ops.slice(x, axis, 0, 1),
    axesOf(x).filter(({ name }) => name !== axis),
  );
}
