/**
 * Reads pickles of plain values and numpy arrays (protocols 2 to 4), as in CIFAR-100's python version and the files of miniImageNet. It only
 * knows the operations that build such values. It compares names of Python with a short list of numpy's and never looks them up, so
 * nothing is run.
 */

/** The bytes of a pickle, which may be a file of many gigabytes. */
export interface PickleBytes {
  readonly length: number;
  /** Returns `length` bytes from a place. They are all there. */
  part(at: number, length: number): Buffer;
}

export function bytesInMemory(bytes: Buffer): PickleBytes {
  return { length: bytes.length, part: (at, length) => bytes.subarray(at, at + length) };
}

/** The place of a long string of bytes in the pickle. */
export interface ByteRange {
  readonly kind: "bytes";
  readonly at: number;
  readonly length: number;
}
/** A numpy array of uint8. */
export interface ByteArray {
  readonly kind: "array";
  readonly shape: readonly number[];
  readonly data: ByteRange;
}
interface Name {
  readonly kind: "name";
  readonly name: string;
}
/** An object of a numpy constructor. The state that follows in the pickle fills it. */
interface NumpyObject {
  readonly kind: "made";
  readonly of: "array" | "dtype" | "scalar";
  readonly type: PickleValue;
  state: PickleValue;
}
export type PickleValue =
  | string
  | number
  | boolean
  | undefined
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | ByteRange
  | Name
  | NumpyObject;

/**
 * Returns the value of a pickle. Short strings become text. Long strings stay in the pickle and become their place in it.
 *
 * @throws Error with the byte at which the pickle cannot be read.
 */
export function readPickle(bytes: PickleBytes): PickleValue {
  // Any other file could begin with an operation that reads text, which the message about it would show.
  if (bytes.length > 0 && bytes.part(0, 1)[0] !== protocolCode)
    throw new Error("it is no pickle of protocol 2, 3 or 4");
  return new Unpickler(bytes).run();
}

/** Returns the value as a numpy array of uint8 in C order, or undefined if it is anything else. */
export function byteArray(value: PickleValue): ByteArray | undefined {
  if (!isNumpyObject(value) || value.of !== "array" || !Array.isArray(value.state)) return undefined;
  const [, shape, type, fortran, data] = value.state;
  const isPlain = fortran === false || fortran === 0;
  if (!Array.isArray(shape) || !isNumpyObject(type) || type.type !== "u1" || !isPlain || !isRange(data)) {
    return undefined;
  }
  const sizes = shape.filter((size) => typeof size === "number");
  if (sizes.length !== shape.length || sizes.reduce((a, b) => a * b, 1) !== data.length) return undefined;
  return { kind: "array", shape: sizes, data };
}

/** The kinds of whole numbers in numpy arrays. */
const integers: Readonly<Record<string, readonly [number, (bytes: Buffer, at: number) => number]>> = {
  u1: [1, (bytes, at) => bytes.readUInt8(at)],
  i4: [4, (bytes, at) => bytes.readInt32LE(at)],
  i8: [8, (bytes, at) => Number(bytes.readBigInt64LE(at))],
};

/** Returns the whole numbers of a list or of a numpy array with one axis, or undefined if the value is neither. */
export function wholeNumbers(value: PickleValue, bytes: PickleBytes): number[] | undefined {
  if (Array.isArray(value)) {
    const numbers = value.flatMap((item) => {
      if (typeof item === "number") return [item];
      return isNumpyObject(item) && item.of === "scalar" ? (integersOf(item.type, item.state, bytes) ?? []) : [];
    });
    return numbers.length === value.length ? numbers : undefined;
  }
  if (!isNumpyObject(value) || value.of !== "array" || !Array.isArray(value.state)) return undefined;
  const [, , type, , data] = value.state;
  return integersOf(type, data, bytes);
}

