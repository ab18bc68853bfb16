// Fetches the library of the default engine, so that runs and tests work after `npm ci` on a fresh clone. If that fails, the
// first `fslc run` tries again.
const { DiagnosticError } = await import("../dist/src/compiler/diagnostics/diagnostic.js");
const { obtainOnnxRuntime, onnxRuntimeInstalled } = await import("../dist/src/runtime/engines/onnx/obtain.js");

if (!onnxRuntimeInstalled()) {
  try {
    await obtainOnnxRuntime(process.cwd(), { signal: new AbortController().signal, onBytes: () => {} });
  } catch (error) {
    // A registry that cannot be reached is no reason to fail; a fault of this script is.
    if (!(error instanceof DiagnosticError)) throw error;
    console.warn(`fslc: ${error.message}; the first \`fslc run\` tries again`);
  }
}
