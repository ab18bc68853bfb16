/** Reads weights from safetensors files that the user provides. All types of numbers are converted to f32. */
import { resolve } from "node:path";
import type { GivenWeights, Unusable } from "../../compiler/typed/given-files.js";
import type { HostTensor } from "../engines/engine.js";
import type { Project } from "../system/project.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { isSizes, SafetensorsError, splitSafetensors } from "../system/safetensors-header.js";
import { sha256 } from "../system/sha256.js";

/** The size in bytes of each numeric type, and a function that reads a number of it. */
const readers: ReadonlyMap<string, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }> =
  new Map([
    ["F64", { bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
    ["F32", { bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
    ["F16", { bytes: 2, read: (view, at) => float16(view.getUint16(at, true)) }],
    ["BF16", { bytes: 2, read: (view, at) => bfloat16(view.getUint16(at, true)) }],
  ]);

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Lists the tensors of a file from its header. Returns the problem if the file cannot be used. */
export function readGivenWeights(path: string, project: Project): GivenWeights | Unusable {
  try {
    const bytes = readRegularFile(resolve(project.dir, path), mostBytes.weights);
    if (isPickled(bytes)) {
      return {
        problem:
          "it is a checkpoint as PyTorch saves it; `safetensors.torch.save_file(state_dict, FILE)` writes one to read here",
        place: undefined,
      };
    }
    const { entries } = open(bytes);
    return {
      tensors: entries.map(({ name, type, shape }) => ({ name, shape, numeric: readers.has(type) })),
      digest: sha256(bytes),
    };
  } catch (error) {
    const problem = error instanceof SafetensorsError ? error.message : reason(error);
    return { problem, place: undefined };
  }
}

/**
 * Returns true for a zip archive, as `torch.save` writes, or a bare pickle, as older versions wrote. In safetensors the
 * bytes 4 to 8 belong to the length of the header and are 0; these formats have flags or opcodes there.
 */
function isPickled(bytes: Uint8Array): boolean {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const pickle = bytes[0] === 0x80 && (bytes[1] ?? 0) <= 5;
  return (zip || pickle) && bytes.subarray(4, 8).some((byte) => byte !== 0);
}

/** Opens a file: its tensors by name, as f32, and its digest. @throws SafetensorsError if it is damaged. */
export function openGivenWeights(bytes: Uint8Array): {
  readonly digest: string;
  readonly tensor: (name: string) => HostTensor | undefined;
} {
  const { entries, body } = open(bytes);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return {
    digest: sha256(bytes),
    tensor(name) {
      const entry = byName.get(name);
      const reader = entry && readers.get(entry.type);
      if (entry === undefined || reader === undefined) return undefined;
      const data = new Float32Array(elements(entry.shape));
      for (let i = 0; i < data.length; i++) data[i] = reader.read(view, entry.begin + i * reader.bytes);
      return { shape: entry.shape, dtype: "f32", data };
    },
  };
}

function open(bytes: Uint8Array): { readonly entries: readonly Entry[]; readonly body: Uint8Array } {
  const { header, body } = splitSafetensors(bytes);
  const entries = Object.entries(header).flatMap(([name, value]): Entry[] => {
    if (name === "__metadata__") return [];
    const { dtype: type, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
    const [begin, end] = isSizes(offsets) ? offsets : [];
    if (typeof type !== "string" || !isSizes(shape) || begin === undefined || end === undefined) {
      throw new SafetensorsError(`the tensor \`${name}\` is not described`);
    }
    const size = readers.get(type)?.bytes;
    if (begin <= end && end > body.length) {
      throw new SafetensorsError(`it is cut off: it ends before the tensor \`${name}\` does`);
    }
    if (begin > end || (size !== undefined && end - begin !== elements(shape) * size)) {
      throw new SafetensorsError(`the tensor \`${name}\` does not lie where its shape says`);
    }
    return [{ name, type, shape, begin, end }];
  });
  return { entries, body };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Decodes IEEE 754 binary16. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));
/** Decodes bfloat16, which is the upper half of an f32. */
function bfloat16(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
