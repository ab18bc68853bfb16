/**
 * Batch norms over so many numbers that TensorFlow's fused kernels lose digits: they add the numbers of a channel one after the other
 * in 32 bits. At 705,600 numbers a channel the variance is 2e-4 too small, at 12.8 million 3 %. Here the sums are computed in stages.
 */
import type { Node } from "../../../../compiler/tensor/ir.js";
import { boolAttribute, floatAttribute } from "../binding.js";
import type { Emitter, Slot } from "../emitter.js";
import { images, operand } from "./rule.js";
import { sumAway } from "./sum.js";

/** The largest number of values in a channel of a group for which the fused kernels are used. */
const fusedLimit = 16384;

const valuesIn = (x: Node, groups: number): number => {
  const [n, , h, w] = images(x);
  return (n / groups) * h * w;
};

/** Tells whether the statistics of x [n, c, h, w] in `groups` equal runs of images need sums in stages. */
export const isLong = (x: Node, groups: number): boolean => valuesIn(x, groups) > fusedLimit;

/** The statistics of one group. `mean` and `variance` are [c]; the divisor of the variance is the count. */
export interface LongMoments {
  readonly images: Slot;
  /** The images minus the mean, [n, h, w, c]. */
  readonly centered: Slot;
  readonly mean: Slot;
  readonly variance: Slot;
}

/** Returns the statistics of each group of the images. */
export function longMoments(e: Emitter, x: Node, groups: number): LongMoments[] {
  return e.once(x, `long moments ${groups}`, () => {
    const share = e.scalar(1 / valuesIn(x, groups));
    return groupsOf(e, x, groups).map((part) => {
      const mean = e.op("Mul", [channelSum(e, part, x, groups), share]);
      const centered = e.op("Sub", [part, mean]);
      const squares = channelSum(e, e.op("Square", [centered]), x, groups);
      return { images: part, centered, mean, variance: e.op("Mul", [squares, share]) };
    });
  });
}

export function longNorm(e: Emitter, node: Node<"batch_norm">): Slot {
  const [x, gamma, beta] = [operand(node, 0), e.full(operand(node, 1)), e.full(operand(node, 2))];
  const { eps, groups } = node.attrs;
  const attributes = [floatAttribute("epsilon", eps), boolAttribute("is_training", false)];
  const parts = longMoments(e, x, groups).map(({ images, mean, variance }) => {
    const [y] = e.ops("FusedBatchNormV3", [images, gamma, beta, mean, variance], attributes, 6);
    return y as Slot;
  });
  return e.concat(parts, 0, "f32");
}

/** dx = γ·inv·(dy − Σdy/N − (x − mean)·inv²·Σ(dy·(x − mean))/N), with inv = 1/√(variance + eps) */
export function longNormGradX(e: Emitter, node: Node<"batch_norm_grad_x">): Slot {
  const [x, gamma, dy] = [operand(node, 0), e.full(operand(node, 1)), operand(node, 2)];
  const { eps, groups } = node.attrs;
  const share = e.scalar(1 / valuesIn(x, groups));
  const moments = longMoments(e, x, groups);
  const parts = gradientSums(e, x, dy, groups).map(({ gradient, total, along }, group) => {
    const { centered, variance } = moments[group] as LongMoments;
    const inverse = inverseDeviation(e, variance, eps);
    const slope = e.op("Mul", [e.op("Mul", [along, share]), e.op("Square", [inverse])]);
    const level = e.op("Sub", [gradient, e.op("Mul", [total, share])]);
    const residual = e.op("Sub", [level, e.op("Mul", [centered, slope])]);
    return e.op("Mul", [residual, e.op("Mul", [gamma, inverse])]);
  });
  return e.concat(parts, 0, "f32");
}

/** dγ = Σ over groups of inv·Σ(dy·(x − mean)) */
export function longNormGradGamma(e: Emitter, node: Node<"batch_norm_grad_gamma">): Slot {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const { eps, groups } = node.attrs;
  const moments = longMoments(e, x, groups);
  return gradientSums(e, x, dy, groups)
    .map(({ along }, group) => e.op("Mul", [along, inverseDeviation(e, (moments[group] as LongMoments).variance, eps)]))
    .reduce((sum, part) => e.op("AddV2", [sum, part]));
}

/** Returns for each group its part of dy [n, h, w, c], Σ dy and Σ dy·(x − mean). */
function gradientSums(e: Emitter, x: Node, dy: Node, groups: number) {
  return e.once(dy, `long sums ${x.id} ${groups}`, () => {
    const moments = longMoments(e, x, groups);
    return groupsOf(e, dy, groups).map((gradient, group) => {
      const products = e.op("Mul", [gradient, (moments[group] as LongMoments).centered]);
      return {
        gradient,
        total: channelSum(e, gradient, x, groups),
        along: channelSum(e, products, x, groups),
      };
    });
  });
}

/** Returns the images of each group, [n, h, w, c]. */
export function groupsOf(e: Emitter, x: Node, groups: number): Slot[] {
  return e.once(x, `groups ${groups}`, () => e.split(e.full(x, "nhwc"), 0, groups));
}

function channelSum(e: Emitter, part: Slot, x: Node, groups: number): Slot {
  const [n, c, h, w] = images(x);
  return sumAway(e, part, [n / groups, h, w, c], [0, 1, 2]);
}

const inverseDeviation = (e: Emitter, variance: Slot, eps: number): Slot =>
  e.op("Rsqrt", [e.op("AddV2", [variance, e.scalar(eps)])]);
