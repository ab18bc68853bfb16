// Gets the default engine's library, so that `npm ci` on a fresh clone leaves everything that runs and tests need. Where it
// cannot be had now, the first `fslc run` tries again.
const { obtainOnnxRuntime, onnxRuntimeInstalled } = await import("../dist/src/runtime/engines/onnx/obtain.js");

if (!onnxRuntimeInstalled()) {
  try {
    await obtainOnnxRuntime(process.cwd(), new AbortController().signal);
  } catch (error) {
    console.warn(`fslc: ${error.message}; the first \`fslc run\` tries again`);
  }
}
