/** Finds out how ONNX Runtime blocks channels on this CPU. */
import { encodeModel, nchwc } from "./proto.js";
import * as ort from "./runtime.js";

const candidates = [16, 8, 4] as const;
let probed: Promise<number> | undefined;

/**
 * Returns the channels per block of ONNX Runtime's blocked convolutions, or 0 if it has none on this CPU. It reorders a tensor
 * of 16 channels with two pixels and looks where the elements go.
 */
export function blockSize(): Promise<number> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<number> {
  const shape = [1, 16, 1, 2];
  const model = encodeModel({
    name: "block-size",
    nodes: [{ op: "ReorderInput", domain: nchwc, inputs: ["x"], outputs: ["y"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "x", type: "f32", shape }],
    outputs: [{ name: "y", type: "f32", shape }],
  });
  try {
    const session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 4,
    });
    const x = Float32Array.from({ length: 32 }, (_, index) => index);
    const y = (await session.run({ x: new ort.Tensor("float32", x, shape) }))["y"]?.data as Float32Array;
    await session.release();
    // Element c·2 + p of x lies at (⌊c/b⌋·2 + p)·b + c mod b of y: pixel 1 of channel 0 at b.
    return candidates.find((block) => y[block] === 1 && y[1] === 2) ?? 0;
  } catch {
    // A build or CPU without blocked kernels rejects the model. The plain kernels are used then.
    return 0;
  }
}
