/**
 * Tensors in the memory of a GPU, through the WebGPU provider. Results of role `state` and `device` stay there and are inputs
 * of the next run. Reading such a tensor directly aborts the process. Therefore tensors move to and from the GPU through
 * sessions that only copy.
 */
import type { DType, Program, Shape } from "../../../compiler/tensor/ir.js";
import type { HostTensor, TypedData } from "../engine.js";
import { Buffer, type Buffers, type Placement, type ResultBuffers, resultOf } from "./buffers.js";
import { engineError } from "./errors.js";
import { toOrtTensor } from "./host-buffers.js";
import { webgpuKernels } from "./kernels.js";
import { outputName } from "./model.js";
import { elementTypes, encodeModel } from "./proto.js";
import * as ort from "./runtime.js";

/** Counts of tensors and bytes that were copied between host and device. */
export interface Traffic {
  readonly tensors: number;
  readonly bytes: number;
}
export interface Transfers {
  readonly toDevice: Traffic;
  readonly fromDevice: Traffic;
}

class DeviceBuffer extends Buffer {
  constructor(
    owner: object,
    shape: Shape,
    dtype: DType,
    /** The place of the tensor. An uploaded tensor stays on the host until the first run that takes it. */
    public place: { readonly host: HostTensor } | { readonly device: ort.Tensor },
  ) {
    super(owner, shape, dtype);
  }
}

type Direction = "up" | "down";
const location = { up: "gpu-buffer", down: "cpu" } as const;
const copyInput = "from";
const copyOutput = "to";

export class DeviceBuffers implements Buffers<DeviceBuffer> {
  readonly device = "gpu";
  readonly kind = DeviceBuffer;
  private readonly copies = new Map<string, Promise<ort.InferenceSession>>();
  private readonly alive = new Set<DeviceBuffer>();
  private readonly traffic = { toDevice: { tensors: 0, bytes: 0 }, fromDevice: { tensors: 0, bytes: 0 } };

  constructor(private readonly owner: object) {}

  /** Returns what was copied between host and device so far. */
  get transfers(): Transfers {
    return structuredClone(this.traffic);
  }

  /** Returns the number of tensors that are held. */
  get held(): number {
    return this.alive.size;
  }

  session({ outputs }: Program): Placement {
    return placement(
      Object.fromEntries(outputs.map(({ name, role }) => [outputName(name), role === "host" ? "cpu" : "gpu-buffer"])),
    );
  }

  upload(given: HostTensor): DeviceBuffer {
    return this.keep(given.shape, given.dtype, { host: { ...given, data: given.data.slice() } });
  }

  async download({ shape, dtype, place }: DeviceBuffer): Promise<HostTensor> {
    if ("host" in place) return { shape, dtype, data: place.host.data.slice() };
    return this.countReceived({ shape, dtype, data: (await this.copy("down", dtype, place.device)).data as TypedData });
  }

  release(buffer: DeviceBuffer): void {
    this.alive.delete(buffer);
    if ("device" in buffer.place) buffer.place.device.dispose();
  }

  async argument(buffer: DeviceBuffer): Promise<ort.Tensor> {
    const { place, dtype } = buffer;
    if ("device" in place) return place.device;
    const device = await this.copy("up", dtype, this.feed(place.host));
    buffer.place = { device };
    return device;
  }

  feed(given: HostTensor): ort.Tensor {
    countTraffic(this.traffic.toDevice, given);
    return toOrtTensor(given);
  }

  results({ outputs }: Program): ResultBuffers<DeviceBuffer> {
    const fetches = Object.fromEntries(outputs.map(({ name }) => [outputName(name), null]));
    return {
      prepareRun: () => ({
        fetches,
        keep: ({ name, node }, results) =>
          this.keep(node.shape, node.dtype, { device: resultOf(results, outputName(name)) }),
        host: ({ name, node }, results) => {
          const { dtype, shape } = node;
          return this.countReceived({ shape, dtype, data: resultOf(results, outputName(name)).data as TypedData });
        },
      }),
      reclaim: (_, before) => this.release(before),
    };
  }

  async dispose(): Promise<void> {
    for (const buffer of [...this.alive]) {
      buffer.alive = false;
      this.release(buffer);
    }
    const sessions = await Promise.all(this.copies.values());
    this.copies.clear();
    for (const session of sessions) await session.release();
  }

  private keep(shape: Shape, dtype: DType, place: DeviceBuffer["place"]): DeviceBuffer {
    const buffer = new DeviceBuffer(this.owner, shape, dtype, place);
    this.alive.add(buffer);
    return buffer;
  }

  private async copy(direction: Direction, dtype: DType, from: ort.Tensor): Promise<ort.Tensor> {
    try {
      const session = await this.copier(direction, dtype);
      return resultOf((await session.run({ [copyInput]: from })) as Record<string, ort.Tensor>, copyOutput);
    } catch (cause) {
      throw engineError(cause, direction === "up" ? "copying to the device" : "copying from the device");
    }
  }

  /** Returns the copy session for this direction and type. It is made once; a session that could not be made is tried again. */
  private async copier(direction: Direction, dtype: DType): Promise<ort.InferenceSession> {
    const key = `${direction} ${dtype}`;
    const known = this.copies.get(key) ?? copySession(direction, dtype);
    this.copies.set(key, known);
    try {
      return await known;
    } catch (cause) {
      if (this.copies.get(key) === known) this.copies.delete(key);
      throw cause;
    }
  }

  private countReceived(host: HostTensor): HostTensor {
    countTraffic(this.traffic.fromDevice, host);
    return host;
  }
}

function countTraffic(traffic: { tensors: number; bytes: number }, { data }: HostTensor): void {
  traffic.tensors += 1;
  traffic.bytes += data.byteLength;
}

/** Returns the session options for WebGPU. With them, a node without a kernel on the GPU is an error and does not run on the CPU. */
function placement(preferredOutputLocation: Readonly<Record<string, "cpu" | "gpu-buffer">>): Placement {
  return {
    options: { executionProviders: [{ name: "webgpu" }], preferredOutputLocation },
    settings: { disable_cpu_ep_fallback: "1" },
  };
}

/** Makes a session that copies tensors of one type and any shape. */
async function copySession(direction: Direction, dtype: DType): Promise<ort.InferenceSession> {
  const op = webgpuKernels.copy(dtype);
  const attributes = op === "Cast" ? { to: elementTypes[dtype] } : {};
  const model = encodeModel({
    name: `copy ${direction}`,
    nodes: [{ op, domain: "", inputs: [copyInput], outputs: [copyOutput], attributes }],
    initializers: [],
    inputs: [{ name: copyInput, type: dtype }],
    outputs: [{ name: copyOutput, type: dtype }],
  });
  const { options, settings } = placement({ [copyOutput]: location[direction] });
  return ort.InferenceSession.create(model, { ...options, logSeverityLevel: 3, extra: { session: settings } });
}
