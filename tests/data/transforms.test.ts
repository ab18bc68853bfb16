/** The transforms that change colors, cover, blur or compress, against libjpeg, plain loops and what they promise. */
import { existsSync, readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { Stream } from "../../src/common/random/stream.js";
import { transformNames } from "../../src/compiler/check/data/transforms.js";
import type { Transform } from "../../src/compiler/typed/tree.js";
import { applyStep } from "../../src/runtime/data/augment.js";
import { fromInterleaved, type Pixels, pixels } from "../../src/runtime/data/pixels.js";
import { autoContrast, equalize, posterize, solarize } from "../../src/runtime/data/transforms/colors.js";
import { compress } from "../../src/runtime/data/transforms/jpeg.js";
import { blur, erase, sharpness } from "../../src/runtime/data/transforms/neighbors.js";
import { randAugment } from "../../src/runtime/data/transforms/rand-augment.js";

/** Waves with an edge across: smooth parts, textures and a jump, in colors. */
function picture(channels: number, height: number, width: number): Pixels {
  const out = pixels(channels, height, width);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const wave = 60 * Math.sin(x / (3 + c)) * Math.cos(y / (4 - c)) + 2 * y;
        out.data[(c * height + y) * width + x] = Math.min(255, Math.max(0, 110 + wave + (x > y ? 50 : -40) * (c - 1)));
      }
  return out;
}
const at = ({ height, width, data }: Pixels, c: number, y: number, x: number): number =>
  data[(c * height + Math.min(height - 1, Math.max(0, y))) * width + Math.min(width - 1, Math.max(0, x))] as number;

describe("compress", () => {
  test.each([
    [3, 32, 48, 30],
    [3, 37, 29, 75],
    [3, 16, 16, 95],
    [1, 21, 30, 50],
  ])("%i channels of %i × %i at quality %i are what libjpeg keeps", async (channels, height, width, quality) => {
    const image = picture(channels, height, width);
    const plane = height * width;
    const samples = Buffer.from(
      image.data.map((_, i) => image.data[(i % channels) * plane + Math.floor(i / channels)] as number),
    );
    const file = await sharp(samples, { raw: { width, height, channels: channels as 1 | 3 } })
      .jpeg({ quality, chromaSubsampling: "4:2:0" })
      .toBuffer();
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    const wanted = fromInterleaved(data, height, width, info.channels);
    const found = compress(image, quality);
    let [sum, lost] = [0, 0];
    for (let i = 0; i < found.data.length; i++) {
      sum += Math.abs((found.data[i] as number) - (wanted.data[i % wanted.data.length] as number));
      lost += Math.abs((image.data[i] as number) - (wanted.data[i % wanted.data.length] as number));
    }
    // What differs is rounding: far less than what the file loses.
    expect(sum / found.data.length).toBeLessThan(0.7);
    expect(sum).toBeLessThan(0.3 * lost);
  });

  test("loses less at a higher quality, and keeps a flat gray image", () => {
    const image = picture(3, 24, 24);
    const loss = [5, 20, 60, 95].map((quality) =>
      compress(image, quality).data.reduce((sum, v, i) => sum + Math.abs(v - (image.data[i] as number)), 0),
    );
    expect(loss).toEqual([...loss].sort((a, b) => b - a));
    const gray = pixels(3, 11, 13);
    gray.data.fill(128);
    expect(compress(gray, 40)).toEqual(gray);
  });
});