/** Returns the numbers of a kind in a string of bytes. Python 2 writes a short one as text. */
function integersOf(type: PickleValue, data: PickleValue, bytes: PickleBytes): number[] | undefined {
  const name = isNumpyObject(type) && type.of === "dtype" ? type.type : undefined;
  const kind = typeof name === "string" && Object.hasOwn(integers, name) ? integers[name] : undefined;
  const content =
    typeof data === "string"
      ? Buffer.from(data, "latin1")
      : isRange(data)
        ? bytes.part(data.at, data.length)
        : undefined;
  if (kind === undefined || content === undefined) return undefined;
  const [size, read] = kind;
  return Array.from({ length: Math.floor(content.length / size) }, (_, i) => read(content, i * size));
}

/** Returns the place of a string of bytes: of a bare one, or of a numpy array of uint8. */
export function byteRange(value: PickleValue): ByteRange | undefined {
  return isRange(value) ? value : byteArray(value)?.data;
}

function isNumpyObject(value: PickleValue): value is NumpyObject {
  return typeof value === "object" && "kind" in value && value.kind === "made";
}
function isRange(value: PickleValue): value is ByteRange {
  return typeof value === "object" && "kind" in value && value.kind === "bytes";
}
function isName(value: PickleValue, name: string): boolean {
  return typeof value === "object" && "kind" in value && value.kind === "name" && value.name === name;
}

/** The most bytes of a text. These files have names of classes and images. */
const longestText = 65_536;
/** The operation with which a pickle of protocol 2 begins. */
const protocolCode = 0x80;
const [reconstruct, scalar] = ["_reconstruct", "scalar"];
/** The names of Python that these files use. Newer versions of numpy call a module in another way. */
const names: ReadonlyMap<string, string> = new Map([
  ...["numpy.core.multiarray", "numpy._core.multiarray"].flatMap((module) =>
    [reconstruct, scalar].map((name) => [`${module} ${name}`, name] as const),
  ),
  ["numpy ndarray", "ndarray"],
  ["numpy dtype", "dtype"],
]);

class Unpickler {
  private at = 0;
  private readonly stack: PickleValue[] = [];
  /** The heights of the stack at which argument lists begin. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(private readonly bytes: PickleBytes) {}

  run(): PickleValue {
    for (;;) {
      const start = this.at;
      const code = this.byte();
      if (code === 0x2e) return this.pop(); // STOP
      const operation = operations[code];
      if (operation === undefined) {
        throw new Error(`byte ${start} is an operation (0x${code.toString(16)}) that data has no use for`);
      }
      operation(this);
    }
  }

  take(length: number): number {
    const start = this.at;
    if (length < 0 || start + length > this.bytes.length) throw new Error(`it is cut off at byte ${this.bytes.length}`);
    this.at += length;
    return start;
  }
  byte(): number {
    return this.next(1).readUInt8();
  }
  uint16(): number {
    return this.next(2).readUInt16LE();
  }
  int32(): number {
    return this.next(4).readInt32LE();
  }
  uint64(): number {
    return Number(this.next(8).readBigUInt64LE());
  }
  /** Reads a whole number of a few bytes, the lowest first. */
  long(length: number): number {
    if (length > 6) throw this.malformed();
    return length === 0 ? 0 : this.next(length).readIntLE(0, length);
  }
  line(): string {
    let text = "";
    for (let byte = this.byte(); byte !== 0x0a; byte = this.byte()) text += String.fromCharCode(byte);
    return text;
  }
  text(length: number, encoding: "latin1" | "utf8" = "latin1"): string {
    if (length > longestText) throw this.malformed();
    return this.next(length).toString(encoding);
  }
  range(length: number): void {
    this.push({ kind: "bytes", at: this.take(length), length });
  }
  private next(length: number): Buffer {
    return this.bytes.part(this.take(length), length);
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }
  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.malformed();
    return this.stack.pop();
  }
  top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.malformed();
    return this.stack.at(-1);
  }
  mark(): void {
    this.marks.push(this.stack.length);
  }
  /** Removes and returns the values since the last mark. */
  marked(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.malformed();
    return this.stack.splice(mark);
  }
  put(index: number): void {
    this.memo.set(index, this.top());
  }
  memoize(): void {
    this.put(this.memo.size);
  }
  get(index: number): void {
    if (!this.memo.has(index)) throw this.malformed();
    this.push(this.memo.get(index));
  }
  tuple(length: number): void {
    const items: PickleValue[] = [];
    for (let i = 0; i < length; i++) items.unshift(this.pop());
    this.push(items);
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.malformed();
    for (const item of items) list.push(item);
  }
  set(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2 !== 0) throw this.malformed();
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }
  name(written: string): void {
    const name = names.get(written);
    if (name === undefined) throw new Error(`byte ${this.at} names \`${written}\`, which data has no use for`);
    this.push({ kind: "name", name });
  }
  reduce(): void {
    const args = this.pop();
    const made = this.pop();
    if (!Array.isArray(args)) throw this.malformed();
    if (isName(made, reconstruct) && isName(args[0], "ndarray")) {
      this.push({ kind: "made", of: "array", type: undefined, state: undefined });
    } else if (isName(made, "dtype")) {
      this.push({ kind: "made", of: "dtype", type: args[0], state: undefined });
    } else if (isName(made, scalar)) {
      this.push({ kind: "made", of: "scalar", type: args[0], state: args[1] });
    } else throw this.malformed();
  }
  build(): void {
    const state = this.pop();
    const made = this.top();
    if (!isNumpyObject(made)) throw this.malformed();
    made.state = state;
  }

  private malformed(): Error {
    return new Error(`what stands before byte ${this.at} makes no sense there`);
  }
}

