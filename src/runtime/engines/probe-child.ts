/** The child process of a probe: loads ONNX Runtime and looks for devices. Its last line on stdout is the outcome as JSON. */
import { probeOnnx } from "./onnx/probe.js";

const availability = await probeOnnx();
// Drivers may print too, and may crash at exit: once the line is written, all is said.
process.stdout.write(`\n${JSON.stringify(availability)}\n`, () => process.exit(0));