describe("neighbors", () => {
  test("blur is a Gaussian mean over three sigmas, with the edges continued", () => {
    const image = picture(1, 9, 11);
    const sigma = 1.2;
    const found = blur(image, sigma);
    for (let y = 0; y < 9; y++)
      for (let x = 0; x < 11; x++) {
        let [sum, total] = [0, 0];
        for (let i = -4; i <= 4; i++)
          for (let j = -4; j <= 4; j++) {
            const weight = Math.exp(-(i * i + j * j) / (2 * sigma * sigma));
            sum += weight * at(image, 0, y + i, x + j);
            total += weight;
          }
        expect(Math.abs((found.data[y * 11 + x] as number) - sum / total)).toBeLessThanOrEqual(0.5 + 1e-9);
      }
  });

  test("sharpness of 1 changes nothing, of 0 smooths the inside", () => {
    const image = picture(3, 8, 8);
    expect(sharpness(image, 1)).toEqual(image);
    const smooth = sharpness(image, 0);
    let sum = 4 * at(image, 1, 3, 4);
    for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) sum += at(image, 1, 3 + i, 4 + j);
    expect(at(smooth, 1, 3, 4)).toBe(Math.round(sum / 13));
    expect(at(smooth, 1, 0, 4)).toBe(at(image, 1, 0, 4));
  });

  test("erase covers one box of all channels, within its shares", () => {
    const image = pixels(3, 20, 20);
    for (let seed = 0; seed < 20; seed++) {
      const { data } = erase(image, [0.1, 0.3], [0.5, 2], new Stream([seed, 0]));
      const changed = Array.from({ length: 400 }, (_, i) => [0, 400, 800].some((plane) => data[plane + i] !== 0));
      const places = changed.flatMap((each, i) => (each ? [i] : []));
      const rows = places.map((i) => Math.floor(i / 20));
      const columns = places.map((i) => i % 20);
      const area = (Math.max(...rows) - Math.min(...rows) + 1) * (Math.max(...columns) - Math.min(...columns) + 1);
      expect(area).toBeGreaterThanOrEqual(0.08 * 400);
      expect(area).toBeLessThanOrEqual(0.34 * 400);
      // Random values are 0 in all three channels once in 2²⁴.
      expect(places.length).toBe(area);
    }
  });
});

describe("colors", () => {
  const values = (...data: number[]): Pixels => ({
    channels: 1,
    height: 1,
    width: data.length,
    data: Uint8Array.from(data),
  });

  test("posterize keeps upper bits, solarize inverts from the threshold on", () => {
    expect([...posterize(values(0, 15, 16, 200, 255), 4).data]).toEqual([0, 0, 16, 192, 240]);
    expect([...posterize(values(0, 77, 255), 8).data]).toEqual([0, 77, 255]);
    expect([...solarize(values(0, 127, 128, 255), 128).data]).toEqual([0, 127, 127, 0]);
  });

  test("auto contrast stretches each channel, equalize makes all values about as frequent", () => {
    expect([...autoContrast(values(50, 100, 150)).data]).toEqual([0, 128, 255]);
    expect([...autoContrast(values(9, 9)).data]).toEqual([9, 9]);
    const skewed = values(...Array.from({ length: 4096 }, (_, i) => Math.floor(100 * (i / 4096) ** 3)));
    const even = equalize(skewed).data;
    // The 76 values that are left lie evenly: the median is in the middle.
    expect(Math.abs((even[2048] as number) - 128)).toBeLessThan(12);
    expect(Math.max(...even)).toBeGreaterThan(248);
  });
});

describe("drawn", () => {
  test("each with its probability, and the same for the same key", () => {
    const image = picture(3, 12, 12);
    const steps: Transform[] = [
      { op: "compress", quality: [20, 40], p: 0.3 },
      { op: "erase", p: 0.3, scale: [0.1, 0.3], ratio: [0.5, 2] },
      { op: "blur", sigma: [1, 2], p: 0.3 },
      { op: "posterize", bits: 2, p: 0.3 },
      { op: "solarize", threshold: 90, p: 0.3 },
    ];
    for (const step of steps) {
      const made = Array.from({ length: 200 }, (_, i) => applyStep(step, image, [i, 7], 2));
      const changed = made.filter((each) => each !== image).length;
      expect(Math.abs(changed / 200 - 0.3), step.op).toBeLessThan(0.11);
      expect(applyStep(step, image, [5, 7], 2)).toEqual(made[5]);
    }
  });

  test("RandAugment draws every change of its list, and none at strength 0 moves a pixel far", () => {
    const image = picture(3, 16, 16);
    const results = new Set(
      Array.from({ length: 400 }, (_, i) => randAugment(image, 1, 30, new Stream([i, 0])).data.join()),
    );
    // 14 changes, eight of them to two sides: identity, auto contrast, equalize, posterize and solarize have one.
    expect(results.size).toBe(5 + 2 * 9);
    for (let i = 0; i < 40; i++) {
      const still = randAugment(image, 1, 0, new Stream([i, 0]));
      expect(still.data.length).toBe(image.data.length);
    }
  });
});

test("docs/transforms.md has a picture of every transform", () => {
  const page = readFileSync("docs/transforms.md", "utf8");
  const missing = transformNames.filter(
    (name) =>
      name !== "normalize" &&
      !(page.includes(`](transforms/${name}.png)`) && existsSync(`docs/transforms/${name}.png`)),
  );
  expect(missing).toEqual([]);
});
