/** The child process of `probeWebgpu`. It computes one sum on the GPU and prints `webgpu: works` or the error as a line on stdout. */
import { encodeModel } from "../proto.js";

const shape = [1];

async function tried(): Promise<string> {
  const model = encodeModel({
    name: "trial",
    nodes: [{ op: "Add", domain: "", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "x", type: "f32", shape: shape }],
    outputs: [{ name: "y", type: "f32", shape: shape }],
  });
  try {
    const ort = await import("../runtime.js");
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ["webgpu"],
      logSeverityLevel: 4,
      extra: { session: { disable_cpu_ep_fallback: "1" } },
    });
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(2), shape) });
    return y?.data[0] === 4 ? "works" : `it computes 2 + 2 = ${y?.data[0]}`;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

const said = (await tried()).replace(/\s+/g, " ");
// A driver may crash at exit, so the process ends as soon as the line is written.
process.stdout.write(`\nwebgpu: ${said}\n`, () => process.exit(0));
