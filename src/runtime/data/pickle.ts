/**
 * Reads Python 2 pickles of plain values and numpy byte arrays, as in CIFAR-100's python version. It only knows the operations
 * that build such values. It compares names of Python with a short list of numpy's and never looks them up, so nothing is run.
 */

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
  readonly of: "array" | "dtype";
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
export function readPickle(bytes: Buffer): PickleValue {
  // Any other file could begin with an operation that reads text, which the message about it would show.
  if (bytes.length > 0 && bytes[0] !== protocolCode) throw new Error("it is no pickle of protocol 2");
  return new Unpickler(bytes).run();
}

/** Returns the value as a numpy array of uint8 in C order, or undefined if it is anything else. */
export function byteArray(value: PickleValue): ByteArray | undefined {
  if (!isNumpyObject(value) || value.of !== "array" || !Array.isArray(value.state)) return undefined;
  const [, shape, type, fortran, data] = value.state;
  if (!Array.isArray(shape) || !isNumpyObject(type) || type.type !== "u1" || fortran !== false || !isRange(data)) {
    return undefined;
  }
  const sizes = shape.filter((size) => typeof size === "number");
  if (sizes.length !== shape.length || sizes.reduce((a, b) => a * b, 1) !== data.length) return undefined;
  return { kind: "array", shape: sizes, data };
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

/** The operation with which a pickle of protocol 2 begins. */
const protocolCode = 0x80;
const reconstruct = "numpy.core.multiarray _reconstruct";
const names = new Set([reconstruct, "numpy ndarray", "numpy dtype"]);

class Unpickler {
  private at = 0;
  private readonly stack: PickleValue[] = [];
  /** The heights of the stack at which argument lists begin. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(private readonly bytes: Buffer) {}

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
    return this.bytes.readUInt8(this.take(1));
  }
  uint16(): number {
    return this.bytes.readUInt16LE(this.take(2));
  }
  int32(): number {
    return this.bytes.readInt32LE(this.take(4));
  }
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new Error(`it is cut off at byte ${this.bytes.length}`);
    const text = this.bytes.toString("latin1", this.at, end);
    this.at = end + 1;
    return text;
  }
  text(length: number): string {
    const start = this.take(length);
    return this.bytes.toString("latin1", start, this.at);
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
  name(): void {
    const name = `${this.line()} ${this.line()}`;
    if (!names.has(name)) throw new Error(`byte ${this.at} names \`${name}\`, which data has no use for`);
    this.push({ kind: "name", name });
  }
  reduce(): void {
    const args = this.pop();
    const made = this.pop();
    if (!Array.isArray(args)) throw this.malformed();
    if (isName(made, reconstruct) && isName(args[0], "numpy ndarray")) {
      this.push({ kind: "made", of: "array", type: undefined, state: undefined });
    } else if (isName(made, "numpy dtype")) {
      this.push({ kind: "made", of: "dtype", type: args[0], state: undefined });
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

/** The operations of protocol 2 that these files use, by their code. */
const operations: Readonly<Record<number, (machine: Unpickler) => void>> = {
  [protocolCode]: (m) => {
    const protocol = m.byte();
    if (protocol !== 2) throw new Error(`it is of protocol ${protocol}; the official files are of 2`);
  },
  [code("N")]: (m) => m.push(undefined),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  [code("K")]: (m) => m.push(m.byte()),
  [code("M")]: (m) => m.push(m.uint16()),
  [code("J")]: (m) => m.push(m.int32()),
  [code("U")]: (m) => m.push(m.text(m.byte())),
  [code("T")]: (m) => {
    const length = m.int32();
    m.push({ kind: "bytes", at: m.take(length), length });
  },
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
  [code("c")]: (m) => m.name(),
  [code("R")]: (m) => m.reduce(),
  [code("b")]: (m) => m.build(),
};

function code(character: string): number {
  return character.charCodeAt(0);
}
