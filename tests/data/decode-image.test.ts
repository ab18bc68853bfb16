/** Which pixels come out of images whose formats leave room for mistakes, and which images are refused by name. */
import { join } from "node:path";
import { crc32, deflateRawSync, deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../src/runtime/data/decode-image.js";
import { Zip } from "../../src/runtime/data/zip.js";
import { bmp, tiff } from "./pictures.js";
import { tempDir, write, zipOf } from "./support.js";

/** The values of the first channel, because a gray image may come with three equal ones. */
const gray = async (bytes: Uint8Array) => {
  const { data, height, width } = await decodeImage(bytes, (_, work) => work());
  return [...data.subarray(0, height * width)];
};
const decode = async (bytes: Uint8Array) => [...(await decodeImage(bytes, (_, work) => work())).data];

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);

/** A gray PNG of 16 bits, with further chunks. */
function png16(values: readonly number[], chunks: Readonly<Record<string, Uint8Array>> = {}): Buffer {
  const chunk = (type: string, content: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type), content]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(content.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.from([0, 0, 0, values.length, 0, 0, 0, 1, 16, 0, 0, 0, 0]);
  const row = Buffer.from([0, ...values.flatMap((value) => [value >> 8, value & 255])]);
  const others = Object.entries(chunks).map(([type, content]) => chunk(type, content));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    ...others,
    chunk("IDAT", deflateSync(row)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("samples of more than 8 bits", () => {
  test("fill their range, or the range that the file declares", async () => {
    expect(await gray(png16([0, 257, 32896, 65535]))).toEqual([0, 1, 128, 255]);
    expect(await gray(png16([0, 2048, 4095], { sBIT: Buffer.from([12]) }))).toEqual([0, 128, 255]);
    expect(await gray(png16([0, 1023], { sBIT: Buffer.from([10]) }))).toEqual([0, 255]);
    expect(await gray(tiff(2, 1, words(0, 65535), { 258: [16] }))).toEqual([0, 255]);
    expect(await gray(tiff(2, 1, words(0, 4095), { 258: [16], 281: [4095] }))).toEqual([0, 255]);
  });
  test("that nobody scaled are refused, with the number of bits", async () => {
    await expect(decode(png16([0, 4000]))).rejects.toThrow(
      "its 16-bit samples end at 4000 of 65535, as 12 bits in 16 do",
    );
    await expect(decode(png16([0, 1000]))).rejects.toThrow("as 10 bits in 16 do");
    await expect(decode(tiff(2, 1, words(0, 255), { 258: [16] }))).rejects.toThrow("as 8 bits in 16 do");
    expect(await gray(png16([0, 0]))).toEqual([0, 0]);
  });
  test.each([
    ["32-bit floats", 32, 3],
    ["64-bit floats", 64, 3],
    ["32-bit unsigned integers", 32, 1],
    ["16-bit signed integers", 16, 2],
    ["8-bit signed integers", 8, 2],
    ["64-bit complex numbers", 64, 6],
  ])("of unknown range are refused by name: %s", async (kind, bits, format) => {
    const bytes = tiff(2, 1, new Uint8Array((2 * bits) / 8), { 258: [bits], 339: [format] });
    await expect(decode(bytes)).rejects.toThrow(`its samples are ${kind}, so black and white are unknown`);
  });
});

describe("bands of a TIFF", () => {
  const rgbn = Uint8Array.from([10, 20, 30, 0, 40, 50, 60, 255]);
  test("that are no alpha are dropped", async () => {
    for (const extra of [{ 338: [0] }, {}] as const) {
      const got = await decode(tiff(2, 1, rgbn, { 277: [4], ...extra }));
      expect(got).toEqual("338" in extra ? [10, 40, 20, 50, 30, 60] : expect.any(Array));
    }
    const five = Uint8Array.from([10, 20, 30, 0, 0, 40, 50, 60, 255, 255]);
    expect(await decode(tiff(2, 1, five, { 277: [5], 338: [0, 0] }))).toEqual([10, 40, 20, 50, 30, 60]);
  });
  test("that are alpha are put on white", async () => {
    expect(await decode(tiff(2, 1, rgbn, { 277: [4], 338: [2] }))).toEqual([255, 40, 255, 50, 255, 60]);
  });
  test("that do not say which are colors are refused", async () => {
    const bytes = tiff(2, 1, rgbn, { 277: [4], 262: [1], 338: [0, 0, 0] });
    await expect(decode(bytes)).rejects.toThrow("it has 4 bands and does not say which are colors");
  });
});

describe("formats that sharp does not read", () => {
  test("PBM, PGM and PPM, as text and binary, scaled from their range", async () => {
    expect(await decode(Buffer.from("P1\n# a comment\n3 2\n1 0 1\n010"))).toEqual([0, 255, 0, 255, 0, 255]);
    expect(await decode(Buffer.from("P2 2 1 4 0 # half\n2"))).toEqual([0, 128]);
    expect(await decode(Buffer.from("P3 1 1 255 1 2 3"))).toEqual([1, 2, 3]);
    expect(await decode(Buffer.concat([Buffer.from("P4\n9 1\n"), Buffer.from([0x80, 0x80])]))).toEqual([
      0, 255, 255, 255, 255, 255, 255, 255, 0,
    ]);
    expect(await decode(Buffer.concat([Buffer.from("P5 2 1 255\n"), Buffer.from([7, 9])]))).toEqual([7, 9]);
    expect(await decode(Buffer.concat([Buffer.from("P5 2 1 4095\n"), Buffer.from([0x0f, 0xff, 0, 0])]))).toEqual([
      255, 0,
    ]);
    expect(await decode(Buffer.concat([Buffer.from("P6 2 1 255\n"), Buffer.from([1, 2, 3, 4, 5, 6])]))).toEqual([
      1, 4, 2, 5, 3, 6,
    ]);
    await expect(decode(Buffer.from("P6 2 2 255\n123"))).rejects.toThrow("it is cut off");
    await expect(decode(Buffer.from("P5 99999 99999 255\n1"))).rejects.toThrow("too many");
    await expect(decode(Buffer.from("P2 2 1 255 1"))).rejects.toThrow("damaged or cut off");
  });

  test("BMP, with rows from below, padding and palettes", async () => {
    // Blue, green, red; two pixels of three bytes and two of padding.
    const rows = [3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10, 0, 0];
    expect(await decode(bmp(24, 2, [], rows))).toEqual([7, 10, 1, 4, 8, 11, 2, 5, 9, 12, 3, 6]);
    expect(await decode(bmp(24, -2, [], rows))).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]);
    expect(await decode(bmp(8, 1, [3, 2, 1, 0, 6, 5, 4, 0], [0, 1, 0, 0]))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await decode(bmp(32, 1, [], [3, 2, 1, 0, 6, 5, 4, 0]))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await decode(bmp(4, 1, [3, 2, 1, 0, 6, 5, 4, 0], [0x10, 0, 0, 0]))).toEqual([4, 1, 5, 2, 6, 3]);
    expect(await decode(bmp(1, 1, [3, 2, 1, 0, 6, 5, 4, 0], [0x40, 0, 0, 0]))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await decode(bmp(16, 1, [], [0xff, 0x7f, 0x1f, 0]))).toEqual([255, 0, 255, 0, 255, 255]);
    await expect(decode(bmp(24, 2, [], rows.slice(0, 5)))).rejects.toThrow("it is cut off");
    await expect(decode(bmp(24, 2 ** 30, [], rows))).rejects.toThrow("at most 100 million are read");
  });
});

