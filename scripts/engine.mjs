// Fetches the library of the default engine, so that runs and tests work after `npm ci` on a fresh clone. If that fails, the
// first `fslc run` tries again.
const { obtainOnnxRuntime, onnxRuntimeInstalled } = await import("../dist/src/runtime/engines/onnx/obtain.js");

if (!onnxRuntimeInstalled()) {
  try {
    await obtainOnnxRuntime(process.cwd(), new AbortController().signal);
  } catch (error) {
    console.warn(`fslc: ${error.message}; the first \`fslc run\` tries again`);
  }
}
