/** The `onnx` engine: a program is one ONNX Runtime session; tensors live in host buffers that runs write into. */
import * as ort from "onnxruntime-node";
import type { DType, Program, ProgramInput, ProgramOutput, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { allocate } from "../../tensors.js";
import { argumentOf, liveHandle } from "../arguments.js";
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type Numerics,
  type RunResult,
  type TypedData,
} from "../engine.js";
import { blockSize } from "./block-size.js";
import { engineError } from "./errors.js";
import { encodeProgram, outputName } from "./model.js";

const TENSOR_TYPE = { f32: "float32", i32: "int32", u32: "uint32", u8: "uint8", bool: "bool" } as const;

/** A buffer of this engine. Dead once freed or consumed by a run. */
class Buffer implements Handle {
  alive = true;
  constructor(
    readonly owner: OnnxEngine,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly data: TypedData,
  ) {}
}

export interface OnnxOptions extends EngineOptions {
  /** Write ONNX Runtime's profile beside this path prefix. */
  readonly profile?: string;
}

/** Freed buffers of one type and shape that wait for a new tensor: a loop frees one and takes one each round. */
const KEPT_BUFFERS = 4;
const kindOf = ({ dtype, shape }: Handle): string => `${dtype}[${shape.join()}]`;

export class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly numerics: Numerics;
  private readonly freed = new Map<string, TypedData[]>();

  constructor(readonly options: OnnxOptions) {
    if (options.device !== "cpu")
      throw new EngineError("unsupported-op", `the onnx engine has no device "${options.device}": use cpu`);
    this.numerics = {
      engine: this.name,
      version: ort.env.versions.node ?? ort.env.versions.common,
      device: "cpu",
      threads: options.threads,
    };
  }

  async compile(program: Program, constants: HostTensors = {}): Promise<Executable> {
    // With folded weights ONNX Runtime blocks the whole graph itself; with weights as inputs only we can.
    const folded = program.inputs.some((input) => input.role === "weight" && input.name in constants);
    const model = encodeProgram(program, constants, { block: folded ? 0 : await blockSize() });
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ["cpu"],
        intraOpNumThreads: this.options.threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: folded ? "all" : "extended",
        enableCpuMemArena: true,
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: "0" } } },
        ...(this.options.profile === undefined
          ? {}
          : { enableProfiling: true, profileFilePrefix: this.options.profile }),
      });
      return new OnnxExecutable(this, session, program, constants);
    } catch (cause) {
      throw engineError(cause, `building ${program.name}`);
    }
  }

  upload(tensor: HostTensor): Handle {
    return new Buffer(this, tensor.shape, tensor.dtype, tensor.data.slice());
  }

  async download(handle: Handle): Promise<HostTensor> {
    const { shape, dtype, data } = this.live(handle, "download");
    return { shape, dtype, data: data.slice() };
  }

  free(handle: Handle): void {
    const buffer = this.live(handle, "free");
    buffer.alive = false;
    const kept = this.freed.get(kindOf(buffer)) ?? [];
    this.freed.set(kindOf(buffer), kept);
    if (kept.length < KEPT_BUFFERS) kept.push(buffer.data);
  }

  /** A buffer for a device output: one that was freed, or a new one. */
  take(dtype: DType, shape: Shape): TypedData {
    return this.freed.get(kindOf({ dtype, shape }))?.pop() ?? allocate(dtype, elementCount(shape));
  }

  async dispose(): Promise<void> {
    this.freed.clear();
  }

  /** The handle as a buffer that may be used. */
  live(handle: Handle, use: string): Buffer {
    return liveHandle(handle, Buffer, this, use);
  }
}

interface StatePair {
  readonly input: ProgramInput;
  readonly output: ProgramOutput;
}

class OnnxExecutable implements Executable {
  private readonly arguments: readonly ProgramInput[];
  private readonly pairs: readonly StatePair[];
  private readonly hosts: readonly ProgramOutput[];
  private readonly devices: readonly ProgramOutput[];
  /** The buffers that the last run's states left: the next run writes its new states there. */
  private readonly spare = new Map<string, TypedData>();
  private disposed = false;

