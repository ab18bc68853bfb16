/** What differs between ONNX Runtime's execution providers in the kernels that the lowering can count on. */
import type { DType } from "../../../compiler/tensor/ir.js";
import type { Emitter } from "./emitter.js";
import type { OnnxType } from "./proto.js";

export interface Kernels {
  /** The type that an arithmetic op or a comparison of u32 operands is computed in. */
  readonly u32: { readonly wrapping: OnnxType; readonly other: OnnxType };
  /** The type that `Where` chooses between values of a type in. */
  readonly where: Readonly<Record<DType, OnnxType>>;
  /** The type of row numbers that are added up. */
  readonly rows: "i32" | "i64";
  /** Whether `Max` of a `Sign` is the better `Where`: on CPUs that runs on one thread. */
  readonly sign: boolean;
  /** a · b over stacked matrices, either one possibly given transposed. */
  product(e: Emitter, a: Factor, b: Factor): string;
  /** The sum of two or more tensors of one shape. */
  sum(e: Emitter, parts: readonly string[]): string;
  /** A graph output of the type that is its input's copy. */
  copy(dtype: DType): "Identity" | "Cast";
}

/** A stack of matrices [batch…, rows, columns], or its transpose. */
export interface Factor {
  readonly name: string;
  readonly rank: number;
  readonly transposed: boolean;
}

/** The CPU provider: no u32 arithmetic, `Where` of few types and on one thread, fused transposes. */
export const cpuKernels: Kernels = {
  u32: { wrapping: "i32", other: "i64" },
  where: { f32: "f32", i32: "i32", u8: "u8", u32: "i64", bool: "i32" },
  rows: "i64",
  sign: true,
  product(e, a, b) {
    if (!a.transposed && !b.transposed) return e.op("MatMul", [a.name, b.name]);
    return e.msOp("FusedMatMul", [a.name, b.name], { transA: a.transposed ? 1 : 0, transB: b.transposed ? 1 : 0 });
  },
  sum: (e, parts) => e.op("Sum", parts),
  copy: () => "Identity",
};

/** The WebGPU provider: numbers of 32 bits only, no `Sum`, `Sign` or fused transposes. */
export const webgpuKernels: Kernels = {
  u32: { wrapping: "u32", other: "u32" },
  where: { f32: "f32", i32: "i32", u8: "i32", u32: "u32", bool: "bool" },
  rows: "i32",
  sign: false,
  product(e, a, b) {
    const straight = ({ name, rank, transposed }: Factor): string =>
      transposed
        ? e.transpose(
            name,
            Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
          )
        : name;
    return e.op("MatMul", [straight(a), straight(b)]);
  },
  sum: (e, parts) => parts.reduce((total, part) => e.op("Add", [total, part])),
  copy: (dtype) => (dtype === "f32" || dtype === "i32" || dtype === "u32" ? "Identity" : "Cast"),
};