describe("bombs", () => {
  test("an image of more pixels than are read is refused before it is decoded", async () => {
    const bytes = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="20000"><rect width="9" height="9"/></svg>',
    );
    await expect(decode(bytes)).rejects.toThrow("it has 20000 × 20000 pixels, and at most 100 million are read");
    const small = await sharp({ create: { width: 2, height: 1, channels: 3, background: "#fff" } })
      .jpeg()
      .toBuffer();
    expect(await decode(small)).toHaveLength(6);
  });

  test("entries of archives are inflated no further than they say, and not to sizes that no image has", async () => {
    const dir = tempDir();
    /** An archive whose first entry is compressed, and states a size. */
    const packed = (content: Uint8Array, size: number): Buffer => {
      const bytes = zipOf({ "a.png": content });
      const central = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
      bytes.writeUInt16LE(8, central + 10);
      bytes.writeUInt32LE(size, central + 24);
      return bytes;
    };
    const read = async (name: string, bytes: Uint8Array) => {
      write(join(dir, name), bytes);
      const zip = await Zip.open(join(dir, name));
      return await zip.read("a.png").finally(() => zip.close());
    };
    const zeros = deflateRawSync(Buffer.alloc(8 << 20));
    await expect(read("large.zip", packed(zeros, 8 << 20))).rejects.toThrow(
      /it would unpack to 8 MiB, \d+ times its size/,
    );
    await expect(read("liar.zip", packed(zeros, 1000))).rejects.toThrow("it is larger than the archive states");
  });
});
