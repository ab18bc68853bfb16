/**
 * Decodes the plainest PNGs: gray with up to 8 bits or RGB with 8 bits, not interlaced, without color or transparency chunks.
 * Omniglot has 32,460 of them of 200 bytes each, and CIFAR-100 may have 60,000 of 2 KB. For such images a general decoder
 * spends nearly all of its time on its setup.
 */
import { crc32, inflateSync } from "node:zlib";
import { type Pixels, pixels } from "./pixels.js";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The chunks that change no pixel. If there is any other chunk, the general decoder decodes the image. */
const ignoredChunks = new Set(["tIME", "tEXt", "zTXt", "iTXt", "pHYs"]);

/** Decodes a plain PNG. Returns undefined for any other image and for a damaged one, which the general decoder reports. */
export function decodePlainPng(encoded: Uint8Array): Pixels | undefined {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (bytes.length < 33 || !bytes.subarray(0, 8).equals(signature)) return undefined;
  const parts: Buffer[] = [];
  let header: Buffer | undefined;
  let ended = false;
  for (let at = 8; at + 12 <= bytes.length && !ended; ) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length) return undefined;
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) return undefined;
    const content = bytes.subarray(at + 8, end - 4);
    if (type === "IHDR") header = content;
    else if (type === "IDAT") parts.push(content);
    else if (type === "IEND") ended = true;
    else if (!ignoredChunks.has(type)) return undefined;
    at = end;
  }
  if (header === undefined || header.length !== 13 || !ended) return undefined;
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  const depth = header[8] as number;
  const gray = header[9] === 0 && depth <= 8;
  const rgb = header[9] === 2 && depth === 8;
  const plain = (gray || rgb) && header[10] === 0 && header[11] === 0 && header[12] === 0;
  if (!plain || width === 0 || height === 0 || width * height > 1 << 24) return undefined;
  const line = rgb ? 3 * width : Math.ceil((width * depth) / 8);
  let rows: Buffer;
  try {
    rows = inflateSync(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), {
      maxOutputLength: height * (line + 1),
    });
  } catch {
    return undefined;
  }
  if (rows.length !== height * (line + 1) || !unfilter(rows, height, line, rgb ? 3 : 1)) return undefined;
  return rgb ? unpackRgb(rows, height, width) : unpackGray(rows, height, width, depth, line);
}

/**
 * Reverses the filter of each row in place. The pixel to the left is `unit` bytes before, or one byte for gray below 8 bits.
 * Returns false if a filter is unknown.
 */
function unfilter(rows: Buffer, height: number, line: number, unit: 1 | 3): boolean {
  for (let y = 0; y < height; y++) {
    const first = y * (line + 1) + 1;
    const filter = rows[first - 1] as number;
    if (filter > 4) return false;
    if (filter === 0) continue;
    for (let x = 0; x < line; x++) {
      const left = x >= unit ? (rows[first + x - unit] as number) : 0;
      const up = y > 0 ? (rows[first + x - line - 1] as number) : 0;
      const corner = x >= unit && y > 0 ? (rows[first + x - line - 1 - unit] as number) : 0;
      const guess = filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
      rows[first + x] = ((rows[first + x] as number) + guess) & 0xff;
    }
  }
  return true;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const toLeft = Math.abs(guess - left);
  const toUp = Math.abs(guess - up);
  const toCorner = Math.abs(guess - corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

/** Converts rows of interleaved RGB to planes. */
function unpackRgb(rows: Buffer, height: number, width: number): Pixels {
  const out = pixels(3, height, width);
  for (let y = 0; y < height; y++) {
    const first = y * (3 * width + 1) + 1;
    for (let c = 0; c < 3; c++) {
      const to = (c * height + y) * width;
      for (let x = 0; x < width; x++) out.data[to + x] = rows[first + 3 * x + c] as number;
    }
  }
  return out;
}

/** Converts samples of `depth` bits, with the high bits first, to bytes from 0 to 255. */
function unpackGray(rows: Buffer, height: number, width: number, depth: number, line: number): Pixels {
  const out = pixels(1, height, width);
  const most = (1 << depth) - 1;
  const scale = 255 / most;
  for (let y = 0; y < height; y++) {
    const first = y * (line + 1) + 1;
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const sample = ((rows[first + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & most;
      out.data[y * width + x] = sample * scale;
    }
  }
  return out;
}
