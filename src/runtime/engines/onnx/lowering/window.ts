/** Lowering rules for pooling. If a window has several maxima, the first in row-major order gets the gradient. */
import type { Node, OpName, Window } from "../../../../compiler/tensor/ir.js";
import type { Emitter } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";

const lowest = -3.4028234663852886e38;
const isPadded = (pad: readonly number[]): boolean => pad.some((amount) => amount !== 0);
const isDisjoint = ({ size, stride, pad }: Window): boolean =>
  size[0] === stride[0] && size[1] === stride[1] && !isPadded(pad);

function poolAttributes({ size, stride, pad }: Window) {
  return { kernel_shape: size, strides: stride, pads: pad };
}

export const window = {
  max_pool: (e, node) => {
    const x = operand(node, 0);
    if (e.options.separablePools.has(node))
      return whole(node, e.op("MaxPool", [rowPool(e, x)], { kernel_shape: [2, 1], strides: [2, 1] }));
    return whole(node, e.op("MaxPool", [e.full(x)], poolAttributes(node.attrs)));
  },
  max_pool_grad: (e, node) => {
    const [x, y, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const [n, c, h, w] = images(x);
    if (isSeparable(node.attrs)) {
      const [left, right] = gradientColumns(e, node);
      const [, , rows, columns] = images(dy);
      const places = [n, c, rows * 2, columns, 1];
      const joined = e.op("Concat", [e.reshape(left, places), e.reshape(right, places)], { axis: 4 });
      return whole(node, padEnd(e, e.reshape(joined, [n, c, rows * 2, columns * 2]), [h - rows * 2, w - columns * 2]));
    }
    const parts = firstMaximumMasks(e, x, y, node.attrs).map((wins) => e.op("Mul", [e.full(dy), e.maskOf(wins)]));
    return whole(node, scatterWindows(e, parts, node.attrs, [n, c, h, w], images(dy)));
  },
  max_pool_take: (e, node) => {
    const [x, y, t] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const wins = firstMaximumMasks(e, x, y, node.attrs);
    const values = windowElements(e, e.full(t), node.attrs, images(node), 0);
    const picked = values.map((value, k) => e.op("Where", [wins[k] ?? "", value, e.scalar(0)]));
    return whole(node, e.sum(picked));
  },
  avg_pool: (e, node) => {
    const x = operand(node, 0);
    const [, , h, w] = images(x);
    if (node.attrs.size[0] === h && node.attrs.size[1] === w && !isPadded(node.attrs.pad))
      return whole(node, e.op("GlobalAveragePool", [e.full(x)]));
    return whole(node, e.op("AveragePool", [e.full(x)], { ...poolAttributes(node.attrs), count_include_pad: 1 }));
  },
  avg_pool_grad: (e, node) => {
    const dy = operand(node, 0);
    const { size, inputSize } = node.attrs;
    const [n, c, oh, ow] = images(dy);
    const share = e.scalar(1 / (size[0] * size[1]));
    const scaled = e.op("Mul", [e.value(dy).name, share]);
    if (size[0] === inputSize[0] && size[1] === inputSize[1] && !isPadded(node.attrs.pad))
      return { name: scaled, shape: e.value(dy).shape };
    const each = e.full(dy) === e.value(dy).name ? scaled : e.op("Mul", [e.full(dy), share]);
    const parts = Array.from({ length: size[0] * size[1] }, () => each);
    return whole(node, scatterWindows(e, parts, node.attrs, [n, c, inputSize[0], inputSize[1]], [n, c, oh, ow]));
  },
} satisfies Partial<Rules<OpName>>;

/** Tells whether the windows are 2×2 and do not overlap. Their maximum is then found first by rows, then by columns. */
export function isSeparable(window: Window): boolean {
  return isDisjoint(window) && window.size[0] === 2 && window.size[1] === 2;
}

/** Returns the maximum of each two neighbors in a row: x [n, c, h, w] becomes [n, c, h, ⌊w/2⌋]. */
function rowPool(e: Emitter, x: Node): string {
  return e.once(x, "row pool", () => e.op("MaxPool", [e.full(x)], { kernel_shape: [1, 2], strides: [1, 2] }));
}

/**
 * Returns the gradient of a 2×2 pool as its even and its odd columns, each [n, c, 2·oh, ow]. In row-major order, the first maximum
 * is in the upper row unless the lower row has a larger one, and on the left of its row unless the right element is larger.
 */
export function gradientColumns(e: Emitter, node: Node<"max_pool_grad">): [left: string, right: string] {
  return e.once(node, "columns", () => {
    const [x, y, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const [n, c, , w] = images(x);
    const [, , oh, ow] = images(dy);
    const rows = rowPool(e, x);
    const upper = e.slice(rows, [2], [0], [2 * oh - 1], [2]);
    const top = e.op("Mul", [e.full(dy), e.maskOf(e.op("Equal", [upper, e.full(y)]))]);
    const bottom = e.op("Sub", [e.full(dy), top]);
    const split = [n, c, oh, 1, ow];
    const both = e.op("Concat", [e.reshape(top, split), e.reshape(bottom, split)], { axis: 3 });
    const gradient = e.reshape(both, [n, c, 2 * oh, ow]);
    const [, , h] = images(x);
    const covered = h === 2 * oh ? rows : e.slice(rows, [2], [0], [2 * oh]);
    const source = h === 2 * oh ? e.full(x) : e.slice(e.full(x), [2], [0], [2 * oh]);
    // A 1×1 pool with stride 2 is a strided slice that runs on all threads.
    const evens =
      w === 2 * ow
        ? e.op("MaxPool", [source], { kernel_shape: [1, 1], strides: [1, 2] })
        : e.slice(source, [3], [0], [2 * ow - 1], [2]);
    const left = e.op("Mul", [gradient, e.maskOf(e.op("Equal", [evens, covered]))]);
    return [left, e.op("Sub", [gradient, left])];
  });
}

/** Appends rows and columns of zeros. */
function padEnd(e: Emitter, name: string, [rows, columns]: readonly [number, number]): string {
  return rows + columns === 0 ? name : e.op("Pad", [name, e.ints([0, 0, 0, 0, 0, 0, rows, columns])]);
}

type Images = readonly [number, number, number, number];

/** Returns, for each place in the window in row-major order, the elements of all windows there, as [n, c, oh, ow]. */
function windowElements(e: Emitter, x: string, window: Window, output: Images, fill: number): string[] {
  const { size, stride, pad } = window;
  const [top, left, bottom, right] = pad;
  const source = isPadded(pad) ? e.op("Pad", [x, e.ints([0, 0, top, left, 0, 0, bottom, right]), e.scalar(fill)]) : x;
  const [, , oh, ow] = output;
  const parts: string[] = [];
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++)
      parts.push(e.slice(source, [2, 3], [i, j], [i + (oh - 1) * stride[0] + 1, j + (ow - 1) * stride[1] + 1], stride));
  return parts;
}

/** Returns, for each place in the window, the mask of the windows whose first maximum is there. */
function firstMaximumMasks(e: Emitter, x: Node, y: Node, window: Window): string[] {
  return e.once(x, `winners ${JSON.stringify(window)}`, () => {
    const values = windowElements(e, e.full(x), window, images(y), lowest);
    let noneBefore: string | undefined;
    return values.map((value, k) => {
      const equal = e.op("Equal", [value, e.full(y)]);
      const wins = noneBefore === undefined ? equal : e.op("And", [equal, noneBefore]);
      if (k < values.length - 1) {
        const not = e.op("Not", [equal]);
        noneBefore = noneBefore === undefined ? not : e.op("And", [noneBefore, not]);
      }
      return wins;
    });
  });
}

/** Puts the values of each place in the window back to their places in the image. Where windows overlap it sums them. */
function scatterWindows(e: Emitter, parts: readonly string[], window: Window, input: Images, output: Images): string {
  const { size, stride, pad } = window;
  const [n, c, h, w] = input;
  const [, , oh, ow] = output;
  if (isDisjoint(window)) {
    const rows: string[] = [];
    for (let i = 0; i < size[0]; i++) {
      const row = parts.slice(i * size[1], (i + 1) * size[1]).map((part) => e.reshape(part, [n, c, oh, ow, 1]));
      rows.push(e.reshape(e.op("Concat", row, { axis: 4 }), [n, c, oh, 1, ow * size[1]]));
    }
    const covered = e.reshape(e.op("Concat", rows, { axis: 3 }), [n, c, oh * size[0], ow * size[1]]);
    return padEnd(e, covered, [h - oh * size[0], w - ow * size[1]]);
  }
  const [top, left] = pad;
  const placed = parts.map((part, k) => {
    const [i, j] = [Math.floor(k / size[1]), k % size[1]];
    const spread = dilate(e, part, stride, [n, c, oh, ow]);
    const [tall, wide] = [(oh - 1) * stride[0] + 1, (ow - 1) * stride[1] + 1];
    // Negative amounts crop what lies on the padding.
    const before = [i - top, j - left] as const;
    return e.op("Pad", [
      spread,
      e.ints([0, 0, before[0], before[1], 0, 0, h - tall - before[0], w - wide - before[1]]),
    ]);
  });
  return e.sum(placed);
}

/** Inserts stride − 1 zeros between neighbors of [n, c, oh, ow]. */
function dilate(e: Emitter, name: string, stride: readonly [number, number], [n, c, oh, ow]: Images): string {
  if (stride[0] === 1 && stride[1] === 1) return name;
  const apart = e.reshape(name, [n * c, oh, 1, ow, 1]);
  const wide = e.op("Pad", [apart, e.ints([0, 0, 0, 0, 0, 0, 0, stride[0] - 1, 0, stride[1] - 1])]);
  const stuffed = e.reshape(wide, [n, c, oh * stride[0], ow * stride[1]]);
  return e.slice(stuffed, [2, 3], [0, 0], [(oh - 1) * stride[0] + 1, (ow - 1) * stride[1] + 1]);
}
