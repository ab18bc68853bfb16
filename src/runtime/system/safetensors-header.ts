/** The header of a safetensors file: an 8-byte little-endian length, and JSON that says which tensors follow and where. */

/** Thrown for a damaged file. The message says what is wrong with it. */
export class SafetensorsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SafetensorsError";
  }
}

/** The largest header in bytes, and the most tensors in it. The weights of a network have some hundreds. */
const mostHeaderBytes = 16 * 2 ** 20;
const mostTensors = 20_000;

/** Splits a file into its unchecked header and the bytes to which its offsets refer. @throws SafetensorsError if there is no header. */
export function splitSafetensors(bytes: Uint8Array): {
  readonly header: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
} {
  if (bytes.length < 8) throw new SafetensorsError("it is shorter than its header length");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (8 + headerLength > bytes.length) throw new SafetensorsError("its header length is beyond its end");
  if (headerLength > mostHeaderBytes) {
    throw new SafetensorsError(`its header has more than ${mostHeaderBytes / 2 ** 20} MiB`);
  }
  return { header: parseHeader(bytes.subarray(8, 8 + headerLength)), body: bytes.subarray(8 + headerLength) };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new SafetensorsError("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new SafetensorsError("its header is not an object");
  }
  const names = Object.keys(header).length;
  if (names > mostTensors) throw new SafetensorsError(`it has ${names} tensors, and at most ${mostTensors} are read`);
  return header as Record<string, unknown>;
}

export function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
