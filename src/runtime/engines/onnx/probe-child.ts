/** The child process of a probe. It loads ONNX Runtime and looks for devices; its last line on stdout is the result as JSON. */
import { probeOnnx } from "./probe.js";

const availability = await probeOnnx();
// Drivers may print too and may crash at exit, so the process ends as soon as the line is written.
process.stdout.write(`\n${JSON.stringify(availability)}\n`, () => process.exit(0));
