import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, rootKey } from "../../src/common/random/stream.js";
import type { Transform } from "../../src/compiler/typed/tree.js";
import { applyFixed, applyStep, ImageTooSmallError } from "../../src/runtime/data/augment.js";
import {
  crop,
  grayscale,
  invert,
  mirror,
  type Pixels,
  quarterTurn,
  withChannels,
} from "../../src/runtime/data/pixels.js";
import { resizeBox, resizeTo, rotate } from "../../src/runtime/data/resample.js";
import { packedPrefixes, remainingSteps, sizeAfter } from "../../src/runtime/data/transform-chain.js";
import { normalize } from "./support.js";

const image = (channels: number, height: number, width: number, data: readonly number[]): Pixels => ({
  channels,
  height,
  width,
  data: Uint8Array.from(data),
});
const anyImage = fc
  .record({
    channels: fc.constantFrom(1, 3),
    height: fc.integer({ min: 1, max: 20 }),
    width: fc.integer({ min: 1, max: 20 }),
  })
  .chain(({ channels, height, width }) =>
    fc
      .uint8Array({ minLength: channels * height * width, maxLength: channels * height * width })
      .map((data): Pixels => ({ channels, height, width, data })),
  );
const key = (place: number) => fold(fold(rootKey(1, "train"), 3), place);
const flat = (value: number, channels = 3, size = 9): Pixels =>
  image(channels, size, size, new Array<number>(channels * size * size).fill(value));

const randomSteps: readonly Transform[] = [
  { op: "random_crop", size: 1, pad: 2 },
  { op: "random_resized_crop", size: 7, scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  { op: "flip", p: 0.5 },
  { op: "rotate", degrees: 15 },
  { op: "color_jitter", brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  { op: "noise", std: 0.1 },
  { op: "compress", quality: [1, 100], p: 1 },
  { op: "erase", p: 1, scale: [0.1, 0.5], ratio: [0.3, 3.3] },
  { op: "blur", sigma: [0.1, 2], p: 1 },
  { op: "rand_augment", count: 2, strength: 30 },
];

describe("exact operations", () => {
  test("mirror is its own inverse, four quarter turns are none, two are both mirrors", () => {
    fc.assert(
      fc.property(anyImage, (x) => {
        expect(mirror(mirror(x))).toEqual(x);
        expect(invert(invert(x))).toEqual(x);
        const quarter = quarterTurn(x, 1);
        expect(quarterTurn(quarterTurn(quarterTurn(quarter, 1), 1), 1)).toEqual(x);
        expect(quarterTurn(quarter, 1)).toEqual(quarterTurn(x, 2));
        expect(quarterTurn(quarter, 2)).toEqual(quarterTurn(x, 3));
      }),
    );
  });

  test("a quarter turn is counter-clockwise", () => {
    expect(quarterTurn(image(1, 2, 3, [1, 2, 3, 4, 5, 6]), 1)).toEqual(image(1, 3, 2, [3, 6, 2, 5, 1, 4]));
  });

  test("a crop takes a window, with the nearest edge pixel outside", () => {
    const x = image(1, 2, 2, [1, 2, 3, 4]);
    expect(crop(x, 0, 1, 1)).toEqual(image(1, 1, 1, [2]));
    expect(crop(x, -1, -1, 3)).toEqual(image(1, 3, 3, [1, 1, 2, 1, 1, 2, 3, 3, 4]));
    fc.assert(
      fc.property(
        anyImage,
        fc.integer({ min: -30, max: 30 }),
        fc.integer({ min: -30, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        (y, top, left, size) => {
          const out = crop(y, top, left, size);
          const clamp = (v: number, end: number) => Math.min(end - 1, Math.max(0, v));
          for (let i = 0; i < out.data.length; i++) {
            const c = Math.floor(i / (size * size));
            const row = clamp(top + (Math.floor(i / size) % size), y.height);
            const column = clamp(left + (i % size), y.width);
            if (out.data[i] !== y.data[(c * y.height + row) * y.width + column]) throw new Error(`byte ${i} differs`);
          }
        },
      ),
    );
  });

  test("gray is luma, and gray made colour and back is itself", () => {
    expect(grayscale(image(3, 1, 1, [255, 0, 0])).data[0]).toBe(76);
    expect(grayscale(image(3, 1, 1, [0, 255, 0])).data[0]).toBe(150);
    expect(grayscale(image(3, 1, 1, [0, 0, 255])).data[0]).toBe(29);
    for (let v = 0; v < 256; v++) expect(grayscale(withChannels(image(1, 1, 1, [v]), 3)).data[0]).toBe(v);
  });
});

describe("the resampler", () => {
  test("keeps flat images flat and stays in the range of its input", () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }), (x, height, width) => {
        const out = resizeTo(x, height, width);
        expect(out.data).toHaveLength(x.channels * height * width);
        const plane = x.height * x.width;
        for (let c = 0; c < x.channels; c++) {
          const from = x.data.subarray(c * plane, (c + 1) * plane);
          const to = out.data.subarray(c * height * width, (c + 1) * height * width);
          expect(Math.min(...to)).toBeGreaterThanOrEqual(Math.min(...from));
          expect(Math.max(...to)).toBeLessThanOrEqual(Math.max(...from));
        }
      }),
    );
  });

  test("is an antialiased triangle: by hand on a line of four, and of two", () => {
    // The first output's centre is 1, its reach 2: weights 3/4, 3/4, 1/4 of the samples at 0.5, 1.5, 2.5.
    expect([...resizeTo(image(1, 1, 4, [0, 80, 160, 240]), 1, 2).data]).toEqual([57, 183]);
    expect([...resizeTo(image(1, 1, 2, [0, 100]), 1, 4).data]).toEqual([0, 25, 75, 100]);
  });

  test("of a box that is the whole image is the whole image resized", () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 12 }), (x, size) => {
        expect(resizeBox(x, 0, 0, x.height, x.width, size)).toEqual(resizeTo(x, size, size));
      }),
    );
  });

  test("commutes with mirroring", () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 25 }), (x, width) => {
        const a = mirror(resizeTo(x, x.height, width)).data;
        const b = resizeTo(mirror(x), x.height, width).data;
        for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("a turn by nothing is nothing; by a quarter, the quarter turn; of a flat image, itself", () => {
    const x = image(
      1,
      5,
      5,
      Array.from({ length: 25 }, (_, i) => i * 10),
    );
    expect(rotate(x, 0)).toEqual(x);
    expect(rotate(x, 90)).toEqual(quarterTurn(x, 1));
    expect(rotate(flat(77), 13)).toEqual(flat(77));
  });
});

