/** Shape rules of composites. */
import type { CompositeName } from "../ir.js";
import { type OpUse, type ShapeRules, sameShape, type TensorType } from "./rule.js";

function unary(use: OpUse): TensorType {
  const x = use.one();
  use.require(x.dtype === "f32", "takes f32");
  return { shape: x.shape, dtype: "f32" };
}
function pair(use: OpUse): TensorType {
  const [a, b] = use.two();
  use.same(a, b);
  use.require(a.dtype === "f32", "takes f32");
  return { shape: a.shape, dtype: "f32" };
}
const along =
  (rule: (use: OpUse) => TensorType) =>
  (use: OpUse, { axis }: { readonly axis: number }): TensorType => {
    const type = rule(use);
    use.axes(type, [axis], false);
    return type;
  };

/** Checks that x is [n, c, h, w] and that n divides into `groups` equal runs. */
function grouped(use: OpUse, groups: number): [number, number, number, number] {
  const images = use.images(use.operand(0));
  use.require(groups >= 1 && images[0] % groups === 0, `cannot part ${images[0]} images into ${groups} groups`);
  return images;
}

export const compositeShapes = {
  relu: unary,
  relu_grad: pair,
  leaky_relu: unary,
  leaky_relu_grad: pair,
  batch_norm: (use, { groups }) => {
    const [x, gamma, beta] = use.three();
    const [, c] = grouped(use, groups);
    use.vector(gamma, c);
    use.vector(beta, c);
    return { shape: x.shape, dtype: "f32" };
  },
  batch_norm_grad_x: (use, { groups }) => {
    const [x, gamma, dy] = use.three();
    use.vector(gamma, grouped(use, groups)[1]);
    use.same(x, dy);
    return { shape: x.shape, dtype: "f32" };
  },
  batch_norm_grad_gamma: (use, { groups }) => {
    const [x, dy] = use.two();
    use.same(x, dy);
    return { shape: [grouped(use, groups)[1]], dtype: "f32" };
  },
  batch_mean: (use, { groups }) => {
    use.one();
    return { shape: [groups, grouped(use, groups)[1]], dtype: "f32" };
  },
  batch_variance: (use, { groups }) => {
    use.one();
    return { shape: [groups, grouped(use, groups)[1]], dtype: "f32" };
  },
  channel_affine: (use) => {
    const [x, scale, shift] = use.three();
    const [, c] = use.images(x);
    use.vector(scale, c);
    use.vector(shift, c);
    return { shape: x.shape, dtype: "f32" };
  },
  softmax: along(unary),
  softmax_grad: along(pair),
  log_softmax: along(unary),
  log_softmax_grad: along(pair),
  random_bits: (use, { shape }) => {
    const [key, counter] = use.two();
    use.require(key.dtype === "u32" && sameShape(key.shape, [2]), "takes a key u32 [2]");
    use.require(counter.dtype === "u32" && sameShape(counter.shape, [1]), "takes a counter u32 [1]");
    use.validShape(shape);
    return { shape, dtype: "u32" };
  },
} satisfies ShapeRules<CompositeName>;
