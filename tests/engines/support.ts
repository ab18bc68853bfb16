/** Helpers for the tests of engines: the engines of this machine, and a comparison of one of them with the f64 interpreter. */
import { type InputTensor, interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, Program } from "../../src/compiler/tensor/ir.js";
import type { Engine, EngineOptions, HostTensor, TypedData } from "../../src/runtime/engines/engine.js";
import { engineEnvironment } from "../../src/runtime/engines/environment.js";
import { OnednnEngine } from "../../src/runtime/engines/onednn/engine.js";
import { findOnednn } from "../../src/runtime/engines/onednn/locate.js";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { ReferenceEngine } from "../../src/runtime/engines/reference/engine.js";
import { TensorflowEngine } from "../../src/runtime/engines/tensorflow/engine.js";
import { findTensorflow } from "../../src/runtime/engines/tensorflow/locate.js";
import { instructionSets } from "../../src/runtime/system/instructions.js";
import { expectClose } from "../tensor/support.js";

export interface Candidate {
  readonly name: string;
  readonly device: "cpu" | "gpu";
  readonly precision?: "bf16";
  /** The reason why it cannot run on this machine; undefined if it can. */
  readonly missing: string | undefined;
  make(options?: { readonly device?: string; readonly threads?: number }): Engine;
}

const onednn = findOnednn();
const withoutOnednn = onednn === undefined ? "oneDNN is not installed: fslc engines install onednn" : undefined;
const makeOnednn = (options: Partial<EngineOptions> = {}): Engine =>
  new OnednnEngine({ device: "cpu", threads: 1, location: onednn ?? { library: "", koffi: "" }, ...options });
const tensorflow = findTensorflow();
// TensorFlow reads these variables when it is loaded. They can be set here, because a test file has its own process.
Object.assign(process.env, engineEnvironment({ name: "tensorflow", device: "cpu", threads: 1 }));

export const engines: Readonly<Record<"onnx" | "onednn" | "onednnRounding" | "reference" | "tensorflow", Candidate>> = {
  onnx: {
    name: "onnx",
    device: "cpu",
    missing: undefined,
    make: (options) => new OnnxEngine({ device: "cpu", threads: 1, ...options }),
  },
  onednn: {
    name: "onednn",
    device: "cpu",
    missing: withoutOnednn,
    make: makeOnednn,
  },
  onednnRounding: {
    name: "onednn",
    device: "cpu",
    precision: "bf16",
    missing: instructionSets().includes("avx512_bf16") ? withoutOnednn : "this processor has no instructions for bf16",
    make: (options) => makeOnednn({ ...options, precision: "bf16" }),
  },
  reference: {
    name: "reference",
    device: "cpu",
    missing: undefined,
    make: (options) => new ReferenceEngine({ device: "cpu", threads: 1, ...options }),
  },
  tensorflow: {
    name: "tensorflow",
    device: "cpu",
    missing: tensorflow === undefined ? "TensorFlow is not installed: fslc engines install tensorflow" : undefined,
    make: (options) => new TensorflowEngine({ device: "cpu", threads: 1, addon: tensorflow?.addon ?? "", ...options }),
  },
};
/** Returns its name, with the reason if its tests are skipped. */
export function titleOf({ name, device, precision, missing }: Candidate): string {
  const title = `${name}${device === "cpu" ? "" : ` on ${device}`}${precision === undefined ? "" : ` with ${precision}`}`;
  return missing === undefined ? title : `${title} (skipped: ${missing})`;
}

export function typed(dtype: DType, data: ArrayLike<number>): TypedData {
  if (dtype === "f32") return Float32Array.from(data);
  if (dtype === "i32") return Int32Array.from(data);
  if (dtype === "u32") return Uint32Array.from(data);
  return Uint8Array.from(data);
}
const hostTensor = ({ shape, dtype, data }: InputTensor): HostTensor => ({ shape, dtype, data: typed(dtype, data) });

/** Runs the program on both. Floats must agree to `tolerance` of the largest element (and 1), everything else exactly. */
export async function agrees(
  engine: Engine,
  program: Program,
  inputs: Readonly<Record<string, InputTensor>>,
  tolerance: number,
): Promise<void> {
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, hostTensor(tensor)]));
  const executable = await engine.compile(program);
  const { host } = await executable.run(feeds);
  await executable.dispose();
  const wanted = interpret(program, feeds);
  for (const { name, node } of program.outputs)
    expectClose(host[name]?.data ?? [], wanted[name]?.data ?? [], node.dtype === "f32" ? tolerance : 0);
}
