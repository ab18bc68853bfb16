/** The default engine's library, where it is not yet: fetched once per user, from the npm registry. */
import { obtainOnnxRuntime, onnxRuntimeInstalled } from "../runtime/engines/onnx/obtain.js";
import type { Cli } from "./command.js";
import { exitCodes } from "./exit-codes.js";

export async function fetchMissingEngine(cli: Cli, projectDir: string): Promise<void> {
  if (onnxRuntimeInstalled()) return;
  cli.stderr.write("ONNX Runtime is not installed; fetching it from the npm registry, once (about 100 MB)\n");
  // npm's client cannot be told to stop in the middle of a package. What is half there goes when the process exits.
  const onSignal = (): void => process.exit(exitCodes.interrupted);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  try {
    await obtainOnnxRuntime(projectDir, new AbortController().signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
