/** Decodes one image of any format that is read to 8 bits of RGB or gray. */
import sharp from "sharp";
import { decodeBmp, isBmp } from "./bmp.js";
import { fromInterleaved, type Pixels, pixels } from "./pixels.js";
import { decodePlainPng } from "./png.js";
import { decodePnm, isPnm } from "./pnm.js";
import { readTiffHeader, type TiffHeader } from "./tiff-header.js";

/** The largest image in pixels. A file of a few hundred kilobytes may unpack to several gigabytes. */
export const mostPixels = 100e6;

/** 16-bit samples that all are at most this are samples of fewer bits that nobody scaled: the image would be nearly black. */
const mostOfTwelveBits = 4095;

/** Waits until the pixels of an image fit the budget of all threads, runs the work and returns the pixels. */
export type WithPixels = <T>(count: number, work: () => Promise<T>) => Promise<T>;

/**
 * Decodes an image to 8 bits of RGB or gray, upright by its EXIF record, with white behind transparent parts.
 *
 * @throws Error with a reason for users if it is damaged, too large, or of a kind whose range of values is unknown.
 */
export async function decodeImage(bytes: Uint8Array, withPixels: WithPixels): Promise<Pixels> {
  const drawing = decodePlainPng(bytes);
  if (drawing !== undefined) return drawing;
  if (isPnm(bytes)) return decodePnm(bytes, mostPixels);
  if (isBmp(bytes)) return decodeBmp(bytes, mostPixels);
  const tiff = readTiffHeader(bytes);
  if (tiff !== undefined) requireReadable(tiff);
  const { width, height, depth } = await sharp(bytes, { limitInputPixels: false }).metadata();
  requireSize(width, height);
  return await withPixels(width * height, () =>
    depth === "ushort" ? decodeDeep(bytes, tiff) : decodeShallow(bytes, tiff),
  );
}

function requireSize(width: number, height: number): void {
  if (width * height <= mostPixels) return;
  throw new Error(`it has ${width} × ${height} pixels, and at most ${mostPixels / 1e6} million are read`);
}

/** @throws Error if the samples of a TIFF have no known range, or if its bands are no colors. */
function requireReadable({ bits, sampleFormat, photometric, samples }: TiffHeader): void {
  const kinds: Readonly<Record<number, string>> = { 1: "unsigned integers", 2: "signed integers", 3: "floats" };
  if (sampleFormat !== 1 || bits > 16 || (bits > 8 && bits < 16)) {
    const kind = `${bits}-bit ${kinds[sampleFormat] ?? "complex numbers"}`;
    throw new Error(`its samples are ${kind}, so black and white are unknown. Scale them and save 8 or 16 bits`);
  }
  if (photometric <= 1 && samples > 3) {
    throw new Error(`it has ${samples} bands and does not say which are colors. Save three of them as RGB`);
  }
}

/** Returns true if the fourth (or second) band of an image may be alpha. Only a TIFF may have others, such as near infrared. */
function mayHaveAlpha(tiff: TiffHeader | undefined): boolean {
  return tiff === undefined || tiff.extra.length === 0 || (tiff.extra.length === 1 && (tiff.extra[0] ?? 0) > 0);
}

async function decodeShallow(bytes: Uint8Array, tiff: TiffHeader | undefined): Promise<Pixels> {
  const image = sharp(bytes, { failOn: "error", limitInputPixels: mostPixels }).autoOrient();
  const flat = mayHaveAlpha(tiff) ? image.flatten({ background: "#fff" }) : image;
  const { data, info } = await flat.toColourspace("srgb").raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return fromInterleaved(data, info.height, info.width, info.channels);
}

/**
 * Decodes 16 bits. Samples fill the range from 0 to 65535 unless the file declares fewer bits.
 *
 * @throws Error if the samples end at 4095 or below and nothing says that this is white.
 */
async function decodeDeep(bytes: Uint8Array, tiff: TiffHeader | undefined): Promise<Pixels> {
  const { channels, isOpaque } = await sharp(bytes, { failOn: "error", limitInputPixels: mostPixels }).stats();
  const colors = channels.length >= 3 ? channels.slice(0, 3) : channels.slice(0, 1);
  const most = Math.max(...colors.map(({ max }) => max));
  const declared = tiff === undefined ? significantRange(bytes) : tiff.max;
  if (declared !== undefined && declared > 0 && declared < 65535 && most <= declared) {
    if (!isOpaque && mayHaveAlpha(tiff))
      throw new Error("it is transparent and has less than 16 bits in 16. Save 8 bits");
    return await decodeScaled(bytes, declared);
  }
  if (most > 0 && most <= mostOfTwelveBits) {
    const bits = Math.ceil(Math.log2(most + 1));
    throw new Error(
      `its 16-bit samples end at ${most} of 65535, as ${bits} bits in 16 do, and would be nearly black. Scale them to the full range, or save 8 bits`,
    );
  }
  return await decodeShallow(bytes, tiff);
}

async function decodeScaled(bytes: Uint8Array, white: number): Promise<Pixels> {
  const { data, info } = await sharp(bytes, { failOn: "error", limitInputPixels: mostPixels })
    .autoOrient()
    .toColourspace("rgb16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  const { width, height, channels } = info;
  const out = pixels(channels >= 3 ? 3 : 1, height, width);
  const plane = width * height;
  for (let c = 0; c < out.channels; c++) {
    for (let i = 0; i < plane; i++) {
      out.data[c * plane + i] = Math.round((255 * Math.min(white, samples[i * channels + c] as number)) / white);
    }
  }
  return out;
}

/** Returns the largest value by the significant bits that a PNG declares (its sBIT chunk), or undefined. */
function significantRange(encoded: Uint8Array): number | undefined {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (bytes.length < 33 || bytes.toString("latin1", 12, 16) !== "IHDR") return undefined;
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (type === "IDAT") return undefined;
    const bits = bytes[at + 8] ?? 16;
    if (type === "sBIT") return bits > 0 && bits < 16 ? 2 ** bits - 1 : undefined;
  }
  return undefined;
}
