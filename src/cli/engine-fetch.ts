/** The default engine's library, where an installation left it out: fetched once, from the npm registry. */
import { obtainOnnxRuntime, onnxRuntimeInstalled } from "../runtime/engines/onnx/obtain.js";
import type { Cli } from "./command.js";

export async function fetchMissingEngine(cli: Cli, projectDir: string): Promise<void> {
  if (onnxRuntimeInstalled()) return;
  cli.stderr.write("onnxruntime-node is not installed; fetching it from the npm registry, once (about 100 MB)\n");
  await obtainOnnxRuntime(projectDir, new AbortController().signal);
}
