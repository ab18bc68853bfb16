/**
 * Encodes and decodes safetensors files: an 8-byte little-endian header length, a JSON header, and the bytes of all
 * tensors without gaps. Tensors are written in a fixed order, so equal tensors give equal files.
 */
import type { DType } from "../../compiler/tensor/ir.js";
import type { HostTensor, HostTensors, TypedData } from "../engines/engine.js";
import { isSizes, SafetensorsError, splitSafetensors } from "../system/safetensors-header.js";

const codeOf: Readonly<Record<DType, string>> = { f32: "F32", i32: "I32", u32: "U32", u8: "U8", bool: "BOOL" };
const dtypeOf = new Map(Object.entries(codeOf).map(([dtype, code]) => [code, dtype as DType]));
const bytesOf: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4, u8: 1, bool: 1 };
/**
 * Encodes tensors into the bytes of one file, `metadata` as its `__metadata__`. Offsets of f32, i32 and u32 data are
 * multiples of four.
 */
export function encodeSafetensors(tensors: HostTensors, metadata?: Readonly<Record<string, string>>): Uint8Array {
  // Tensors of four-byte elements first: all of them stay aligned whatever the lengths of the others.
  const names = Object.keys(tensors).sort((a, b) => {
    const wide = bytesOf[at(tensors, b).dtype] - bytesOf[at(tensors, a).dtype];
    return wide !== 0 ? wide : a < b ? -1 : 1;
  });
  const header: [string, unknown][] = metadata === undefined ? [] : [["__metadata__", metadata]];
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, data } = at(tensors, name);
    const end = offset + data.byteLength;
    header.push([name, { dtype: codeOf[dtype], shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let place = 8 + headerLength;
  for (const name of names) {
    const { data } = at(tensors, name);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), place);
    place += data.byteLength;
  }
  return bytes;
}

/** Decodes a whole file. Every length, offset and type is checked. @throws SafetensorsError if one is wrong. */
export function decodeSafetensors(bytes: Uint8Array): HostTensors {
  const { header, body } = splitSafetensors(bytes);
  const spans: { begin: number; end: number }[] = [];
  const tensors: [string, HostTensor][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, begin, end } = parseEntry(name, entry);
    const size = shape.reduce((product, length) => product * length, 1);
    if (end > body.length || end - begin !== size * bytesOf[dtype]) {
      throw new SafetensorsError(`the tensor \`${name}\` does not lie where its shape says`);
    }
    spans.push({ begin, end });
    tensors.push([name, { shape, dtype, data: view32(body.slice(begin, end), dtype) }]);
  }
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let place = 0;
  for (const { begin, end } of spans) {
    if (begin !== place) throw new SafetensorsError("its tensors overlap or leave gaps");
    place = end;
  }
  if (place !== body.length) throw new SafetensorsError("it has bytes that belong to no tensor");
  return Object.fromEntries(tensors);
}

function parseEntry(name: string, entry: unknown): { dtype: DType; shape: number[]; begin: number; end: number } {
  const { dtype: code, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const dtype = typeof code === "string" ? dtypeOf.get(code) : undefined;
  if (dtype === undefined) throw new SafetensorsError(`the tensor \`${name}\` has an unknown type`);
  if (!isSizes(shape)) throw new SafetensorsError(`the tensor \`${name}\` has no shape`);
  const [begin, end] = isSizes(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || begin > end) {
    throw new SafetensorsError(`the tensor \`${name}\` has no place`);
  }
  return { dtype, shape, begin, end };
}

/** Returns a typed view of the bytes. `copy` is freshly allocated and therefore aligned. */
function view32(copy: Uint8Array, dtype: DType): TypedData {
  const { buffer, byteOffset, byteLength } = copy;
  if (dtype === "f32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "i32") return new Int32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "u32") return new Uint32Array(buffer, byteOffset, byteLength / 4);
  return copy;
}

function at(tensors: HostTensors, name: string): HostTensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new RangeError(`no tensor ${name}`);
  return tensor;
}
