/** The pools of the interpreter and their gradients. */
import type { PrimitiveName, Shape, Window } from "../ir.js";
import { elementCount, outputSize } from "../shape.js";
import type { Data, Kernels } from "./value.js";

/** Calls `visit` with each window's place in the result and the rows and columns (exclusive ends) it covers of x. */
function walkWindows(
  shape: Shape,
  { size, stride, pad }: Window,
  visit: (result: number, plane: number, top: number, bottom: number, left: number, right: number) => void,
): void {
  const [n, c, h, w] = shape as readonly [number, number, number, number];
  const [oh, ow] = outputSize([h, w], size, { stride, pad });
  for (let plane = 0; plane < n * c; plane++)
    for (let y = 0; y < oh; y++)
      for (let x = 0; x < ow; x++) {
        const [top, left] = [y * stride[0] - pad[0], x * stride[1] - pad[1]];
        visit(
          (plane * oh + y) * ow + x,
          plane * h * w,
          Math.max(0, top),
          Math.min(h, top + size[0]),
          Math.max(0, left),
          Math.min(w, left + size[1]),
        );
      }
}

/** Calls `visit` with each window's place in the result and the place in x of its first maximum, row-major. */
function walkWinners(x: Data, shape: Shape, window: Window, visit: (result: number, winner: number) => void): void {
  const w = Number(shape[3]);
  walkWindows(shape, window, (result, plane, top, bottom, left, right) => {
    let winner = plane + top * w + left;
    for (let y = top; y < bottom; y++)
      for (let i = left; i < right; i++) {
        const place = plane + y * w + i;
        if ((x[place] as number) > (x[winner] as number)) winner = place;
      }
    visit(result, winner);
  });
}

export const windowKernels = {
  max_pool: ([x], window, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    walkWinners(x.data, x.shape, window, (result, winner) => {
      out[result] = x.data[winner] as number;
    });
    return out;
  },
  max_pool_grad: ([x, , dy], window) => {
    const out = new Float64Array(x.data.length);
    walkWinners(x.data, x.shape, window, (result, winner) => {
      out[winner] = (out[winner] as number) + (dy.data[result] as number);
    });
    return out;
  },
  max_pool_take: ([x, , t], window, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    walkWinners(x.data, x.shape, window, (result, winner) => {
      out[result] = t.data[winner] as number;
    });
    return out;
  },
  avg_pool: ([x], window, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    const w = Number(x.shape[3]);
    const area = window.size[0] * window.size[1];
    walkWindows(x.shape, window, (result, plane, top, bottom, left, right) => {
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let i = left; i < right; i++) sum += x.data[plane + y * w + i] as number;
      out[result] = sum / area;
    });
    return out;
  },
  avg_pool_grad: ([dy], window, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    const w = Number(shape[3]);
    const area = window.size[0] * window.size[1];
    walkWindows(shape, window, (result, plane, top, bottom, left, right) => {
      const share = (dy.data[result] as number) / area;
      for (let y = top; y < bottom; y++)
        for (let i = left; i < right; i++) {
          const place = plane + y * w + i;
          out[place] = (out[place] as number) + share;
        }
    });
    return out;
  },
} satisfies Partial<Kernels<PrimitiveName>>;