  constructor(
    private readonly engine: OnnxEngine,
    private readonly session: ort.InferenceSession,
    private readonly program: Program,
    constants: HostTensors,
  ) {
    this.arguments = program.inputs.filter((input) => !(input.name in constants));
    this.pairs = this.arguments.filter((input) => input.role === "state").map((input) => statePair(program, input));
    this.hosts = program.outputs.filter((output) => output.role === "host");
    this.devices = program.outputs.filter((output) => output.role === "device");
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    if (this.disposed) throw new EngineError("internal", `run of ${this.program.name}: disposed`);
    const feeds: Record<string, ort.Tensor> = {};
    const states = new Map<string, Buffer>();
    for (const input of this.arguments) {
      const data = this.argument(input, args, states);
      feeds[input.name] = tensor(input.node.dtype, data, input.node.shape);
    }
    const unknown = Object.keys(args).find((name) => !this.arguments.some((input) => input.name === name));
    if (unknown !== undefined) throw new EngineError("internal", `run of ${this.program.name}: no input "${unknown}"`);

    const fetches: Record<string, ort.Tensor | null> = {};
    const next = this.pairs.map(({ input, output }) => {
      const data = this.spare.get(input.name) ?? allocate(input.node.dtype, elementCount(input.node.shape));
      fetches[outputName(output.name)] = tensor(input.node.dtype, data, input.node.shape);
      return { input, data };
    });
    const made = this.devices.map(({ name, node }) => {
      const data = this.engine.take(node.dtype, node.shape);
      fetches[outputName(name)] = tensor(node.dtype, data, node.shape);
      return { name, node, data };
    });
    for (const { name } of this.hosts) fetches[outputName(name)] = null;

    let results: Readonly<Record<string, ort.Tensor>>;
    try {
      results = (await this.session.run(feeds, fetches)) as Readonly<Record<string, ort.Tensor>>;
    } catch (cause) {
      throw engineError(cause, `running ${this.program.name}`);
    }

    const device: Record<string, Handle> = {};
    for (const { input, data } of next) {
      const old = states.get(input.name);
      if (old !== undefined) {
        old.alive = false;
        this.spare.set(input.name, old.data);
      }
      device[input.name] = new Buffer(this.engine, input.node.shape, input.node.dtype, data);
    }
    for (const { name, node, data } of made) device[name] = new Buffer(this.engine, node.shape, node.dtype, data);
    const host: Record<string, HostTensor> = {};
    for (const { name, node } of this.hosts) {
      const result = results[outputName(name)];
      if (result === undefined) throw new EngineError("internal", `${this.program.name} gave no "${name}"`);
      host[name] = { shape: node.shape, dtype: node.dtype, data: result.data as TypedData };
    }
    return { device, host };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.spare.clear();
    await this.session.release();
  }

  private argument(
    input: ProgramInput,
    args: Readonly<Record<string, Handle | HostTensor>>,
    states: Map<string, Buffer>,
  ): TypedData {
    const { name } = input;
    const where = `run of ${this.program.name}, input "${name}"`;
    const arg = argumentOf(input, args, where);
    if ("data" in arg && !(arg instanceof Buffer)) {
      if (input.role === "state") throw new EngineError("internal", `${where}: a state is given by its handle`);
      return arg.data;
    }
    const buffer = this.engine.live(arg, where);
    if (input.role === "state") {
      for (const [other, taken] of states)
        if (taken === buffer) throw new EngineError("internal", `${where}: shares its handle with "${other}"`);
      states.set(name, buffer);
    }
    return buffer.data;
  }
}

function statePair(program: Program, input: ProgramInput): StatePair {
  const output = program.outputs.find((candidate) => candidate.name === input.next && candidate.role === "state");
  if (output === undefined)
    throw new EngineError("internal", `${program.name}: state "${input.name}" has no successor "${input.next}"`);
  return { input, output };
}

function tensor(dtype: DType, data: TypedData, shape: Shape): ort.Tensor {
  return new ort.Tensor(TENSOR_TYPE[dtype], data as never, shape);
}
