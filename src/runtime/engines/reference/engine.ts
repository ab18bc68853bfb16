/** The `reference` engine: the compiler's interpreter in f64, behind the engine contract. The oracle, for tiny runs. */
import { type Interpreted, prepare } from "../../../compiler/tensor/interpret.js";
import type { DType, Program, Shape } from "../../../compiler/tensor/ir.js";
import { argumentOf, liveHandle } from "../arguments.js";
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

const VERSION = "1";

export function probeReference(): Availability {
  return { available: true, version: VERSION, devices: ["cpu"] };
}

interface Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: ArrayLike<number>;
}

/** A value as the interpreter left it: f32 stays in f64 until it is downloaded. */
class Kept implements Handle {
  alive = true;
  constructor(
    readonly owner: ReferenceEngine,
    readonly tensor: Tensor,
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
      throw new EngineError("unsupported-op", `the reference engine has no device "${options.device}": use cpu`);
    this.numerics = { engine: this.name, version: VERSION, device: "cpu", threads: 1 };
  }

  async compile(program: Program, constants: HostTensors = {}): Promise<Executable> {
    return new ReferenceExecutable(this, program, constants);
  }

  upload(tensor: HostTensor): Handle {
    return new Kept(this, { ...tensor, data: tensor.data.slice() });
  }

  async download(handle: Handle): Promise<HostTensor> {
    return hostTensor(this.live(handle, "download").tensor);
  }

  free(handle: Handle): void {
    this.live(handle, "free").alive = false;
  }

  async dispose(): Promise<void> {}

  live(handle: Handle, use: string): Kept {
    return liveHandle(handle, Kept, this, use);
  }
}

class ReferenceExecutable implements Executable {
  readonly #interpreted: Interpreted;

  constructor(
    private readonly engine: ReferenceEngine,
    private readonly program: Program,
    private readonly constants: HostTensors,
  ) {
    this.#interpreted = prepare(program);
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const given: Record<string, Tensor> = { ...this.constants };
    const consumed: Kept[] = [];
    for (const input of this.program.inputs) {
      const { name, role } = input;
      if (name in this.constants) continue;
      const where = `run of ${this.program.name}, input "${name}"`;
      const arg = argumentOf(input, args, where);
      if ("data" in arg) {
        if (role === "state") throw new EngineError("internal", `${where}: a state is given by its handle`);
        given[name] = arg;
      } else {
        const kept = this.engine.live(arg, where);
        given[name] = kept.tensor;
        if (role === "state") consumed.push(kept);
      }
    }
    const results = this.#interpreted(given);
    for (const kept of consumed) kept.alive = false;
    const result = (name: string): Tensor => {
      const tensor = results[name];
      if (tensor === undefined) throw new EngineError("internal", `${this.program.name} gave no "${name}"`);
      return tensor;
    };
    const device: Record<string, Handle> = {};
    for (const { name, role, next } of this.program.inputs)
      if (role === "state" && !(name in this.constants)) device[name] = new Kept(this.engine, result(next ?? name));
    const host: Record<string, HostTensor> = {};
    for (const { name, role } of this.program.outputs) {
      if (role === "host") host[name] = hostTensor(result(name));
      if (role === "device") device[name] = new Kept(this.engine, result(name));
    }
    return { device, host };
  }

  async dispose(): Promise<void> {}
}

function hostTensor({ shape, dtype, data }: Tensor): HostTensor {
  return { shape, dtype, data: rounded(dtype, data) };
}

function rounded(dtype: DType, data: ArrayLike<number>): TypedData {
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