/** The operations of the protocols 2 to 4 that these files use, by their code. */
const operations: Readonly<Record<number, (machine: Unpickler) => void>> = {
  [protocolCode]: (m) => {
    const protocol = m.byte();
    if (protocol < 2 || protocol > 4) throw new Error(`it is of protocol ${protocol}, and 2, 3 and 4 are read`);
  },
  [code("N")]: (m) => m.push(undefined),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  [code("K")]: (m) => m.push(m.byte()),
  [code("M")]: (m) => m.push(m.uint16()),
  [code("J")]: (m) => m.push(m.int32()),
  [code("U")]: (m) => m.push(m.text(m.byte())),
  [code("T")]: (m) => m.range(m.int32()),
  [code("B")]: (m) => m.range(m.int32()),
  [code("C")]: (m) => m.range(m.byte()),
  [0x8e]: (m) => m.range(m.uint64()),
  [code("X")]: (m) => m.push(m.text(m.int32(), "utf8")),
  [0x8c]: (m) => m.push(m.text(m.byte(), "utf8")),
  [0x8a]: (m) => m.push(m.long(m.byte())),
  [code("]")]: (m) => m.push([]),
  [code("}")]: (m) => m.push(new Map()),
  [code(")")]: (m) => m.push([]),
  [code("(")]: (m) => m.mark(),
  [code("t")]: (m) => m.push(m.marked()),
  133: (m) => m.tuple(1),
  134: (m) => m.tuple(2),
  135: (m) => m.tuple(3),
  [code("a")]: (m) => m.append([m.pop()]),
  [code("e")]: (m) => m.append(m.marked()),
  [code("s")]: (m) => {
    const value = m.pop();
    m.set([m.pop(), value]);
  },
  [code("u")]: (m) => m.set(m.marked()),
  [code("q")]: (m) => m.put(m.byte()),
  [code("r")]: (m) => m.put(m.int32()),
  [code("h")]: (m) => m.get(m.byte()),
  [code("j")]: (m) => m.get(m.int32()),
  [0x94]: (m) => m.memoize(),
  // A frame only says how many bytes follow.
  [0x95]: (m) => void m.uint64(),
  [code("c")]: (m) => m.name(`${m.line()} ${m.line()}`),
  [0x93]: (m) => {
    const name = m.pop();
    m.name(`${String(m.pop())} ${String(name)}`);
  },
  [code("R")]: (m) => m.reduce(),
  [code("b")]: (m) => m.build(),
};

function code(character: string): number {
  return character.charCodeAt(0);
}
