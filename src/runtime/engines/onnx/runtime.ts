/**
 * ONNX Runtime, from where it lies: importing this module loads its native library, which only workers and probes do. Its
 * package is `onnxruntime-common` and a list of what it can compute on; that one's types are all that a build needs.
 */
import { createRequire } from "node:module";
import type * as common from "onnxruntime-common";
import { onnxRuntime, onnxRuntimeFolder } from "./locate.js";

interface OnnxRuntime extends Pick<typeof common, "InferenceSession" | "Tensor" | "env"> {
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
}

export const { InferenceSession, Tensor, env, listSupportedBackends } = createRequire(import.meta.url)(
  onnxRuntimeFolder() ?? onnxRuntime,
) as OnnxRuntime;
export type InferenceSession = common.InferenceSession;
export type Tensor = common.Tensor;
