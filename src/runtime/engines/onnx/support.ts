/** Tells how ONNX Runtime runs each op of the IR on each device, for plans and for the table in the docs. It loads no native code. */
import type { DType, OpName } from "../../../compiler/tensor/ir.js";
import { isExpanded, type OnnxDevice } from "./prepare.js";
import { rewrittenTypes } from "./webgpu/forms.js";

/**
 * `native` ops have a lowering of their own. `decomposed` ops are first rewritten as other ops of the IR; these run on the same
 * device. No op falls back to the CPU.
 */
export type Support = "native" | "decomposed";

export interface OpSupport {
  readonly support: Support;
  /** The result types for which the op is decomposed, if it is native for other types. */
  readonly types?: readonly DType[];
}

export function onnxSupport(op: OpName, device: OnnxDevice): OpSupport {
  if (isExpanded(op, device)) return { support: "decomposed" };
  const types = device === "gpu" ? rewrittenTypes(op) : [];
  if (types.length === 0) return { support: "native" };
  return types.includes("f32") ? { support: "decomposed" } : { support: "decomposed", types };
}

/** Returns the support for one node. */
export function onnxSupportOf(node: { readonly op: OpName; readonly dtype: DType }, device: OnnxDevice): Support {
  const { support, types } = onnxSupport(node.op, device);
  return types === undefined || types.includes(node.dtype) ? support : "native";
}
