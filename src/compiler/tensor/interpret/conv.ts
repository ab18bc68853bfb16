/** Convolutions as matrix products with patches. For each image and group, a patch matrix has one column per place of the result. */
import type { ConvAttrs, PrimitiveName, Shape } from "../ir.js";
import { elementCount } from "../shape.js";
import { addProduct, addProductTransposed, type Matrix } from "./product.js";
import type { Kernels, Value } from "./value.js";

type Shape4 = readonly [number, number, number, number];

class Convolution {
  readonly images: number;
  readonly groups: number;
  /** The number of filters of a group. */
  readonly filters: number;
  /** The number of elements of a filter, which is the number of rows of a patch matrix. */
  readonly taps: number;
  /** The number of places of the result, which is the number of columns. */
  readonly places: number;
  private readonly x: Shape4;
  private readonly kernel: readonly [number, number];
  private readonly result: readonly [number, number];
  private readonly attrs: ConvAttrs;

  constructor(x: Shape, filters: Shape, y: Shape, attrs: ConvAttrs) {
    const [o, inner, kh, kw] = filters as Shape4;
    const [n, , oh, ow] = y as Shape4;
    this.x = x as Shape4;
    this.kernel = [kh, kw];
    this.result = [oh, ow];
    this.attrs = attrs;
    this.images = n;
    this.groups = attrs.groups;
    this.filters = o / attrs.groups;
    this.taps = inner * kh * kw;
    this.places = oh * ow;
  }

  /** Calls `visit` for each image and group with the places of its parts of x, of the result and of the filters. */
  each(visit: (x: number, y: number, filters: number) => void): void {
    const [, c, h, w] = this.x;
    for (let image = 0; image < this.images; image++)
      for (let group = 0; group < this.groups; group++)
        visit(
          (image * c + (group * c) / this.groups) * h * w,
          (image * this.groups + group) * this.filters * this.places,
          group * this.filters * this.taps,
        );
  }

  /** Fills `patches` [taps, places] from the channels of x at `at`. Padding stays 0. */
  gather(patches: Float64Array, x: Float64Array, at: number): void {
    const { stride } = this.attrs;
    this.rows((patch, from, count) => {
      for (let i = 0; i < count; i++) patches[patch + i] = x[at + from + i * stride[1]] as number;
    });
  }

  /** Adds `patches` to the channels of x at `at`: the transpose of `gather`. */
  scatter(patches: Float64Array, x: Float64Array, at: number): void {
    const { stride } = this.attrs;
    this.rows((patch, from, count) => {
      for (let i = 0; i < count; i++) {
        const place = at + from + i * stride[1];
        x[place] = (x[place] as number) + (patches[patch + i] as number);
      }
    });
  }

  /** Calls `visit` for each run of a patch matrix that lies in one row of x: its place there and in x, and its length. */
  private rows(visit: (patch: number, from: number, count: number) => void): void {
    const [, , h, w] = this.x;
    const [kh, kw] = this.kernel;
    const [oh, ow] = this.result;
    const { stride, pad } = this.attrs;
    for (let tap = 0; tap < this.taps; tap++) {
      const channel = Math.floor(tap / (kh * kw));
      const [top, left] = [(Math.floor(tap / kw) % kh) - pad[0], (tap % kw) - pad[1]];
      const first = Math.max(0, Math.ceil(-left / stride[1]));
      const last = Math.min(ow - 1, Math.floor((w - 1 - left) / stride[1]));
      for (let y = 0; y < oh; y++) {
        const row = y * stride[0] + top;
        if (row < 0 || row >= h) continue;
        visit(tap * this.places + y * ow + first, (channel * h + row) * w + first * stride[1] + left, last - first + 1);
      }
    }
  }
}

const reals = (x: Value): Float64Array => x.data as Float64Array;
const rows = (data: Float64Array, at: number, row: number): Matrix => ({ data, at, row, column: 1 });

export const convKernels = {
  conv2d: ([x, filters], attrs, { shape }) => {
    const conv = new Convolution(x.shape, filters.shape, shape, attrs);
    const { taps, places } = conv;
    const patches = new Float64Array(taps * places);
    const out = new Float64Array(elementCount(shape));
    conv.each((xAt, yAt, filtersAt) => {
      conv.gather(patches, reals(x), xAt);
      const weights = rows(reals(filters), filtersAt, taps);
      addProduct(rows(out, yAt, places), weights, rows(patches, 0, places), conv.filters, taps, places);
    });
    return out;
  },
  conv2d_input_grad: ([dy, filters], attrs, { shape }) => {
    const conv = new Convolution(shape, filters.shape, dy.shape, attrs);
    const { taps, places } = conv;
    const patches = new Float64Array(taps * places);
    const out = new Float64Array(elementCount(shape));
    conv.each((xAt, yAt, filtersAt) => {
      patches.fill(0);
      const transposed = { data: reals(filters), at: filtersAt, row: 1, column: taps };
      addProduct(rows(patches, 0, places), transposed, rows(reals(dy), yAt, places), taps, conv.filters, places);
      conv.scatter(patches, out, xAt);
    });
    return out;
  },
  conv2d_filter_grad: ([x, dy], attrs, { shape }) => {
    const conv = new Convolution(x.shape, shape, dy.shape, attrs);
    const { taps, places } = conv;
    const patches = new Float64Array(taps * places);
    const out = new Float64Array(elementCount(shape));
    conv.each((xAt, yAt, filtersAt) => {
      conv.gather(patches, reals(x), xAt);
      const errors = rows(reals(dy), yAt, places);
      addProductTransposed(rows(out, filtersAt, taps), errors, rows(patches, 0, places), conv.filters, places, taps);
    });
    return out;
  },
} satisfies Partial<Kernels<PrimitiveName>>;
