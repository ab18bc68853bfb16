/** The `tensorflow` engine. A program is a list of TensorFlow's eager ops, and tensors stay in TensorFlow's memory. */
import type { DType, Program, ProgramInput, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { liveHandle, type RunArguments, readArguments, type StatePair, statePairs } from "../arguments.js";
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
  type RunResult,
} from "../engine.js";
import { type Addon, loadAddon, type TensorId } from "./binding.js";
import { engineError, isSingular } from "./errors.js";
import { kernelsOf } from "./kernels.js";
import { type Lowered, lowerProgram, type Step } from "./program.js";
import { receive, send } from "./transfer.js";

/** A tensor of TensorFlow. `alive` becomes false when it is freed or a run consumes it. */
class TensorflowHandle implements Handle {
  alive = true;
  constructor(
    readonly owner: TensorflowEngine,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly id: TensorId,
  ) {}
}

export interface TensorflowOptions extends EngineOptions {
  /** The path of the native addon. */
  readonly addon: string;
}

export class TensorflowEngine implements Engine {
  readonly name = "tensorflow";
  readonly numerics: Numerics;
  readonly addon: Addon;
  private readonly tensors = new Set<TensorflowHandle>();

  /** @throws EngineError if the addon does not load, or TensorFlow does not have the requested device. */
  constructor(readonly options: TensorflowOptions) {
    const { device, adapter, threads } = options;
    const gpu = /^gpu(:\d+)?$/.test(device);
    if (!gpu && device !== "cpu")
      throw new EngineError("unsupported-op", `the tensorflow engine has no device "${device}"; use cpu, gpu or gpu:N`);
    try {
      this.addon = loadAddon(options.addon);
    } catch (cause) {
      throw engineError(cause, "loading it");
    }
    const has = this.addon.isUsingGpuDevice();
    if (gpu && !has)
      throw new EngineError("unsupported-op", `tensorflow finds no GPU on this machine, but ${device} was requested`);
    if (!gpu && has)
      throw new EngineError(
        "internal",
        "tensorflow would use the GPU that is visible to this process, but cpu was requested",
      );
    this.numerics = {
      engine: this.name,
      version: this.addon.TF_Version,
      device: gpu ? "gpu" : "cpu",
      ...(adapter === undefined ? {} : { adapter }),
      threads,
    };
  }

  async compile(program: Program, constants: HostTensors = {}, onKernel?: KernelListener): Promise<Executable> {
    try {
      const lowered = lowerProgram(program, constants, kernelsOf(this.addon));
      return new TensorflowExecutable(this, program, lowered, onKernel);
    } catch (cause) {
      throw engineError(cause, `building ${program.name}`);
    }
  }

  upload({ shape, dtype, data }: HostTensor): Handle {
    try {
      return this.makeHandle(shape, dtype, send(this.addon, dtype, shape, data));
    } catch (cause) {
      throw engineError(cause, "uploading");
    }
  }

  async download(handle: Handle): Promise<HostTensor> {
    const { shape, dtype, id } = this.live(handle, "download");
    try {
      return { shape, dtype, data: receive(this.addon, dtype, elementCount(shape), id) };
    } catch (cause) {
      throw engineError(cause, "downloading");
    }
  }

  free(handle: Handle): void {
    this.deleteHandle(this.live(handle, "free"));
  }

  async dispose(): Promise<void> {
    for (const tensor of [...this.tensors]) this.deleteHandle(tensor);
  }

  /** Returns the handle with the class of this engine. @throws EngineError if it belongs to another engine, or was freed or consumed. */
  live(handle: Handle, use: string): TensorflowHandle {
    return liveHandle(handle, TensorflowHandle, this, use);
  }

  makeHandle(shape: Shape, dtype: DType, id: TensorId): TensorflowHandle {
    const tensor = new TensorflowHandle(this, shape, dtype, id);
    this.tensors.add(tensor);
    return tensor;
  }

  deleteHandle(tensor: TensorflowHandle): void {
    tensor.alive = false;
    this.tensors.delete(tensor);
    this.addon.deleteTensor(tensor.id);
  }
}

/** A run is refused above this number of tensors, because the addon counts them in 32 bits and does not check for overflow. */
const tensorLimit = 2 ** 31 - 2 ** 24;
/** Stands for a slot without a tensor. */
const noTensor = -1;

class TensorflowExecutable implements Executable {
  private readonly arguments: readonly ProgramInput[];
  private readonly states: readonly StatePair[];
  /** The tensors in the slots before a run: the constants. */
  private readonly constantIds: Int32Array;
  private disposed = false;
  /** The last tensor that a run made. The addon numbers tensors in order. */
  private lastTensor: TensorId = 0;
  /** The number of runs that have begun. */
  private runs = 0;

