/** Lowering rules for batch norm. Statistics are computed once per tensor, and each affine per channel is a single BatchNormalization. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";
import { reduceAway } from "./sum.js";

/** The names of the moments of x [n, c, h, w] in `groups` equal runs of images. The tensors are [groups, c], or [c] for one group. */
interface Moments {
  readonly mean: string;
  readonly variance: string;
}

export const norm = {
  batch_norm: (e, node) => {
    const [x, gamma, beta] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const { groups, eps } = node.attrs;
    const { mean } = moments(e, x, groups);
    const scale = e.op("Mul", [e.full(gamma), inverseDeviation(e, x, groups, eps)]);
    const shift = e.op("Sub", [e.full(beta), e.op("Mul", [scale, mean])]);
    return whole(node, affine(e, e.full(x), x, scale, shift, groups));
  },
  batch_norm_grad_x: (e, node) => {
    const [x, gamma, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const { groups, eps } = node.attrs;
    const { mean } = moments(e, x, groups);
    const inverse = inverseDeviation(e, x, groups, eps);
    const { total, centred, count } = gradientSums(e, x, dy, groups);
    // dx = γ·inv·(dy − Σdy/N − (x − mean)·inv²·Σdy·(x − mean)/N): an affine of dy plus an affine of x.
    const scale = e.op("Mul", [e.full(gamma), inverse]);
    const along = e.op("Mul", [
      e.op("Mul", [scale, e.op("Mul", [inverse, inverse])]),
      e.op("Mul", [centred, e.scalar(-1 / count)]),
    ]);
    const constant = e.op("Sub", [
      e.op("Mul", [e.op("Mul", [scale, total]), e.scalar(-1 / count)]),
      e.op("Mul", [along, mean]),
    ]);
    const ofX = affine(e, e.full(x), x, along, constant, groups);
    const ofDy = perChannel(e, "Mul", e.full(dy), x, scale, groups);
    return whole(node, e.op("Add", [ofX, ofDy]));
  },
  batch_norm_grad_gamma: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    const { groups, eps } = node.attrs;
    const { centred } = gradientSums(e, x, dy, groups);
    const each = e.op("Mul", [centred, inverseDeviation(e, x, groups, eps)]);
    return whole(node, groups === 1 ? each : e.reduce("ReduceSum", each, [0]));
  },
  batch_mean: (e, node) => {
    const x = operand(node, 0);
    const { mean } = moments(e, x, node.attrs.groups);
    return whole(node, node.attrs.groups === 1 ? e.reshape(mean, node.shape) : mean);
  },
  batch_variance: (e, node) => {
    const x = operand(node, 0);
    const { variance } = moments(e, x, node.attrs.groups);
    return whole(node, node.attrs.groups === 1 ? e.reshape(variance, node.shape) : variance);
  },
  channel_affine: (e, node) => {
    const [x, scale, shift] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    return whole(node, affine(e, e.full(x), x, e.full(scale), e.full(shift), 1));
  },
} satisfies Partial<Rules<OpName>>;

/** Returns the shape [g, n/g, c, h·w]. */
function groupedShape(x: Node, groups: number): readonly [number, number, number, number] {
  const [n, c, h, w] = images(x);
  return [groups, n / groups, c, h * w];
}
const grouped = (e: Emitter, name: string, x: Node, groups: number): string => e.reshape(name, groupedShape(x, groups));
const count = (x: Node, groups: number): number => {
  const [n, , h, w] = images(x);
  return (n / groups) * h * w;
};

function channelReduce(
  e: Emitter,
  op: "ReduceSum" | "ReduceMean" | "ReduceSumSquare",
  name: string,
  x: Node,
  groups: number,
): string {
  if (groups === 1) return reduceAway(e, op, { name, shape: x.shape }, [0, 2, 3]);
  return reduceAway(e, op, { name: grouped(e, name, x, groups), shape: groupedShape(x, groups) }, [1, 3]);
}

function moments(e: Emitter, x: Node, groups: number): Moments {
  return e.once(x, `moments ${groups}`, () => {
    const mean = channelReduce(e, "ReduceMean", e.full(x), x, groups);
    const share = e.scalar(1 / count(x, groups));
    if (e.options.centered.has(x)) {
      const squares = e.op("Mul", [channelReduce(e, "ReduceSumSquare", e.full(x), x, groups), share]);
      return { mean, variance: e.op("Relu", [e.op("Sub", [squares, e.op("Mul", [mean, mean])])]) };
    }
    const squares = channelReduce(e, "ReduceSumSquare", perChannel(e, "Sub", e.full(x), x, mean, groups), x, groups);
    return { mean, variance: e.op("Mul", [squares, share]) };
  });
}

function inverseDeviation(e: Emitter, x: Node, groups: number, eps: number): string {
  return e.once(x, `inverse deviation ${groups} ${eps}`, () => {
    const { variance } = moments(e, x, groups);
    return e.op("Reciprocal", [e.op("Sqrt", [e.op("Add", [variance, e.scalar(eps)])])]);
  });
}

/** Returns Σ dy and Σ dy·(x − mean) for each channel and group, and the number of elements in each sum. */
function gradientSums(e: Emitter, x: Node, dy: Node, groups: number) {
  return e.once(dy, `sums ${x.id} ${groups}`, () => {
    const { mean } = moments(e, x, groups);
    const total = channelReduce(e, "ReduceSum", e.full(dy), x, groups);
    if (e.options.centered.has(x)) {
      const products = channelReduce(e, "ReduceSum", e.op("Mul", [e.full(dy), e.full(x)]), x, groups);
      return { total, centred: e.op("Sub", [products, e.op("Mul", [mean, total])]), count: count(x, groups) };
    }
    const centredX = perChannel(e, "Sub", e.full(x), x, mean, groups);
    const centred = channelReduce(e, "ReduceSum", e.op("Mul", [e.full(dy), centredX]), x, groups);
    return { total, centred, count: count(x, groups) };
  });
}

/** Applies `op` to x [n, c, h, w] and an operand with one value for each channel and group. */
function perChannel(e: Emitter, op: "Mul" | "Sub", name: string, x: Node, operandName: string, groups: number): string {
  const [n, c, h, w] = images(x);
  if (groups === 1) return e.op(op, [name, e.reshape(operandName, [c, 1, 1])]);
  const result = e.op(op, [grouped(e, name, x, groups), e.reshape(operandName, [groups, 1, c, 1])]);
  return e.reshape(result, [n, c, h, w]);
}

/** Returns x·scale + shift per channel. With one group it is a single pass. */
export function affine(e: Emitter, name: string, x: Node, scale: string, shift: string, groups: number): string {
  const [n, c, h, w] = images(x);
  if (groups === 1) {
    const zeros = e.constant("f32", [c], new Float32Array(c));
    const ones = e.constant("f32", [c], new Float32Array(c).fill(1));
    return e.op("BatchNormalization", [name, scale, shift, zeros, ones], { epsilon: { float: 0 } });
  }
  const column = [groups, 1, c, 1];
  const scaled = e.op("Mul", [grouped(e, name, x, groups), e.reshape(scale, column)]);
  return e.reshape(e.op("Add", [scaled, e.reshape(shift, column)]), [n, c, h, w]);
}
