/** The default engine's library, where it is not yet: fetched once per user, from the npm registry. */
import { obtainOnnxRuntime, onnxRuntimeInstalled } from "../runtime/engines/onnx/obtain.js";
import type { Cli } from "./command.js";

export async function fetchMissingEngine(cli: Cli, projectDir: string): Promise<void> {
  if (onnxRuntimeInstalled()) return;
  cli.stderr.write("ONNX Runtime is not installed; fetching it from the npm registry, once (about 100 MB)\n");
  await obtainOnnxRuntime(projectDir, new AbortController().signal);
}
