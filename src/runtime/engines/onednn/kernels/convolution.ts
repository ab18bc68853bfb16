/** The data gradient of a convolution by loops, for the few convolutions that oneDNN does not compute. */
import type { ConvAttrs, Shape } from "../../../../compiler/tensor/ir.js";
import type { Kernel, TypedArray } from "../loops/source.js";

/** The shapes of a convolution as oneDNN sees them. Filters of groups have an axis of groups. */
export interface Convolution {
  readonly x: Shape;
  readonly filters: Shape;
  readonly y: Shape;
  readonly attrs: ConvAttrs;
}

export function inputGrad({ x, filters, y, attrs: { stride, pad, groups } }: Convolution): Kernel {
  const [n = 1, c = 1, h = 1, w = 1] = x;
  const [, o = 1, rows = 1, columns = 1] = y;
  const [inner = 1, kh = 1, kw = 1] = filters.slice(-3);
  const [perGroup, own] = [o / groups, c / groups];
  const image = new Float64Array(c * h * w);
  return (...arrays) => {
    const [dy, weights, dx] = arrays as [TypedArray, TypedArray, TypedArray];
    for (let i = 0; i < n; i++) {
      image.fill(0);
      for (let f = 0; f < o; f++)
        for (let row = 0; row < rows; row++)
          for (let column = 0; column < columns; column++) {
            const slope = dy[((i * o + f) * rows + row) * columns + column] ?? 0;
            for (let channel = 0; channel < inner; channel++)
              for (let p = 0; p < kh; p++)
                for (let q = 0; q < kw; q++) {
                  const [top, left] = [row * stride[0] + p - pad[0], column * stride[1] + q - pad[1]];
                  if (top < 0 || top >= h || left < 0 || left >= w) continue;
                  const to = ((Math.floor(f / perGroup) * own + channel) * h + top) * w + left;
                  const weight = weights[((f * inner + channel) * kh + p) * kw + q] ?? 0;
                  image[to] = (image[to] ?? 0) + slope * weight;
                }
          }
      dx.set(image, i * c * h * w);
    }
  };
}
