/** Matrices of numbers in files of other programs. A row is one vector, in 32-bit numbers whatever the file has. */
import { closeSync, openSync, readSync } from "node:fs";
import { mostBytes, requireRegularFile } from "../../system/read-file.js";

export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
}
export interface Matrix extends MatrixShape {
  /** The numbers, row by row. */
  readonly data: Float32Array;
}

/** Thrown for a file that is no matrix. The message is a clause about the file: "it is cut off". */
export class MatrixError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MatrixError";
  }
}

/** A kind of number in a file: its size in bytes, and how one is read. */
export interface NumberKind {
  readonly bytes: number;
  read(view: DataView, offset: number): number;
}

export const numberKinds = {
  f16: { bytes: 2, read: (view, offset) => halfToNumber(view.getUint16(offset, true)) },
  f32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  f64: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
} as const satisfies Readonly<Record<string, NumberKind>>;

/** Returns the number that 16 bits stand for: a sign, five bits of exponent and ten of mantissa (IEEE 754). */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The numbers of a matrix in a file: where they begin, of which kind they are, and whether they stand column by column. */
export interface MatrixBody extends MatrixShape {
  readonly offset: number;
  readonly kind: NumberKind;
  readonly byColumn: boolean;
}

/** Returns the numbers of a matrix. @throws MatrixError if the file ends before they do. */
export function takeNumbers(bytes: Uint8Array, { rows, columns, offset, kind, byColumn }: MatrixBody): Matrix {
  if (offset + rows * columns * kind.bytes > bytes.length) throw new MatrixError("it is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const place = byColumn ? c * rows + r : r * columns + c;
      data[r * columns + c] = kind.read(view, offset + place * kind.bytes);
    }
  return { rows, columns, data };
}

/** Returns the first bytes of a file, or all of a shorter one. @throws RefusedFileError if it is no regular file or too large. */
export function readStart(path: string, count: number): Buffer {
  requireRegularFile(path, mostBytes.weights);
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(count);
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0));
  } finally {
    closeSync(file);
  }
}
