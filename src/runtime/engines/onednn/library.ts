/**
 * oneDNN's C functions, called through koffi. Importing this module loads nothing; `loadLibrary` loads the library into this
 * process, so only workers and probes call it. Pointers are `bigint`.
 */
import { createRequire } from "node:module";
import { EngineError } from "../engine.js";
import { engineKindCpu, inOrder, outOfMemory, query, status, unimplemented } from "./constants.js";
import type { OnednnLocation } from "./locate.js";

export type Pointer = bigint;
type Native = (...args: readonly unknown[]) => unknown;

interface Koffi {
  load(path: string): { func(prototype: string): Native };
  address(value: ArrayBufferView): bigint;
  decode(pointer: Pointer, type: string, length: number): ArrayLike<number | bigint>;
}

/** The functions that make something and give its pointer in their first argument. */
const makers = {
  engine: "dnnl_engine_create(_Out_ void **, int, size_t)",
  stream: "dnnl_stream_create(_Out_ void **, void *, uint)",
  taggedDescription: "dnnl_memory_desc_create_with_tag(_Out_ void **, int, int64_t *, int, int)",
  stridedDescription: "dnnl_memory_desc_create_with_strides(_Out_ void **, int, int64_t *, int, int64_t *)",
  clonedDescription: "dnnl_memory_desc_clone(_Out_ void **, void *)",
  memory: "dnnl_memory_create(_Out_ void **, void *, void *, void *)",
  primitive: "dnnl_primitive_create(_Out_ void **, void *)",
  reorder: "dnnl_reorder_primitive_desc_create(_Out_ void **, void *, void *, void *, void *, void *)",
  matmul: "dnnl_matmul_primitive_desc_create(_Out_ void **, void *, void *, void *, void *, void *, void *)",
  norm: "dnnl_batch_normalization_forward_primitive_desc_create(_Out_ void **, void *, int, void *, void *, float, uint, void *)",
  normBackward:
    "dnnl_batch_normalization_backward_primitive_desc_create(_Out_ void **, void *, int, void *, void *, void *, float, uint, void *, void *)",
  pool: "dnnl_pooling_forward_primitive_desc_create(_Out_ void **, void *, int, int, void *, void *, int64_t *, int64_t *, int64_t *, int64_t *, int64_t *, void *)",
  poolBackward:
    "dnnl_pooling_backward_primitive_desc_create(_Out_ void **, void *, int, void *, void *, int64_t *, int64_t *, int64_t *, int64_t *, int64_t *, void *, void *)",
  binary: "dnnl_binary_primitive_desc_create(_Out_ void **, void *, int, void *, void *, void *, void *)",
  elementwise:
    "dnnl_eltwise_forward_primitive_desc_create(_Out_ void **, void *, int, int, void *, void *, float, float, void *)",
  elementwiseBackward:
    "dnnl_eltwise_backward_primitive_desc_create(_Out_ void **, void *, int, void *, void *, void *, float, float, void *, void *)",
  attributes: "dnnl_primitive_attr_create(_Out_ void **)",
  postOps: "dnnl_post_ops_create(_Out_ void **)",
  partDescription: "dnnl_memory_desc_create_submemory(_Out_ void **, void *, int64_t *, int64_t *)",
  convolution:
    "dnnl_convolution_forward_primitive_desc_create(_Out_ void **, void *, int, int, void *, void *, void *, void *, int64_t *, int64_t *, int64_t *, int64_t *, void *)",
  convolutionBackwardData:
    "dnnl_convolution_backward_data_primitive_desc_create(_Out_ void **, void *, int, void *, void *, void *, int64_t *, int64_t *, int64_t *, int64_t *, void *, void *)",
  convolutionBackwardWeights:
    "dnnl_convolution_backward_weights_primitive_desc_create(_Out_ void **, void *, int, void *, void *, void *, void *, int64_t *, int64_t *, int64_t *, int64_t *, void *, void *)",
} as const;
type Maker = keyof typeof makers;

/** The functions that are called for each run, or give back what was made. */
const actions = {
  execute: "dnnl_primitive_execute(void *, void *, int, void *)",
  appendElementwise: "dnnl_post_ops_append_eltwise(void *, int, float, float)",
  setPostOps: "dnnl_primitive_attr_set_post_ops(void *, void *)",
  destroyAttributes: "dnnl_primitive_attr_destroy(void *)",
  destroyPostOps: "dnnl_post_ops_destroy(void *)",
  setMemory: "dnnl_memory_set_data_handle(void *, void *)",
  queryDescription: "dnnl_memory_desc_query(void *, int, void *)",
  queryPrimitive: "dnnl_primitive_desc_query(void *, int, int, void *)",
  nextImplementation: "dnnl_primitive_desc_next_impl(void *)",
  destroyPrimitive: "dnnl_primitive_destroy(void *)",
  destroyPrimitiveDescription: "dnnl_primitive_desc_destroy(void *)",
  destroyDescription: "dnnl_memory_desc_destroy(void *)",
  destroyMemory: "dnnl_memory_destroy(void *)",
  destroyStream: "dnnl_stream_destroy(void *)",
  destroyEngine: "dnnl_engine_destroy(void *)",
} as const;
type Action = keyof typeof actions;