describe("random steps", () => {
  test("are functions of their key: the same again, another for another place", () => {
    const x = image(
      3,
      16,
      16,
      Array.from({ length: 768 }, (_, i) => (i * 29) & 255),
    );
    for (const step of randomSteps) {
      const results = Array.from({ length: 40 }, (_, place) => applyStep(step, x, key(place), 0));
      expect(Array.from({ length: 40 }, (_, place) => applyStep(step, x, key(place), 0))).toEqual(results);
      const distinct = new Set(results.map(({ data }) => Buffer.from(data).toString("hex")));
      expect(distinct.size, step.op).toBeGreaterThan(step.op === "flip" ? 1 : 20);
    }
  });

  test("a chain draws for each step apart: a changed strength moves no other step", () => {
    const x = image(
      1,
      16,
      16,
      Array.from({ length: 256 }, (_, i) => i),
    );
    const cropped = (p: number) => {
      const flipped = applyStep({ op: "flip", p }, x, key(4), 0);
      return applyStep({ op: "random_crop", size: 8, pad: 0 }, p === 0 ? flipped : mirror(flipped), key(4), 1);
    };
    expect(cropped(0)).toEqual(cropped(1));
  });

  test("give the sizes that are promised and leave the input alone", () => {
    fc.assert(
      fc.property(anyImage, fc.nat(), fc.constantFrom(...randomSteps), (x, place, step) => {
        const before = Uint8Array.from(x.data);
        const out = applyStep(step, x, key(place), place);
        const { height, width } = sizeAfter([step], x.height, x.width);
        expect([out.channels, out.height, out.width]).toEqual([x.channels, height, width]);
        expect(out.data).toHaveLength(x.channels * height * width);
        expect(x.data).toEqual(before);
      }),
    );
  });

  test("flip with p mirrors that share", () => {
    const x = image(1, 1, 2, [1, 2]);
    const flips = Array.from({ length: 10_000 }, (_, i) => applyStep({ op: "flip", p: 0.3 }, x, key(i), 0)).filter(
      ({ data }) => data[0] === 2,
    ).length;
    expect(Math.abs(flips - 3000)).toBeLessThan(4 * Math.sqrt(10_000 * 0.3 * 0.7));
  });

  test("random crops reach every corner equally often", () => {
    const x = image(1, 3, 3, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const counts = new Array<number>(9).fill(0);
    for (let i = 0; i < 9000; i++) {
      const corner = applyStep({ op: "random_crop", size: 1, pad: 0 }, x, key(i), 0).data[0] as number;
      counts[corner] = (counts[corner] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(1000));
  });

  test("noise has the standard deviation it says; jitter of nothing changes nothing", () => {
    const values = applyStep({ op: "noise", std: 0.1 }, flat(128, 3, 80), key(0), 0).data;
    const variance = values.reduce((sum, v) => sum + (v - 128) ** 2, 0) / values.length;
    expect(Math.sqrt(variance)).toBeCloseTo(25.5, 0);
    const x = image(3, 2, 2, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
    expect(applyStep({ op: "color_jitter", brightness: 0, contrast: 0, saturation: 0 }, x, key(0), 0)).toEqual(x);
  });

  test("jitter of brightness scales, of saturation keeps luma", () => {
    for (let place = 0; place < 20; place++) {
      const bright = applyStep(
        { op: "color_jitter", brightness: 0.4, contrast: 0, saturation: 0 },
        flat(100),
        key(place),
        0,
      );
      expect(new Set(bright.data).size).toBe(1);
      expect(bright.data[0]).toSatisfy((v: number) => v >= 60 && v <= 140);
      const x = image(3, 1, 1, [120, 90, 60]);
      const saturated = applyStep(
        { op: "color_jitter", brightness: 0, contrast: 0, saturation: 0.4 },
        x,
        key(place),
        0,
      );
      expect(Math.abs((grayscale(saturated).data[0] as number) - (grayscale(x).data[0] as number))).toBeLessThanOrEqual(
        1,
      );
    }
  });

  test("a crop of more than there is throws", () => {
    expect(() => applyFixed({ op: "center_crop", size: 4 }, flat(0, 1, 3))).toThrow(ImageTooSmallError);
    expect(() => applyStep({ op: "random_crop", size: 6, pad: 1 }, flat(0, 1, 3), key(0), 0)).toThrow(
      ImageTooSmallError,
    );
  });
});

describe("what is packed of a chain", () => {
  const resize: Transform = { op: "resize", size: 92 };
  const center: Transform = { op: "center_crop", size: 84 };
  const random: Transform = { op: "random_crop", size: 84, pad: 0 };
  const resized: Transform = { op: "random_resized_crop", size: 84, scale: [0.2, 1], ratio: [0.75, 1.33] };
  const flip: Transform = { op: "flip", p: 0.5 };

  test("the common start, where the rest is cheap", () => {
    const prefixes = packedPrefixes({ train: [resize, random, flip, normalize], eval: [resize, center, normalize] });
    expect(prefixes).toEqual([[resize]]);
    expect(remainingSteps([resize, random, flip, normalize], [resize])).toEqual([random, flip]);
    expect(remainingSteps([resize, center, normalize], [resize])).toEqual([center]);
  });

  test("one start for each chain, where they resample differently", () => {
    const train = [resized, flip, normalize];
    const evaluation = [resize, center, normalize];
    const prefixes = packedPrefixes({ train, eval: evaluation });
    expect(prefixes).toEqual([[{ op: "shrink", size: 126 }], [resize, center]]);
    expect(remainingSteps(train, prefixes[0] ?? [])).toEqual([resized, flip]);
    expect(remainingSteps(evaluation, prefixes[0] ?? [])).toBeUndefined();
    expect(remainingSteps(evaluation, prefixes[1] ?? [])).toEqual([]);
    expect(remainingSteps(train, prefixes[1] ?? [])).toBeUndefined();
  });

  test("everything, where both chains are fixed and equal", () => {
    expect(packedPrefixes({ train: [resize, center, normalize], eval: [resize, center, normalize] })).toEqual([
      [resize, center],
    ]);
  });
});
