/** Tensors in the processor's memory, which runs read where they lie and write into. */
import type { DType, Program, ProgramOutput, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import type { StatePair } from "../arguments.js";
import type { Handle, HostTensor, TypedData } from "../engine.js";
import { allocate } from "../tensors.js";
import { Buffer, type Buffers, type Claim, type Placement, type Results, resultOf, tensorType } from "./buffers.js";
import { outputName } from "./model.js";
import * as ort from "./runtime.js";

class HostBuffer extends Buffer {
  constructor(
    owner: object,
    shape: Shape,
    dtype: DType,
    readonly memory: TypedData,
  ) {
    super(owner, shape, dtype);
  }
}

/** Freed buffers of one type and shape that wait for a new tensor: a loop frees one and takes one each round. */
const keptBuffers = 4;
const kindOf = ({ dtype, shape }: Handle): string => `${dtype}[${shape.join()}]`;

export class HostBuffers implements Buffers<HostBuffer> {
  readonly device = "cpu";
  readonly kind = HostBuffer;
  private readonly freed = new Map<string, TypedData[]>();

  constructor(private readonly owner: object) {}

  session(): Placement {
    return {
      options: { executionProviders: ["cpu"], enableCpuMemArena: true, enableMemPattern: false },
      settings: {},
    };
  }

  upload({ shape, dtype, data }: HostTensor): HostBuffer {
    return new HostBuffer(this.owner, shape, dtype, data.slice());
  }

  async download({ shape, dtype, memory }: HostBuffer): Promise<HostTensor> {
    return { shape, dtype, data: memory.slice() };
  }

  release(buffer: HostBuffer): void {
    const kept = this.freed.get(kindOf(buffer)) ?? [];
    this.freed.set(kindOf(buffer), kept);
    if (kept.length < keptBuffers) kept.push(buffer.memory);
  }

  argument({ shape, dtype, memory }: HostBuffer): ort.Tensor {
    return tensor({ shape, dtype, data: memory });
  }

  feed(given: HostTensor): ort.Tensor {
    return tensor(given);
  }

  results(program: Program, states: readonly StatePair[]): Results<HostBuffer> {
    const hosts = program.outputs.filter((output) => output.role === "host");
    const devices = program.outputs.filter((output) => output.role === "device");
    // The buffers that the last run's states left: the next run writes its new states there.
    const spare = new Map<string, TypedData>();
    return {
      claim: () => {
        const places = new Map<ProgramOutput, TypedData>();
        for (const { input, output } of states) {
          const { dtype, shape } = input.node;
          places.set(output, spare.get(input.name) ?? allocate(dtype, elementCount(shape)));
        }
        for (const output of devices) places.set(output, this.take(output.node));
        return claim(this.owner, places, hosts);
      },
      retire: ({ input }, before) => {
        spare.set(input.name, before.memory);
      },
    };
  }

  async dispose(): Promise<void> {
    this.freed.clear();
  }

  /** A buffer for a device output: one that was freed, or a new one. */
  private take(handle: Handle): TypedData {
    return this.freed.get(kindOf(handle))?.pop() ?? allocate(handle.dtype, elementCount(handle.shape));
  }
}

function claim(
  owner: object,
  places: ReadonlyMap<ProgramOutput, TypedData>,
  hosts: readonly ProgramOutput[],
): Claim<HostBuffer> {
  const fetches: Record<string, ort.Tensor | null> = {};
  for (const [{ name, node }, data] of places)
    fetches[outputName(name)] = tensor({ shape: node.shape, dtype: node.dtype, data });
  for (const { name } of hosts) fetches[outputName(name)] = null;
  return {
    fetches,
    // What comes back is a copy: the run has written into the buffer that it was given.
    kept: (output) => {
      const { shape, dtype } = output.node;
      return new HostBuffer(owner, shape, dtype, places.get(output) ?? allocate(dtype, elementCount(shape)));
    },
    host: ({ name, node }, results) => {
      const data = resultOf(results, outputName(name)).data as TypedData;
      return { shape: node.shape, dtype: node.dtype, data };
    },
  };
}

export function tensor({ shape, dtype, data }: HostTensor): ort.Tensor {
  return new ort.Tensor(tensorType[dtype], data as never, shape);
}
