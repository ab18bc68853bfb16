/** The memory of a compiled program: tensors in one arena, planned by their lifetimes, and those that are bound before a run. */
import type { DType } from "../../../compiler/tensor/ir.js";
import { EngineError, type TypedData } from "../engine.js";
import type { Library, Pointer } from "./library.js";

/** A tensor's memory. `arena` is shared by tensors that do not live at the same time. `kept` lasts as long as the program. */
export interface Slot {
  readonly id: number;
  readonly bytes: number;
  readonly dtype: DType;
  /** `bound` memory belongs to an argument or to a result. */
  place: "arena" | "kept" | "bound";
}

/** The alignment of tensors in bytes: a line of the processor's cache. */
const alignment = 64;
const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Memory with an address that oneDNN can use. */
export class Block {
  readonly address: Pointer;
  private readonly buffer: ArrayBuffer;
  private readonly offset: number;

  constructor(
    library: Library,
    readonly bytes: number,
  ) {
    this.buffer = allocated(aligned(bytes) + 2 * alignment);
    const start = library.address(new Uint8Array(this.buffer));
    this.offset = Number((BigInt(alignment) - (start % BigInt(alignment))) % BigInt(alignment));
    this.address = start + BigInt(this.offset);
  }

  view(dtype: DType, bytes: number = this.bytes, at = 0): TypedData {
    return viewOf(dtype, this.buffer, this.offset + at, bytes);
  }
}

/** @throws EngineError if the machine has too little memory. */
function allocated(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const size = `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    throw new EngineError("out-of-memory", `the onednn engine cannot allocate ${size} for a program`, { cause });
  }
}

function viewOf(dtype: DType, buffer: ArrayBuffer, offset: number, bytes: number): TypedData {
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, offset, bytes / 4);
    case "i32":
      return new Int32Array(buffer, offset, bytes / 4);
    case "u32":
      return new Uint32Array(buffer, offset, bytes / 4);
    case "u8":
    case "bool":
      return new Uint8Array(buffer, offset, bytes);
  }
}

/** A step's use of slots, for the plan. */
export interface Use {
  readonly reads: readonly Slot[];
  readonly writes: readonly Slot[];
}

/** Gives each slot of the arena an offset, such that slots that live at the same time do not overlap. Returns the size of the arena. */
export function planArena(
  uses: readonly Use[],
  last: readonly Slot[],
): { readonly offsets: ReadonlyMap<Slot, number>; readonly bytes: number } {
  const lives = new Map<Slot, { from: number; to: number }>();
  const touch = (slot: Slot, step: number): void => {
    if (slot.place !== "arena") return;
    const life = lives.get(slot);
    if (life === undefined) lives.set(slot, { from: step, to: step });
    else life.to = step;
  };
  uses.forEach(({ reads, writes }, step) => {
    for (const slot of [...reads, ...writes]) touch(slot, step);
  });
  for (const slot of last) touch(slot, uses.length);
  const offsets = new Map<Slot, number>();
  const placed: { readonly from: number; readonly to: number; readonly start: number; readonly end: number }[] = [];
  let total = 0;
  const largestFirst = [...lives].sort(([a], [b]) => b.bytes - a.bytes);
  for (const [slot, { from, to }] of largestFirst) {
    const size = aligned(slot.bytes);
    const others = placed.filter((other) => other.from <= to && from <= other.to).sort((a, b) => a.start - b.start);
    let start = 0;
    for (const other of others) {
      if (other.start - start >= size) break;
      start = Math.max(start, other.end);
    }
    offsets.set(slot, start);
    placed.push({ from, to, start, end: start + size });
    total = Math.max(total, start + size);
  }
  return { offsets, bytes: total };
}

/** Knows where the slots of a program are, and tells the steps when a bound slot moves. */
export class Memory {
  private readonly views = new Map<Slot, TypedData>();
  private readonly addresses = new Map<Slot, Pointer>();
  /** oneDNN's objects for memory, which end with this one. */
  readonly objects: Pointer[] = [];
  private readonly watchers = new Map<Slot, ((view: TypedData, address: Pointer) => void)[]>();

  constructor(library: Library, slots: readonly Slot[], offsets: ReadonlyMap<Slot, number>, arena: Block) {
    for (const slot of slots) {
      const offset = offsets.get(slot);
      if (slot.place === "kept") this.put(slot, new Block(library, slot.bytes), 0);
      else if (offset !== undefined) this.put(slot, arena, offset);
    }
  }

  view(slot: Slot): TypedData {
    const view = this.views.get(slot);
    if (view === undefined) throw new RangeError(`slot ${slot.id} has no memory`);
    return view;
  }

  /** Calls `use` with the memory of a slot now, if it has any, and whenever it is bound to other memory. */
  watch(slot: Slot, use: (view: TypedData, address: Pointer) => void): void {
    const [view, address] = [this.views.get(slot), this.addresses.get(slot)];
    if (view !== undefined && address !== undefined) use(view, address);
    if (slot.place === "bound") this.watchers.set(slot, [...(this.watchers.get(slot) ?? []), use]);
  }

  /** Gives a bound slot its memory for the next run. */
  bind(slot: Slot, block: Block): void {
    if (this.addresses.get(slot) === block.address) return;
    this.put(slot, block, 0);
    const [view, address] = [this.view(slot), block.address];
    for (const use of this.watchers.get(slot) ?? []) use(view, address);
  }

  dispose(library: Library): void {
    for (const object of this.objects) library.call("destroyMemory", object);
    this.objects.length = 0;
    this.views.clear();
  }

  private put(slot: Slot, block: Block, offset: number): void {
    this.views.set(slot, block.view(slot.dtype, slot.bytes, offset));
    this.addresses.set(slot, block.address + BigInt(offset));
  }
}
