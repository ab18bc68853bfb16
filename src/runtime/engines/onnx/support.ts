/** What ONNX Runtime does with each op of the IR on each device: for plans and for the table of the docs. Loads nothing native. */
import type { DType, OpName } from "../../../compiler/tensor/ir.js";
import { isExpanded, type OnnxDevice } from "./prepare.js";
import { rewrittenTypes } from "./webgpu/forms.js";

/**
 * `native`: by kernels of the op's own lowering; `decomposed`: written in other ops of the IR first, on the device all the
 * same. There is no third way: an op is not left to the processor.
 */
export type Support = "native" | "decomposed";

export interface OpSupport {
  readonly support: Support;
  /** The types of result that are decomposed, where others are not. */
  readonly types?: readonly DType[];
}

export function onnxSupport(op: OpName, device: OnnxDevice): OpSupport {
  if (isExpanded(op, device)) return { support: "decomposed" };
  const types = device === "gpu" ? rewrittenTypes(op) : [];
  if (types.length === 0) return { support: "native" };
  return types.includes("f32") ? { support: "decomposed" } : { support: "decomposed", types };
}

/** Of one use of an op. */
export function onnxSupportOf(node: { readonly op: OpName; readonly dtype: DType }, device: OnnxDevice): Support {
  const { support, types } = onnxSupport(node.op, device);
  return types === undefined || types.includes(node.dtype) ? support : "native";
}