  constructor(
    private readonly engine: TensorflowEngine,
    private readonly program: Program,
    private readonly lowered: Lowered,
    private readonly onKernel: KernelListener | undefined,
  ) {
    this.arguments = program.inputs.filter((input) => lowered.inputs.has(input.name));
    this.states = statePairs(program, this.arguments);
    this.constantIds = new Int32Array(lowered.slots).fill(noTensor);
    try {
      for (const { slot, dtype, shape, data } of lowered.constants)
        this.constantIds[slot] = send(engine.addon, dtype, shape, data);
    } catch (cause) {
      this.deleteConstants();
      throw cause;
    }
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    if (this.disposed) throw new EngineError("internal", `run of ${this.program.name}: disposed`);
    if (this.lastTensor > tensorLimit)
      throw new EngineError("internal", "tensorflow has made 2³¹ tensors, and a process cannot make more");
    const given = readArguments(this.program.name, this.arguments, args, (handle, where) =>
      this.engine.live(handle, where),
    );
    const ids = this.constantIds.slice();
    try {
      this.execute(ids, given);
      return this.results(ids, given);
    } catch (cause) {
      this.deleteAfterFailure(ids, given);
      throw engineError(cause, `running ${this.program.name}`);
    }
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.deleteConstants();
  }

  /** Deletes the constants that were made. */
  private deleteConstants(): void {
    for (const id of this.constantIds) if (id !== noTensor) this.engine.addon.deleteTensor(id);
  }

  /** Executes the steps, from arguments to outputs, and deletes the tensors that were sent for this run only. */
  private execute(ids: Int32Array, { inputs }: RunArguments<TensorflowHandle>): void {
    const { addon } = this.engine;
    const started = performance.now();
    const run = this.runs++;
    const sent: number[] = [];
    for (const [{ name }, arg] of inputs) {
      const slot = this.lowered.inputs.get(name) as number;
      if (!(arg instanceof TensorflowHandle)) sent.push(slot);
      ids[slot] = arg instanceof TensorflowHandle ? arg.id : send(addon, arg.dtype, arg.shape, arg.data);
    }
    for (const step of this.lowered.steps) {
      const { inputs: read, outputs, frees } = step;
      const operands = new Array<number>(read.length);
      for (let i = 0; i < read.length; i++) operands[i] = ids[read[i] as number] as number;
      const start = performance.now();
      const results = this.call(step, operands, ids);
      if (this.onKernel !== undefined) {
        const duration = performance.now() - start;
        this.onKernel({ kernel: step.op, node: step.node, run, start: start - started, duration });
      }
      for (let i = 0; i < outputs.length; i++) {
        this.lastTensor = (results[i] as { id: TensorId }).id;
        ids[outputs[i] as number] = this.lastTensor;
      }
      for (let i = 0; i < frees.length; i++) this.deleteSlot(ids, frees[i] as number);
    }
    for (const slot of sent) this.deleteSlot(ids, slot);
  }

  private call({ op, attributes, outputs, singular }: Step, operands: readonly TensorId[], ids: Int32Array) {
    const { addon } = this.engine;
    if (singular === undefined) return addon.executeOp(op, attributes, operands, outputs.length);
    try {
      return addon.executeOp(op, attributes, operands, outputs.length);
    } catch (cause) {
      if (!isSingular(cause)) throw cause;
      return addon.executeOp(
        "Fill",
        [],
        singular.map((slot) => ids[slot] as TensorId),
        1,
      );
    }
  }

  private deleteSlot(ids: Int32Array, slot: number): void {
    this.engine.addon.deleteTensor(ids[slot] as TensorId);
    ids[slot] = noTensor;
  }

  /** Reads and deletes host outputs, makes handles of the others, and deletes the states that were given. */
  private results(ids: Int32Array, { states }: RunArguments<TensorflowHandle>): RunResult {
    const host: Record<string, HostTensor> = {};
    const slotOf = (name: string): number => this.lowered.outputs.get(name) as number;
    for (const { name, node, role } of this.program.outputs) {
      if (role !== "host") continue;
      const { shape, dtype } = node;
      const data = receive(this.engine.addon, dtype, elementCount(shape), ids[slotOf(name)] as TensorId);
      host[name] = { shape, dtype, data };
    }
    const device: Record<string, Handle> = {};
    for (const { name, node, role } of this.program.outputs) {
      if (role === "host") this.deleteSlot(ids, slotOf(name));
      if (role === "device")
        device[name] = this.engine.makeHandle(node.shape, node.dtype, ids[slotOf(name)] as TensorId);
    }
    for (const { input, output } of this.states) {
      const { shape, dtype } = input.node;
      device[input.name] = this.engine.makeHandle(shape, dtype, ids[slotOf(output.name)] as TensorId);
    }
    for (const state of states.values()) this.engine.deleteHandle(state);
    return { device, host };
  }

  /** Deletes the tensors that a failed run made. */
  private deleteAfterFailure(ids: Int32Array, { inputs }: RunArguments<TensorflowHandle>): void {
    const lasting = new Set<TensorId>(this.constantIds);
    for (const [, arg] of inputs) if (arg instanceof TensorflowHandle) lasting.add(arg.id);
    for (const id of ids) if (!lasting.has(id)) this.engine.addon.deleteTensor(id);
  }
}
