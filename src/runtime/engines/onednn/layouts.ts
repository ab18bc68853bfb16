/** The layouts of tensors in memory: row-major, or as oneDNN has chosen. */
import type { DType, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import type { Precision } from "../engine.js";
import { algorithm, blockedTags, dataType, propagation, query, tagAny } from "./constants.js";
import type { Library, Pointer } from "./library.js";
import { type Factors, rowMajor } from "./loops/layout.js";

export const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4, u8: 1, bool: 1 };

export interface Layout {
  readonly bytes: number;
  /** The places of the elements; undefined if oneDNN keeps them to itself. */
  readonly factors: Factors | undefined;
  /** True if elements are row-major. */
  readonly plain: boolean;
  /** True if there is memory that belongs to no element. oneDNN expects zeros there. */
  readonly padded: boolean;
  /** oneDNN's description; undefined if no primitive reads tensors of this kind. */
  readonly description: Pointer | undefined;
}

/** Makes layouts, and the descriptions that belong to them. */
export class Layouts {
  private readonly plainLayouts = new Map<string, Layout>();
  private readonly descriptions: Pointer[] = [];
  private block: number | undefined;

  constructor(private readonly library: Library) {}

  plain(shape: Shape, dtype: DType): Layout {
    const key = `${dtype}[${shape.join()}]`;
    const known = this.plainLayouts.get(key);
    if (known !== undefined) return known;
    const count = elementCount(shape);
    const factors = rowMajor(shape);
    const strides = factors.map(([part]) => part?.stride ?? 1);
    const layout: Layout = {
      bytes: count * bytesPerElement[dtype],
      factors,
      plain: true,
      padded: false,
      description: dtype === "f32" && shape.length > 0 && count > 0 ? this.strided(shape, strides) : undefined,
    };
    this.plainLayouts.set(key, layout);
    return layout;
  }

  /** Returns the description of a tensor with any strides. */
  strided(shape: Shape, strides: readonly number[], type: Precision = "f32"): Pointer {
    return this.keep(this.library.make("stridedDescription", shape.length, wide(shape), dataType[type], wide(strides)));
  }

  /** Returns a description that leaves the layout to the primitive. */
  any(shape: Shape, type: Precision = "f32"): Pointer {
    return this.keep(this.library.make("taggedDescription", shape.length, wide(shape), dataType[type], tagAny));
  }

  /** Returns the description of images with blocks of channels, or undefined if they have too few channels for it. */
  blockedImages(shape: Shape): Pointer | undefined {
    this.block ??= this.findBlock();
    const tag = blockedTags.get(this.block);
    if (tag === undefined || shape.length !== 4 || (shape[1] ?? 0) % this.block !== 0) return undefined;
    return this.keep(this.library.make("taggedDescription", 4, wide(shape), dataType.f32, tag));
  }

  /** Returns the number of channels in a block that this processor's convolutions prefer, or 0 if they prefer none. */
  private findBlock(): number {
    const { library } = this;
    const description = this.usualConvolution("f32");
    if (description === undefined) return 0;
    const layout = this.described(library.chosen(description, query.result));
    library.call("destroyPrimitiveDescription", description);
    return layout.factors?.[1]?.[1]?.size ?? 0;
  }

  /** Tells whether this processor has fast kernels that read numbers of bf16. */
  hasRounding(): boolean {
    const { library } = this;
    const description = this.usualConvolution("bf16");
    if (description === undefined) return false;
    const isFast = !library.isImplementedBy(description, "ref");
    library.call("destroyPrimitiveDescription", description);
    return isFast;
  }

  /** Describes a convolution with filters of a usual size, which every library computes by its best kernel. */
  private usualConvolution(precision: Precision): Pointer | undefined {
    const { library } = this;
    const [stride, none, pad] = [wide([1, 1]), wide([0, 0]), wide([1, 1])];
    return library.tryMake(
      "convolution",
      library.engine,
      propagation.training,
      algorithm.convolutionDirect,
      this.any([1, 32, 8, 8], precision),
      this.any([32, 32, 3, 3], precision),
      null,
      this.any([1, 32, 8, 8]),
      stride,
      none,
      pad,
      pad,
      null,
    );
  }

  /** Returns the description of the first part of a tensor, with these sizes. */
  part({ description }: Layout, shape: Shape): Pointer {
    return this.keep(this.library.make("partDescription", description, wide(shape), wide(shape.map(() => 0))));
  }

  /** Returns the layout that belongs to a description. The description is kept until `dispose`. */
  described(description: Pointer, dtype: DType = "f32"): Layout {
    this.keep(description);
    const { library } = this;
    const bytes = library.sizeOf(description);
    const dims = library.dimsOf(description);
    const padded = bytes !== elementCount(dims) * bytesPerElement[dtype];
    const factors = this.factorsOf(description, dims);
    const plain = !padded && isRowMajor(factors, dims);
    return { bytes, factors, plain, padded, description };
  }

  /** Returns the layout of memory that only oneDNN reads, such as a workspace or numbers of bf16. */
  opaque(description: Pointer): Layout {
    this.keep(description);
    return {
      bytes: this.library.sizeOf(description),
      factors: undefined,
      plain: false,
      padded: true,
      description,
    };
  }

  same(a: Layout, b: Pointer): boolean {
    return a.description !== undefined && this.library.sameDescription(a.description, b);
  }

  dispose(): void {
    for (const description of this.descriptions) this.library.call("destroyDescription", description);
    this.descriptions.length = 0;
    this.plainLayouts.clear();
  }

  private keep(description: Pointer): Pointer {
    this.descriptions.push(description);
    return description;
  }

  private factorsOf(description: Pointer, dims: readonly number[]): Factors {
    const { library } = this;
    const strides = library.queryList(description, query.strides, dims.length);
    const padded = library.queryList(description, query.paddedDims, dims.length);
    const count = library.queryNumber(description, query.blockCount);
    const blocks = library.queryList(description, query.blocks, count);
    const axes = library.queryList(description, query.blockAxes, count);
    const inner = blocks.map((size, place) => ({
      axis: axes[place],
      size,
      stride: elementCount(blocks.slice(place + 1)),
    }));
    return dims.map((_, axis) => {
      const parts = inner.filter((part) => part.axis === axis).map(({ size, stride }) => ({ size, stride }));
      const blocked = elementCount(parts.map(({ size }) => size));
      return [{ size: (padded[axis] ?? 1) / blocked, stride: strides[axis] ?? 1 }, ...parts];
    });
  }
}

/** Tells whether elements are in row-major order. The stride of an axis of one element does not matter. */
function isRowMajor(factors: Factors, dims: readonly number[]): boolean {
  const wanted = rowMajor(dims);
  return factors.every(
    ([part, ...inner], axis) => inner.length === 0 && (dims[axis] === 1 || part?.stride === wanted[axis]?.[0]?.stride),
  );
}

/** Returns the numbers in 64 bits, as the library reads sizes. */
export const wide = (numbers: readonly number[]): BigInt64Array => BigInt64Array.from(numbers, BigInt);
