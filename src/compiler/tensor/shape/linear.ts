/** Shape rules of products, convolutions, solves and windows. */
import type { ConvAttrs, PrimitiveName, Window } from "../ir.js";
import { type OpUse, type ShapeRules, sameShape, type TensorType } from "./rule.js";

/** Returns the number of windows over `size` elements with `pad` elements of padding in all, or 0 if the window is too large. */
export function windowCount(size: number, window: number, stride: number, pad: number): number {
  return Math.max(0, Math.floor((size + pad - window) / stride) + 1);
}

/** Returns the spatial size [h, w] of the result of a convolution or pool over [h, w]. */
export function outputSize(
  [h, w]: readonly [number, number],
  [kh, kw]: readonly [number, number],
  { stride, pad }: Pick<Window, "stride" | "pad">,
): [number, number] {
  return [windowCount(h, kh, stride[0], pad[0] + pad[2]), windowCount(w, kw, stride[1], pad[1] + pad[3])];
}

function checkWindow(use: OpUse, { stride, pad }: Pick<Window, "stride" | "pad">): void {
  use.require(
    stride.every((step) => Number.isInteger(step) && step >= 1),
    "strides by at least 1",
  );
  use.require(
    pad.every((size) => Number.isInteger(size) && size >= 0),
    "pads by counts",
  );
}

/** Checks that `images` [n, c, h, w] and `filters` [o, c/groups, kh, kw] can be convolved, and returns the shape of the result. */
function convolved(
  use: OpUse,
  [n, c, h, w]: readonly [number, number, number, number],
  [o, inner, kh, kw]: readonly [number, number, number, number],
  attrs: ConvAttrs,
): [number, number, number, number] {
  checkWindow(use, attrs);
  const { groups } = attrs;
  use.require(
    groups >= 1 && c % groups === 0 && o % groups === 0,
    `cannot part ${c} → ${o} channels into ${groups} groups`,
  );
  use.require(inner === c / groups, `filters take ${inner} channels per group, the images have ${c / groups}`);
  const [oh, ow] = outputSize([h, w], [kh, kw], attrs);
  use.require(oh > 0 && ow > 0, `a ${kh}×${kw} filter does not fit ${h}×${w}`);
  return [n, o, oh, ow];
}

/** Checks a window over x and returns the pooled shape. */
function pooled(
  use: OpUse,
  [n, c, h, w]: readonly [number, number, number, number],
  window: Window,
): [number, number, number, number] {
  checkWindow(use, window);
  const [kh, kw] = window.size;
  const [top, left, bottom, right] = window.pad;
  use.require(Math.max(top, bottom) < kh && Math.max(left, right) < kw, "pads by less than a window");
  const [oh, ow] = outputSize([h, w], window.size, window);
  use.require(oh > 0 && ow > 0, `a ${kh}×${kw} window does not fit ${h}×${w}`);
  return [n, c, oh, ow];
}

const f32 = (shape: readonly number[]): TensorType => ({ shape, dtype: "f32" });

export const linearShapes = {
  dot_general: (use, { lhsBatch, rhsBatch, lhsContract, rhsContract }) => {
    const [a, b] = use.two();
    use.require(a.dtype === "f32" && b.dtype === "f32", "takes f32");
    use.axes(a, [...lhsBatch, ...lhsContract], false);
    use.axes(b, [...rhsBatch, ...rhsContract], false);
    const paired = (l: readonly number[], r: readonly number[]) =>
      l.length === r.length && l.every((axis, place) => a.shape[axis] === b.shape[Number(r[place])]);
    use.require(paired(lhsBatch, rhsBatch), "batch axes differ");
    use.require(paired(lhsContract, rhsContract), "contracted axes differ");
    const free = (shape: readonly number[], used: readonly number[]) => shape.filter((_, axis) => !used.includes(axis));
    return f32([
      ...lhsBatch.map((axis) => use.size(a, axis)),
      ...free(a.shape, [...lhsBatch, ...lhsContract]),
      ...free(b.shape, [...rhsBatch, ...rhsContract]),
    ]);
  },
  conv2d: (use, attrs) => {
    const [x, filters] = use.two();
    return f32(convolved(use, use.images(x), use.images(filters), attrs));
  },
  conv2d_input_grad: (use, attrs) => {
    const [dy, filters] = use.two();
    const inner = use.images(filters);
    const x = [use.images(dy)[0], inner[1] * attrs.groups, ...attrs.inputSize] as const;
    use.require(sameShape(convolved(use, x, inner, attrs), dy.shape), "dy is not the convolution's result");
    return f32(x);
  },
  conv2d_filter_grad: (use, attrs) => {
    const [x, dy] = use.two();
    const images = use.images(x);
    const filters = [use.images(dy)[1], images[1] / attrs.groups, ...attrs.filterSize] as const;
    use.require(sameShape(convolved(use, images, filters, attrs), dy.shape), "dy is not the convolution's result");
    return f32(filters);
  },
  solve_spd: (use) => {
    const [a, b] = use.two();
    use.require(a.dtype === "f32" && b.dtype === "f32" && a.shape.length >= 2, "takes f32 matrices");
    use.require(a.shape.length === b.shape.length, "operands differ in rank");
    const rank = a.shape.length;
    use.require(a.shape[rank - 1] === a.shape[rank - 2], "the matrix is not square");
    use.require(sameShape(a.shape.slice(0, -1), b.shape.slice(0, -1)), "the right side does not fit the matrix");
    return f32(b.shape);
  },
  max_pool: (use, window) => f32(pooled(use, use.images(use.one()), window)),
  max_pool_grad: (use, window) => {
    const [x, y, dy] = use.three();
    use.require(sameShape(pooled(use, use.images(x), window), y.shape), "y is not the pool of x");
    use.same(y, dy);
    return f32(x.shape);
  },
  max_pool_take: (use, window) => {
    const [x, y, t] = use.three();
    use.require(sameShape(pooled(use, use.images(x), window), y.shape), "y is not the pool of x");
    use.same(x, t);
    return f32(y.shape);
  },
  avg_pool: (use, window) => f32(pooled(use, use.images(use.one()), window)),
  avg_pool_grad: (use, attrs) => {
    const dy = use.one();
    const [n, c] = use.images(dy);
    const x = [n, c, ...attrs.inputSize] as const;
    use.require(sameShape(pooled(use, x, attrs), dy.shape), "dy is not the pool's result");
    return f32(x);
  },
} satisfies Partial<ShapeRules<PrimitiveName>>;
