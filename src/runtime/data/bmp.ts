/**
 * Decodes uncompressed BMP images. The libraries of the npm registry that were tried give wrong colors for palettes, or stop in
 * the middle of images of odd width.
 */
import { type Pixels, pixels } from "./pixels.js";

/** The masks of red, green and blue if the header has none. */
const masks16 = [0x7c00, 0x03e0, 0x001f] as const;
const masks32 = [0xff0000, 0x00ff00, 0x0000ff] as const;
const bitfields = new Set([3, 6]);

/** Returns true if the bytes begin as a BMP. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes an image of 1, 4, 8, 16, 24 or 32 bits per pixel. A fourth byte is no alpha, because most programs leave it at 0.
 *
 * @throws Error if it is damaged or compressed, or has more than `mostPixels`.
 */
export function decodeBmp(encoded: Uint8Array, mostPixels: number): Pixels {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (bytes.length < 54) throw new Error("it is cut off");
  const headerSize = bytes.readUInt32LE(14);
  if (headerSize < 40) throw new Error("its BMP header is of OS/2, which is not read");
  const width = bytes.readInt32LE(18);
  const signed = bytes.readInt32LE(22);
  const height = Math.abs(signed);
  const bits = bytes.readUInt16LE(28);
  const compression = bytes.readUInt32LE(30);
  if (width < 1 || height < 1) throw new Error("its BMP header is damaged");
  if (width * height > mostPixels) {
    throw new Error(`it has ${width} × ${height} pixels, and at most ${mostPixels / 1e6} million are read`);
  }
  if (compression !== 0 && !(bitfields.has(compression) && bits >= 16)) {
    throw new Error("its BMP is compressed, which is not read");
  }
  const line = Math.ceil((width * bits) / 32) * 4;
  const start = bytes.readUInt32LE(10);
  if (start + line * height > bytes.length) throw new Error("it is cut off");
  const color = colorReader(bytes, bits, headerSize, bitfields.has(compression));
  const out = pixels(3, height, width);
  const plane = width * height;
  for (let y = 0; y < height; y++) {
    const row = start + line * (signed > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const rgb = color(row, x);
      for (let c = 0; c < 3; c++) out.data[c * plane + y * width + x] = (rgb >> (16 - 8 * c)) & 255;
    }
  }
  return out;
}

/** Returns a function that reads the color 0xRRGGBB of a pixel from the start of its row and its column. */
function colorReader(
  bytes: Buffer,
  bits: number,
  headerSize: number,
  masked: boolean,
): (row: number, x: number) => number {
  if (bits === 1 || bits === 4 || bits === 8) {
    const count = bytes.readUInt32LE(46) || 2 ** bits;
    const colors = Array.from({ length: Math.min(count, 2 ** bits) }, (_, i) =>
      bytes.readUIntLE(14 + headerSize + 4 * i, 3),
    );
    return (row, x) => {
      const at = x * bits;
      const index = ((bytes[row + (at >> 3)] as number) >> (8 - bits - (at & 7))) & (2 ** bits - 1);
      const color = colors[index];
      if (color === undefined) throw new Error("its BMP palette is too short");
      return color;
    };
  }
  if (bits === 24) return (row, x) => bytes.readUIntLE(row + 3 * x, 3);
  if (bits !== 16 && bits !== 32) throw new Error(`its BMP has ${bits} bits per pixel, which is not read`);
  const masks = masked ? [54, 58, 62].map((at) => bytes.readUInt32LE(at)) : bits === 16 ? masks16 : masks32;
  return (row, x) => {
    const value = bits === 16 ? bytes.readUInt16LE(row + 2 * x) : bytes.readUInt32LE(row + 4 * x);
    // A value and its mask have the same low zeros, so their quotient is the share of the range.
    return masks.reduce((rgb, mask) => {
      const share = mask === 0 ? 0 : ((value & mask) >>> 0) / (mask >>> 0);
      return rgb * 256 + Math.round(255 * share);
    }, 0);
  };
}
