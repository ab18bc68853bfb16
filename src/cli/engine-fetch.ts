/** Downloads the library of the default engine from the npm registry, once per user. */
import { obtainOnnxRuntime, onnxRuntimeInstalled } from "../runtime/engines/onnx/obtain.js";
import type { Cli } from "./command.js";
import { exitCodes } from "./exit-codes.js";
import { say } from "./say.js";

/** Fetches ONNX Runtime if it is not installed. @throws DiagnosticError FSL6020, FSL6021 or FSL7031 if that fails. */
export async function fetchMissingEngine(cli: Cli, projectDir: string): Promise<void> {
  if (onnxRuntimeInstalled()) return;
  say(cli.stderr, "ONNX Runtime is not installed; fetching it from the npm registry, once (about 100 MB)\n");
  // npm's client cannot stop in the middle of a package. The partial download is removed when the process exits.
  const onSignal = (): void => process.exit(exitCodes.interrupted);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  try {
    await obtainOnnxRuntime(projectDir, new AbortController().signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
