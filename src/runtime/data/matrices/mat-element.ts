/** One matrix of a MAT file, after it was unpacked: numbers, text, cells of matrices, or records with fields. */
import { MatrixError } from "./matrix.js";

/** Numbers with their sizes, the first axis fastest, as MATLAB stores them. */
export interface MatNumbers {
  readonly kind: "numbers";
  readonly sizes: readonly number[];
  readonly count: number;
  at(place: number): number;
}
export type MatContent =
  | MatNumbers
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "cells"; readonly cells: readonly MatContent[] }
  | { readonly kind: "records"; readonly records: readonly ReadonlyMap<string, MatContent>[] };

/** The kind and the place of an element in a buffer, and where the next one begins. */
interface Tag {
  readonly type: number;
  readonly size: number;
  /** The place of the first byte of the element, counted from its tag. */
  readonly start: number;
  readonly next: number;
}

/** Returns the tag of an element. One of up to four bytes may stand within its tag. @throws MatrixError if the buffer is too short. */
export function readTag(bytes: Buffer, at = 0): Tag {
  if (at + 8 > bytes.length) throw new MatrixError("it is cut off");
  const first = bytes.readUInt32LE(at);
  const small = first >>> 16;
  if (small > 0) return { type: first & 0xffff, size: small, start: at + 4, next: at + 8 };
  const size = bytes.readUInt32LE(at + 4);
  return { type: first, size, start: at + 8, next: at + 8 + Math.ceil(size / 8) * 8 };
}

/** The size in bytes of numbers of each type of elements, and how one is read. */
const numberTypes: ReadonlyMap<number, readonly [number, (bytes: Buffer, at: number) => number]> = new Map([
  [1, [1, (bytes: Buffer, at: number) => bytes.readInt8(at)]],
  [2, [1, (bytes: Buffer, at: number) => bytes.readUInt8(at)]],
  [3, [2, (bytes: Buffer, at: number) => bytes.readInt16LE(at)]],
  [4, [2, (bytes: Buffer, at: number) => bytes.readUInt16LE(at)]],
  [5, [4, (bytes: Buffer, at: number) => bytes.readInt32LE(at)]],
  [6, [4, (bytes: Buffer, at: number) => bytes.readUInt32LE(at)]],
  [7, [4, (bytes: Buffer, at: number) => bytes.readFloatLE(at)]],
  [9, [8, (bytes: Buffer, at: number) => bytes.readDoubleLE(at)]],
  [12, [8, (bytes: Buffer, at: number) => Number(bytes.readBigInt64LE(at))]],
  [13, [8, (bytes: Buffer, at: number) => Number(bytes.readBigUInt64LE(at))]],
]);
const matrixType = 14;
const utf16Types = [4, 17];

/** The classes of matrices that are not read. */
const refused: ReadonlyMap<number, string> = new Map([
  [3, "an object"],
  [5, "a sparse matrix"],
]);
const [cellClass, structClass, textClass] = [1, 2, 4];
const complexFlag = 0x0800;

export class MatrixElement {
  readonly name: string;
  readonly sizes: readonly number[];
  private readonly flags: number;
  /** The place of the content, behind the name. */
  private readonly rest: number;
  private readonly end: number;

  /** Reads the flags, the sizes and the name. @throws MatrixError if the bytes are no matrix. */
  constructor(
    private readonly bytes: Buffer,
    at = 0,
  ) {
    const whole = readTag(bytes, at);
    if (whole.type !== matrixType) throw new MatrixError(`it has an element of the type ${whole.type}`);
    this.end = whole.start + whole.size;
    const flags = readTag(bytes, whole.start);
    this.flags = bytes.readUInt32LE(flags.start);
    const sizes = readTag(bytes, flags.next);
    if (sizes.start + sizes.size > bytes.length) throw new MatrixError("it is cut off");
    this.sizes = Array.from({ length: sizes.size / 4 }, (_, i) => bytes.readInt32LE(sizes.start + 4 * i));
    const name = readTag(bytes, sizes.next);
    this.name = bytes.toString("latin1", name.start, name.start + name.size);
    this.rest = name.next;
  }

  /** @throws MatrixError if it is of a kind that is not read, or damaged. */
  content(): MatContent {
    const kind = this.flags & 0xff;
    const what = (this.flags & complexFlag) > 0 ? "complex numbers" : refused.get(kind);
    if (what !== undefined) throw new MatrixError(`\`${this.name}\` is ${what}, which is not read`);
    if (this.end > this.bytes.length) throw new MatrixError("it is cut off");
    if (kind === cellClass) return { kind: "cells", cells: contents(this.bytes, this.rest, this.count) };
    if (kind === structClass) return { kind: "records", records: this.records() };
    const tag = readTag(this.bytes, this.rest);
    return kind === textClass ? { kind: "text", text: this.text(tag) } : this.numbers(tag);
  }

  private get count(): number {
    return this.sizes.reduce((product, size) => product * size, 1);
  }

  /** The names of the fields have one length, and end with a zero byte. The contents follow record by record. */
  private records(): ReadonlyMap<string, MatContent>[] {
    const length = readTag(this.bytes, this.rest);
    const each = this.bytes.readInt32LE(length.start);
    const names = readTag(this.bytes, length.next);
    if (each < 1 || names.next > this.bytes.length) throw new MatrixError("it is cut off");
    const fields = Array.from({ length: names.size / each }, (_, i) => {
      const start = names.start + i * each;
      const text = this.bytes.toString("latin1", start, start + each);
      return text.slice(0, text.indexOf("\0"));
    });
    const values = contents(this.bytes, names.next, this.count * fields.length);
    return Array.from(
      { length: this.count },
      (_, r) => new Map(fields.map((field, f) => [field, values[r * fields.length + f] ?? nothing])),
    );
  }

  private text({ type, size, start }: Tag): string {
    if (start + size > this.bytes.length) throw new MatrixError("it is cut off");
    return this.bytes.toString(utf16Types.includes(type) ? "utf16le" : "utf8", start, start + size);
  }

  /** Numbers of one class may be stored in a smaller type that holds all of them. */
  private numbers({ type, size, start }: Tag): MatNumbers {
    const { bytes, count } = this;
    const [width, read] = numberTypes.get(type) ?? [];
    if (width === undefined || read === undefined)
      throw new MatrixError(`\`${this.name}\` has values of an unknown type`);
    if (size < count * width || start + size > bytes.length) throw new MatrixError("it is cut off");
    return { kind: "numbers", sizes: this.sizes, count, at: (place) => read(bytes, start + place * width) };
  }
}

const nothing: MatNumbers = { kind: "numbers", sizes: [0, 0], count: 0, at: () => Number.NaN };

/** Returns the contents of matrices that stand one behind another. One without any bytes is empty. */
function contents(bytes: Buffer, start: number, count: number): MatContent[] {
  const found: MatContent[] = [];
  for (let at = start; found.length < count; ) {
    const { size, next } = readTag(bytes, at);
    found.push(size === 0 ? nothing : new MatrixElement(bytes, at).content());
    at = next;
  }
  return found;
}
