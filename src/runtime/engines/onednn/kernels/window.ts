/** Mean pools of images in row-major order. */
import type { Shape, Window } from "../../../../compiler/tensor/ir.js";
import { outputSize } from "../../../../compiler/tensor/shape.js";
import type { Kernel, TypedArray } from "../loops/source.js";

type Visit = (result: number, plane: number, top: number, bottom: number, left: number, right: number) => void;

/** Calls `visit` with each window's place in the result and the rows and columns (exclusive ends) that it covers. */
function walk(shape: Shape, { size, stride, pad }: Window, visit: Visit): void {
  const [n = 1, c = 1, h = 1, w = 1] = shape;
  const [rows, columns] = outputSize([h, w], size, { stride, pad });
  let result = 0;
  for (let plane = 0; plane < n * c; plane++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const [top, left] = [y * stride[0] - pad[0], x * stride[1] - pad[1]];
        visit(
          result++,
          plane * h * w,
          Math.max(0, top),
          Math.min(h, top + size[0]),
          Math.max(0, left),
          Math.min(w, left + size[1]),
        );
      }
}

export const averagePool =
  (shape: Shape, window: Window): Kernel =>
  (...arrays) => {
    const [x, y] = arrays as [TypedArray, TypedArray];
    const w = shape[3] ?? 1;
    const area = window.size[0] * window.size[1];
    walk(shape, window, (result, plane, top, bottom, left, right) => {
      let sum = 0;
      for (let row = top; row < bottom; row++) for (let i = left; i < right; i++) sum += x[plane + row * w + i] ?? 0;
      y[result] = sum / area;
    });
  };

export const averagePoolGrad =
  (shape: Shape, window: Window): Kernel =>
  (...arrays) => {
    const [dy, dx] = arrays as [TypedArray, TypedArray];
    const w = shape[3] ?? 1;
    const area = window.size[0] * window.size[1];
    dx.fill(0);
    walk(shape, window, (result, plane, top, bottom, left, right) => {
      const share = (dy[result] ?? 0) / area;
      for (let row = top; row < bottom; row++)
        for (let i = left; i < right; i++) {
          const place = plane + row * w + i;
          dx[place] = (dx[place] ?? 0) + share;
        }
    });
  };
