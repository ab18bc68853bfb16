/**
 * The `onnx` engine. A program is one session of ONNX Runtime. On `cpu`, tensors are in host buffers that runs write into. On
 * `gpu`, which is ONNX Runtime's WebGPU provider, they are in buffers of the GPU.
 */
import type { Program } from "../../../compiler/tensor/ir.js";
import { liveHandle } from "../arguments.js";
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type KernelListener,
  type Numerics,
} from "../engine.js";
import { blockSize } from "./block-size.js";
import type { Buffer, Buffers } from "./buffers.js";
import { DeviceBuffers, type Transfers } from "./device-buffers.js";
import { engineError } from "./errors.js";
import { OnnxExecutable } from "./executable.js";
import { HostBuffers } from "./host-buffers.js";
import { Measurement } from "./measurement.js";
import { lowerProgram } from "./model.js";
import { encodeModel } from "./proto.js";
import * as ort from "./runtime.js";

export class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly numerics: Numerics;
  private readonly buffers: Buffers;

  /** @throws EngineError if the engine has no such device. */
  constructor(readonly options: EngineOptions) {
    this.buffers = buffersOf(this, options.device);
    this.numerics = {
      engine: this.name,
      version: ort.env.versions.node ?? ort.env.versions.common,
      device: this.buffers.device,
      ...(options.adapter === undefined ? {} : { adapter: options.adapter }),
      threads: options.threads,
    };
  }

  /** Returns what was copied between host and GPU; undefined on `cpu`. */
  get transfers(): Transfers | undefined {
    return this.buffers instanceof DeviceBuffers ? this.buffers.transfers : undefined;
  }

  /** Returns the number of tensors that the GPU holds for live handles; undefined on `cpu`. */
  get held(): number | undefined {
    return this.buffers instanceof DeviceBuffers ? this.buffers.held : undefined;
  }

  async compile(program: Program, constants: HostTensors = {}, onKernel?: KernelListener): Promise<Executable> {
    const { device } = this.buffers;
    // If the weights are constants, ONNX Runtime blocks the channels of the whole graph itself. If they are inputs, it does not.
    const folded = program.inputs.some((input) => input.role === "weight" && input.name in constants);
    const block = folded || device !== "cpu" ? 0 : await blockSize();
    const graph = lowerProgram(program, constants, { block, device });
    const measurement = onKernel && new Measurement(graph.nodes, onKernel);
    const { options, settings } = this.buffers.session(program);
    try {
      const session = await ort.InferenceSession.create(encodeModel(graph), {
        ...options,
        intraOpNumThreads: this.options.threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: folded ? "all" : "extended",
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: "0" }, ...settings } },
        ...measurement?.options,
      });
      return new OnnxExecutable(this, this.buffers, session, program, constants, measurement);
    } catch (cause) {
      measurement?.dispose();
      throw engineError(cause, `building ${program.name}`);
    }
  }

  upload(tensor: HostTensor): Handle {
    return this.buffers.upload(tensor);
  }

  async download(handle: Handle): Promise<HostTensor> {
    return this.buffers.download(this.live(handle, "download"));
  }

  free(handle: Handle): void {
    const buffer = this.live(handle, "free");
    buffer.alive = false;
    this.buffers.release(buffer);
  }

  async dispose(): Promise<void> {
    await this.buffers.dispose();
  }

  private live(handle: Handle, use: string): Buffer {
    return liveHandle(handle, this.buffers.kind, this, use);
  }
}

function buffersOf(owner: object, device: string): Buffers {
  if (device === "cpu") return new HostBuffers(owner);
  if (device === "gpu" || device === "gpu:0") return new DeviceBuffers(owner);
  const why = device.startsWith("gpu:")
    ? "ONNX Runtime's WebGPU provider can use only the first GPU that the system's driver manager lists; use gpu"
    : "use cpu or gpu";
  throw new EngineError("unsupported-op", `the onnx engine has no device "${device}"; ${why}`);
}
