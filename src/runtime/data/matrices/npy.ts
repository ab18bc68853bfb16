/** Reads arrays that `numpy.save` wrote: a magic number, a header in the notation of Python, and the numbers. */
import { type MatrixBody, MatrixError, type NumberKind, numberKinds } from "./matrix.js";

const kinds: Readonly<Record<string, NumberKind>> = {
  "<f2": numberKinds.f16,
  "<f4": numberKinds.f32,
  "<f8": numberKinds.f64,
};

/** The bytes that hold the header of any matrix. NumPy pads headers to a multiple of 64 and writes about 128 bytes. */
export const npyStart = 4096;

/** Returns where the numbers of a file stand, from its first bytes. @throws MatrixError if it is no matrix of real numbers. */
export function npyBody(bytes: Uint8Array): MatrixBody {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.subarray(0, 6).toString("latin1") !== "\x93NUMPY" || text.length < 12)
    throw new MatrixError("it is no file of `numpy.save`");
  const isLong = (text[6] ?? 0) > 1;
  const start = isLong ? 12 : 10;
  const offset = start + (isLong ? text.readUInt32LE(8) : text.readUInt16LE(8));
  if (offset > text.length) throw new MatrixError("its header is cut off");
  const header = text.subarray(start, offset).toString("latin1");
  const dtype = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "";
  const kind = kinds[dtype];
  if (kind === undefined)
    throw new MatrixError(`it has values of the type \`${dtype}\`: save it as \`array.astype("float32")\``);
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "";
  const sizes = shape.split(",").flatMap((size) => (/^\s*\d+\s*$/.test(size) ? [Number(size)] : []));
  const [rows, columns, ...more] = sizes;
  if (rows === undefined || columns === undefined || more.length > 0)
    throw new MatrixError(`its shape is (${shape.trim()}), and a matrix [vector, number] is needed`);
  return { rows, columns, offset, kind, byColumn: /'fortran_order':\s*True/.test(header) };
}
