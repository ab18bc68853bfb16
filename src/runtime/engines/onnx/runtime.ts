/**
 * Loads ONNX Runtime. Importing this module loads the native library, so only workers and probes import it. The package adds a
 * list of backends to `onnxruntime-common`; the build needs only the types of that package.
 */
import { createRequire } from "node:module";
import type * as common from "onnxruntime-common";
import { onnxRuntime, onnxRuntimeFolder } from "./locate.js";
import { withoutTelemetry } from "./telemetry.js";

// For a program that loads the library in its own process. Workers and probes get the variable from whoever starts them.
Object.assign(process.env, withoutTelemetry);

interface OnnxRuntime extends Pick<typeof common, "InferenceSession" | "Tensor" | "env"> {
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
}

export const { InferenceSession, Tensor, env, listSupportedBackends } = createRequire(import.meta.url)(
  onnxRuntimeFolder() ?? onnxRuntime,
) as OnnxRuntime;
export type InferenceSession = common.InferenceSession;
export type Tensor = common.Tensor;
