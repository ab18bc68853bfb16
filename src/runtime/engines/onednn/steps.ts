/** The steps of a compiled program: JavaScript kernels over arrays, and primitives of oneDNN. */
import type { Node } from "../../../compiler/tensor/ir.js";
import { argument as argumentNumbers } from "./constants.js";
import type { Library, Pointer } from "./library.js";
import type { Kernel, TypedArray } from "./loops/source.js";
import type { Memory, Slot, Use } from "./memory.js";

export interface Step extends Use {
  /** A name for tables and profiles. */
  readonly kernel: string;
  /** The node that the step computes, alone or with others. The builder sets it. */
  node?: Node;
  /** Prepares the step for its memory, and returns what runs it. */
  link(memory: Pick<Memory, "watch" | "objects">): () => void;
}

/** Makes a step of a JavaScript kernel. It gets the arrays of `reads`, then `scratch`, then those of `writes`. */
export function kernelStep(
  kernel: string,
  run: Kernel,
  { reads, writes, scratch = [] }: Use & { readonly scratch?: readonly TypedArray[] },
): Step {
  return {
    kernel,
    reads,
    writes,
    link(memory) {
      const arrays: TypedArray[] = [];
      const places: (Slot | TypedArray)[] = [...reads, ...scratch, ...writes];
      for (const [place, it] of places.entries()) {
        if (ArrayBuffer.isView(it)) arrays[place] = it;
        else
          memory.watch(it, (view) => {
            arrays[place] = view;
          });
      }
      return () => run(...arrays);
    },
  };
}

/** A slot as an argument of a primitive. */
export interface PrimitiveArgument {
  readonly argument: keyof typeof argumentNumbers;
  readonly slot: Slot;
  readonly description: Pointer;
  /** The first byte of the tensor within the slot. */
  readonly offset?: number;
}

/** Makes a step of a primitive. */
export function primitiveStep(
  library: Library,
  kernel: string,
  primitive: Pointer,
  { reads, writes }: { readonly reads: readonly PrimitiveArgument[]; readonly writes: readonly PrimitiveArgument[] },
): Step {
  const all = [...reads, ...writes];
  return {
    kernel,
    reads: reads.map(({ slot }) => slot),
    writes: writes.map(({ slot }) => slot),
    link(memory) {
      // An array of C structures: the number of an argument, and the pointer to its memory.
      const list = new BigInt64Array(all.length * 2);
      for (const [place, { argument, slot, description, offset = 0 }] of all.entries()) {
        const object = library.make("memory", description, library.engine, null);
        memory.objects.push(object);
        list[2 * place] = BigInt(argumentNumbers[argument]);
        list[2 * place + 1] = object;
        memory.watch(slot, (_, address) => library.call("setMemory", object, address + BigInt(offset)));
      }
      const { stream } = library;
      const count = all.length;
      return () => library.call("execute", primitive, stream, count, list);
    },
  };
}