export class Library {
  readonly version: string;
  readonly engine: Pointer;
  readonly stream: Pointer;
  private readonly makers: Readonly<Record<Maker, Native>>;
  private readonly actions: Readonly<Record<Action, Native>>;
  private readonly descriptionSize: Native;
  private readonly descriptionsEqual: Native;
  private readonly primitiveDescription: Native;

  /** @throws Error if the library cannot be loaded. */
  constructor(
    private readonly koffi: Koffi,
    path: string,
  ) {
    const library = koffi.load(path);
    const functions = <K extends string>(declarations: Readonly<Record<K, string>>): Readonly<Record<K, Native>> =>
      Object.fromEntries(
        Object.entries<string>(declarations).map(([name, prototype]) => [name, library.func(`int ${prototype}`)]),
      ) as Record<K, Native>;
    this.makers = functions(makers);
    this.actions = functions(actions);
    this.descriptionSize = library.func("size_t dnnl_memory_desc_get_size(void *)");
    this.descriptionsEqual = library.func("int dnnl_memory_desc_equal(void *, void *)");
    this.primitiveDescription = library.func("void *dnnl_primitive_desc_query_md(void *, int, int)");
    const version = library.func("void *dnnl_version()")() as Pointer;
    this.version = Array.from(koffi.decode(version, "int", 3), Number).join(".");
    this.engine = this.make("engine", engineKindCpu, 0);
    this.stream = this.make("stream", this.engine, inOrder);
  }

  /** Makes something and returns its pointer. @throws EngineError if the library refuses. */
  make(what: Maker, ...args: readonly unknown[]): Pointer {
    const made = this.tryMake(what, ...args);
    if (made === undefined) throw new EngineError("unsupported-op", `oneDNN has no ${what} for these tensors`);
    return made;
  }

  /** Makes something and returns its pointer, or undefined if the library has no implementation of it. */
  tryMake(what: Maker, ...args: readonly unknown[]): Pointer | undefined {
    const out: [Pointer | null] = [null];
    const code = this.makers[what](out, ...args) as number;
    if (code === unimplemented) return undefined;
    check(code, what);
    return out[0] as Pointer;
  }

  /** @throws EngineError if the call fails. */
  call(what: Action, ...args: readonly unknown[]): void {
    check(this.actions[what](...args) as number, what);
  }

  /** Returns the address of an array. The array must be longer than 64 bytes, because V8 may move shorter ones. */
  address(array: ArrayBufferView): Pointer {
    return this.koffi.address(array);
  }

  /** Returns the bytes of a tensor with this description. */
  sizeOf(description: Pointer): number {
    return Number(this.descriptionSize(description));
  }

  sameDescription(a: Pointer, b: Pointer): boolean {
    return a === b || this.descriptionsEqual(a, b) !== 0;
  }

  /** Returns a description that belongs to the description of a primitive: the layout that it chose for an operand or a result. */
  chosen(primitive: Pointer, what: number): Pointer {
    const found = this.primitiveDescription(primitive, what, 0) as Pointer | null;
    if (found === null) throw new EngineError("internal", `oneDNN gave no description ${what}`);
    return this.make("clonedDescription", found);
  }

  /** Tells whether the name of the implementation that a primitive has begins so: `ref`, `jit:avx512_core`. */
  isImplementedBy(primitive: Pointer, beginning: string): boolean {
    const out = new BigUint64Array(16);
    this.call("queryPrimitive", primitive, query.implementation, 0, out);
    const name = out[0] ?? 0n;
    // The name ends with a zero, and nothing behind it may be read.
    return Array.from(beginning).every(
      (letter, i) => Number(Array.from(this.koffi.decode(name + BigInt(i), "int8_t", 1))[0]) === letter.charCodeAt(0),
    );
  }

  /** Changes the description of a primitive to the next implementation whose name does not begin so. Returns false if there is none. */
  skipImplementation(primitive: Pointer, beginning: string): boolean {
    while (this.isImplementedBy(primitive, beginning))
      if ((this.actions.nextImplementation(primitive) as number) !== 0) return false;
    return true;
  }

  /** Returns a number of a memory's description. */
  queryNumber(description: Pointer, what: number): number {
    const out = new Int32Array(32);
    this.call("queryDescription", description, what, out);
    return out[0] ?? 0;
  }

  /** Returns a list of `length` numbers of a memory's description. */
  queryList(description: Pointer, what: number, length: number): number[] {
    if (length === 0) return [];
    const out = new BigUint64Array(16);
    this.call("queryDescription", description, what, out);
    return Array.from(this.koffi.decode(out[0] ?? 0n, "int64_t", length), Number);
  }

  /** Returns the sizes of a description's axes. */
  dimsOf(description: Pointer): number[] {
    return this.queryList(description, query.dims, this.queryNumber(description, query.rank));
  }

  dispose(): void {
    this.call("destroyStream", this.stream);
    this.call("destroyEngine", this.engine);
  }
}

function check(code: number, what: string): void {
  if (code === 0) return;
  const reason = status[code as keyof typeof status] ?? `status ${code}`;
  throw new EngineError(code === outOfMemory ? "out-of-memory" : "internal", `oneDNN: ${what}: ${reason}`);
}

/** Loads oneDNN. @throws Error if koffi or the library cannot be loaded. */
export function loadLibrary({ library, koffi }: OnednnLocation): Library {
  return new Library(createRequire(import.meta.url)(koffi) as Koffi, library);
}
