/** Downloads the library of the default engine from the npm registry, once per user. */
import { obtainOnnxRuntime, onnxRuntimeInstalled } from "../runtime/engines/onnx/obtain.js";
import type { Cli } from "./command.js";
import { withProgress } from "./progress.js";
import { say } from "./say.js";

/**
 * Fetches ONNX Runtime if it is not installed. Returns false if the user interrupted it; then nothing is left of it.
 *
 * @throws DiagnosticError FSL6020, FSL6021 or FSL7031 if that fails.
 */
export async function fetchMissingEngine(cli: Cli, projectDir: string): Promise<boolean> {
  if (onnxRuntimeInstalled()) return true;
  return await withProgress(cli, async (signal, progress) => {
    progress.step("ONNX Runtime is not installed; fetching it from the npm registry, once (about 100 MB)");
    try {
      await obtainOnnxRuntime(projectDir, { signal, onBytes: (done, total) => progress.bytes(done, total) });
      return true;
    } catch (error) {
      if (!signal.aborted) throw error;
      progress.close();
      say(cli.stderr, "interrupted: ONNX Runtime was not installed\n");
      return false;
    }
  });
}
