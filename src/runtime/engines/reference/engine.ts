/** The `reference` engine: the compiler's interpreter in f64, behind the engine contract. The oracle, for tiny runs. */
import { type Interpreted, prepare } from "../../../compiler/tensor/interpret.js";
import type { DType, Program, ProgramInput, Shape } from "../../../compiler/tensor/ir.js";
import { liveHandle, readArguments, type StatePair, statePairs } from "../arguments.js";
import {
  type Availability,
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

const version = "1";

export function probeReference(): Availability {
  return { available: true, version: version, devices: ["cpu"] };
}

interface InterpretedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: ArrayLike<number>;
}

/** A value as the interpreter left it: f32 stays in f64 until it is downloaded. */
class ReferenceHandle implements Handle {
  alive = true;
  constructor(
    readonly owner: ReferenceEngine,
    readonly tensor: InterpretedTensor,
  ) {}
  get shape(): Shape {
    return this.tensor.shape;
  }
  get dtype(): DType {
    return this.tensor.dtype;
  }
}

export class ReferenceEngine implements Engine {
  readonly name = "reference";
  readonly numerics: Numerics;

  constructor(options: EngineOptions) {
    if (options.device !== "cpu")
      throw new EngineError("unsupported-op", `the reference engine has no device "${options.device}"; use cpu`);
    this.numerics = { engine: this.name, version: version, device: "cpu", threads: 1 };
  }

  async compile(program: Program, constants: HostTensors = {}): Promise<Executable> {
    return new ReferenceExecutable(this, program, constants);
  }

  upload(tensor: HostTensor): Handle {
    return new ReferenceHandle(this, { ...tensor, data: tensor.data.slice() });
  }

  async download(handle: Handle): Promise<HostTensor> {
    return toHostTensor(this.live(handle, "download").tensor);
  }

  free(handle: Handle): void {
    this.live(handle, "free").alive = false;
  }

  async dispose(): Promise<void> {}

  live(handle: Handle, use: string): ReferenceHandle {
    return liveHandle(handle, ReferenceHandle, this, use);
  }
}

class ReferenceExecutable implements Executable {
  private readonly interpreted: Interpreted;
  private readonly arguments: readonly ProgramInput[];
  private readonly states: readonly StatePair[];

  constructor(
    private readonly engine: ReferenceEngine,
    private readonly program: Program,
    private readonly constants: HostTensors,
  ) {
    this.interpreted = prepare(program);
    this.arguments = program.inputs.filter(({ name }) => !(name in constants));
    this.states = statePairs(program, this.arguments);
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const live = (handle: Handle, where: string): ReferenceHandle => this.engine.live(handle, where);
    const { inputs, states } = readArguments(this.program.name, this.arguments, args, live);
    const given: Record<string, InterpretedTensor> = { ...this.constants };
    for (const [{ name }, arg] of inputs) given[name] = arg instanceof ReferenceHandle ? arg.tensor : arg;
    const results = this.interpreted(given);
    for (const kept of states.values()) kept.alive = false;
    const result = (name: string): InterpretedTensor => {
      const tensor = results[name];
      if (tensor === undefined) throw new EngineError("internal", `${this.program.name} returned no output "${name}"`);
      return tensor;
    };
    const device: Record<string, Handle> = {};
    for (const { input, output } of this.states)
      device[input.name] = new ReferenceHandle(this.engine, result(output.name));
    const host: Record<string, HostTensor> = {};
    for (const { name, role } of this.program.outputs) {
      if (role === "host") host[name] = toHostTensor(result(name));
      if (role === "device") device[name] = new ReferenceHandle(this.engine, result(name));
    }
    return { device, host };
  }

  async dispose(): Promise<void> {}
}

function toHostTensor({ shape, dtype, data }: InterpretedTensor): HostTensor {
  return { shape, dtype, data: toTypedArray(dtype, data) };
}

function toTypedArray(dtype: DType, data: ArrayLike<number>): TypedData {
  switch (dtype) {
    case "f32":
      return Float32Array.from(data);
    case "i32":
      return Int32Array.from(data);
    case "u32":
      return Uint32Array.from(data);
    case "u8":
    case "bool":
      return Uint8Array.from(data);
  }
}
