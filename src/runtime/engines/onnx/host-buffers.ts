/** Tensors in host memory. Runs read them in place and write into them. */
import type { DType, Program, ProgramOutput, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import type { StatePair } from "../arguments.js";
import type { Handle, HostTensor, TypedData } from "../engine.js";
import { allocate } from "../tensors.js";
import {
  Buffer,
  type Buffers,
  type Placement,
  type ResultBuffers,
  type RunOutputs,
  resultOf,
  tensorType,
} from "./buffers.js";
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

/** The number of freed buffers of one type and shape that are kept for new tensors. A loop frees one and takes one in each iteration. */
const keptBuffers = 4;
const bufferKey = ({ dtype, shape }: Handle): string => `${dtype}[${shape.join()}]`;

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
    const kept = this.freed.get(bufferKey(buffer)) ?? [];
    this.freed.set(bufferKey(buffer), kept);
    if (kept.length < keptBuffers) kept.push(buffer.memory);
  }

  argument({ shape, dtype, memory }: HostBuffer): ort.Tensor {
    return toOrtTensor({ shape, dtype, data: memory });
  }

  feed(given: HostTensor): ort.Tensor {
    return toOrtTensor(given);
  }

  results(program: Program, states: readonly StatePair[]): ResultBuffers<HostBuffer> {
    const hosts = program.outputs.filter((output) => output.role === "host");
    const devices = program.outputs.filter((output) => output.role === "device");
    // The buffers that held the states before the last run. The next run writes its new states there.
    const spare = new Map<string, TypedData>();
    return {
      prepareRun: () => {
        const places = new Map<ProgramOutput, TypedData>();
        for (const { input, output } of states) {
          const { dtype, shape } = input.node;
          places.set(output, spare.get(input.name) ?? allocate(dtype, elementCount(shape)));
        }
        for (const output of devices) places.set(output, this.take(output.node));
        return runOutputs(this.owner, places, hosts);
      },
      reclaim: ({ input }, before) => {
        spare.set(input.name, before.memory);
      },
    };
  }

  async dispose(): Promise<void> {
    this.freed.clear();
  }

  /** Returns a buffer for a device output: a freed one or a new one. */
  private take(handle: Handle): TypedData {
    return this.freed.get(bufferKey(handle))?.pop() ?? allocate(handle.dtype, elementCount(handle.shape));
  }
}

function runOutputs(
  owner: object,
  places: ReadonlyMap<ProgramOutput, TypedData>,
  hosts: readonly ProgramOutput[],
): RunOutputs<HostBuffer> {
  const fetches: Record<string, ort.Tensor | null> = {};
  for (const [{ name, node }, data] of places)
    fetches[outputName(name)] = toOrtTensor({ shape: node.shape, dtype: node.dtype, data });
  for (const { name } of hosts) fetches[outputName(name)] = null;
  return {
    fetches,
    // ONNX Runtime returns a copy, but the run has also written into the buffer that it was given.
    keep: (output) => {
      const { shape, dtype } = output.node;
      return new HostBuffer(owner, shape, dtype, places.get(output) ?? allocate(dtype, elementCount(shape)));
    },
    host: ({ name, node }, results) => {
      const data = resultOf(results, outputName(name)).data as TypedData;
      return { shape: node.shape, dtype: node.dtype, data };
    },
  };
}

export function toOrtTensor({ shape, dtype, data }: HostTensor): ort.Tensor {
  return new ort.Tensor(tensorType[dtype], data as never, shape);
}
