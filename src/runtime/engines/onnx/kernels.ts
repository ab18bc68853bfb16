/** The kernels of ONNX Runtime's execution providers, as far as they differ for the lowering. */
import type { Factor, Kernels } from "./emitter.js";

/** The CPU provider has no u32 arithmetic, has `Where` for few types and on one thread, and has fused transposes. */
export const cpuKernels: Kernels = {
  u32: { wrapping: "i32", other: "i64" },
  where: { f32: "f32", i32: "i32", u8: "u8", u32: "i64", bool: "i32" },
  rows: "i64",
  fastSign: true,
  product(e, a, b) {
    if (!a.transposed && !b.transposed) return e.op("MatMul", [a.name, b.name]);
    return e.msOp("FusedMatMul", [a.name, b.name], { transA: a.transposed ? 1 : 0, transB: b.transposed ? 1 : 0 });
  },
  sum: (e, parts) => e.op("Sum", parts),
  copy: () => "Identity",
};

/** The WebGPU provider has 32-bit numbers only, and no `Sum`, `Sign` or fused transposes. */
export const webgpuKernels: Kernels = {
  u32: { wrapping: "u32", other: "u32" },
  where: { f32: "f32", i32: "i32", u8: "i32", u32: "u32", bool: "bool" },
  rows: "i32",
  fastSign: false,
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
