/** Decodes PBM, PGM and PPM (the formats P1 to P6 of Netpbm). */
import { type Pixels, pixels } from "./pixels.js";

/** The number of channels of each format, and whether its samples are decimal text. */
const formats: Readonly<
  Record<string, { readonly channels: 1 | 3; readonly text: boolean; readonly bitmap: boolean }>
> = {
  P1: { channels: 1, text: true, bitmap: true },
  P2: { channels: 1, text: true, bitmap: false },
  P3: { channels: 3, text: true, bitmap: false },
  P4: { channels: 1, text: false, bitmap: true },
  P5: { channels: 1, text: false, bitmap: false },
  P6: { channels: 3, text: false, bitmap: false },
};

/** Returns true if the bytes begin as one of these formats. */
export function isPnm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && (bytes[1] ?? 0) >= 0x31 && (bytes[1] ?? 0) <= 0x36;
}

/**
 * Decodes the first image of a file. Samples are scaled from the range that the header declares. In a bitmap 1 is black.
 *
 * @throws Error if it is damaged or has more than `mostPixels`.
 */
export function decodePnm(bytes: Uint8Array, mostPixels: number): Pixels {
  const format = formats[String.fromCharCode(bytes[0] ?? 0, bytes[1] ?? 0)];
  if (format === undefined) throw new Error("it is no PNM image");
  const { channels, text, bitmap } = format;
  const words = new Words(bytes, 2);
  const [width, height] = [words.number(), words.number()];
  const max = bitmap ? 1 : words.number();
  if (width < 1 || height < 1 || max < 1 || max > 65535) throw new Error("its PNM header is damaged");
  if (width * height > mostPixels) throw new Error(`it has ${width} × ${height} pixels, which is too many`);
  const out = pixels(channels, height, width);
  const plane = height * width;
  const wide = max > 255 ? 2 : 1;
  const start = words.at + 1; // A single white space ends the header.
  const line = bitmap ? Math.ceil(width / 8) : width * channels * wide;
  if (!text && start + line * height > bytes.length) throw new Error("it is cut off");
  for (let i = 0; i < plane * channels; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    let value: number;
    if (text) value = bitmap ? words.digit() : words.number();
    else if (bitmap) {
      const [y, x] = [Math.floor(pixel / width), pixel % width];
      value = ((bytes[start + y * line + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1;
    } else if (wide === 2) value = 256 * (bytes[start + 2 * i] ?? 0) + (bytes[start + 2 * i + 1] ?? 0);
    else value = bytes[start + i] ?? 0;
    const share = Math.min(1, value / max);
    out.data[channel * plane + pixel] = Math.round(255 * (bitmap ? 1 - share : share));
  }
  return out;
}

/** Reads decimal numbers between white space and comments. */
class Words {
  constructor(
    private readonly bytes: Uint8Array,
    /** The place after the last word. */
    public at: number,
  ) {}

  number(): number {
    this.skip();
    const from = this.at;
    while (isDigit(this.bytes[this.at])) this.at++;
    if (this.at === from || this.at - from > 9) throw new Error("it is damaged or cut off");
    return Number(String.fromCharCode(...this.bytes.subarray(from, this.at)));
  }

  /** Reads one digit, because the digits of a bitmap need no space between them. */
  digit(): number {
    this.skip();
    const byte = this.bytes[this.at++];
    if (!isDigit(byte)) throw new Error("it is damaged or cut off");
    return (byte as number) - 0x30;
  }

  private skip(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === 0x23) while (this.at < this.bytes.length && this.bytes[this.at] !== 0x0a) this.at++;
      else if (byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d)) this.at++;
      else return;
    }
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
