import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fold, rootKey } from "../../src/common/random/stream.js";
import type { Transform } from "../../src/compiler/typed/tree.js";
import { applyStep } from "../../src/runtime/data/augment.js";
import type { LoaderOptions, Pack } from "../../src/runtime/data/contract.js";
import { createLoader, ingest } from "../../src/runtime/data/index.js";
import { dataset, failsWith, normalize, options, picture, tempDir, write } from "./support.js";

const train: readonly Transform[] = [
  { op: "random_crop", size: 6, pad: 1 },
  { op: "flip", p: 0.5 },
  { op: "color_jitter", brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  normalize,
];
const evaluation: readonly Transform[] = [{ op: "center_crop", size: 6 }, normalize];
const output = { channels: 3, height: 6, width: 6 };
const imageBytes = 108;

let pack: Pack;
async function made(): Promise<Pack> {
  const dir = tempDir();
  for (let i = 0; i < 12; i++) write(join(dir, "root/train", `class${i % 3}`, `${i}.png`), await picture(i));
  for (let i = 0; i < 3; i++) write(join(dir, "root/test/other", `${i}.png`), await picture(100 + i, 8, 12));
  return await ingest(dataset("folder", { root: "root" }, { train, eval: evaluation, image: output }), options(dir));
}
beforeAll(async () => {
  pack = await made();
});
const loaderOptions = (more: Partial<LoaderOptions> = {}): LoaderOptions => ({
  pack,
  split: "train",
  transforms: train,
  output,
  maxBatch: 8,
  seed: 5,
  purpose: "train",
  threads: 1,
  ...more,
});
/** All batches of requests made at once, copied. */
async function load(more: Partial<LoaderOptions>, requests: readonly [number, readonly number[]][]): Promise<Buffer[]> {
  const loader = await createLoader(loaderOptions(more));
  for (const [step, images] of requests) loader.request(step, Int32Array.from(images));
  const batches: Buffer[] = [];
  for (const [step] of requests) {
    const batch = await loader.next();
    expect(batch.step).toBe(step);
    batches.push(Buffer.from(batch.images));
    batch.release();
  }
  await loader.close();
  return batches;
}
const requests: readonly [number, readonly number[]][] = Array.from({ length: 10 }, (_, step) => [
  step,
  Array.from({ length: 1 + ((step * 3) % 8) }, (_, i) => (step + 5 * i) % 12),
]);

describe("a loader", () => {
  test("gives batches in the order asked for, whatever the number of threads", async () => {
    const one = await load({}, requests);
    expect(one.map(({ length }) => length / imageBytes)).toEqual(requests.map(([, images]) => images.length));
    expect(await load({ threads: 3 }, requests)).toEqual(one);
  });

  test("augments by (seed, purpose, step, image) alone, and anew where a step has an image again", async () => {
    const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
    const [batch] = await load({}, [[7, [4, 4, 9]]]);
    for (const [place, [image, turn]] of (
      [
        [4, 0],
        [4, 1],
        [9, 0],
      ] as const
    ).entries()) {
      const key = fold(fold(fold(rootKey(5, "train"), 7), image), turn);
      let x = {
        channels: 3,
        height: 8,
        width: 8,
        data: Uint8Array.from(rows.subarray(image * 192, (image + 1) * 192)),
      };
      for (const [i, step] of train.slice(0, 3).entries()) x = { ...applyStep(step, x, key, i) } as typeof x;
      expect(batch?.subarray(place * imageBytes, (place + 1) * imageBytes)).toEqual(Buffer.from(x.data));
    }
    const [whole] = await load({}, [[3, [0, 1, 2, 3]]]);
    const parts = await load({}, [
      [3, [2, 3]],
      [3, [0, 1]],
    ]);
    expect(Buffer.concat([parts[1] as Buffer, parts[0] as Buffer])).toEqual(whole);
    const [turned] = await load({}, [[3, [3, 2, 1, 0]]]);
    for (let i = 0; i < 4; i++) {
      const bytes = (batch: Buffer | undefined, at: number) => batch?.subarray(at * imageBytes, (at + 1) * imageBytes);
      expect(bytes(turned, 3 - i)).toEqual(bytes(whole, i));
    }
    const [twice, again] = await load({}, [
      [3, [5, 5]],
      [3, [5]],
    ]);
    const three = [twice?.subarray(0, imageBytes), twice?.subarray(imageBytes), again].map((image) =>
      image?.toString("hex"),
    );
    expect(new Set(three).size).toBe(3);
    expect(await load({ seed: 6 }, requests)).not.toEqual(await load({}, requests));
    expect(await load({ purpose: "pretrain" }, requests)).not.toEqual(await load({}, requests));
  });

  test("of the eval chain gives the same image at any step, and reads images that are not square", async () => {
    const more = { split: "test", transforms: evaluation } as const;
    const [a, b] = await load(more, [
      [0, [1, 2]],
      [9, [2, 1]],
    ]);
    expect(a?.subarray(0, imageBytes)).toEqual(b?.subarray(imageBytes));
    const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
    // Test rows follow 12 train rows of 192 bytes; the centre of 8 × 12 starts at (1, 3).
    const first = 12 * 192 + 288;
    expect([...(a?.subarray(0, 6) ?? [])]).toEqual([...rows.subarray(first + 12 + 3, first + 12 + 9)]);
  });

  test("works ahead of `next`, and waits for slots", async () => {
    const loader = await createLoader(loaderOptions());
    for (let step = 0; step < 8; step++) loader.request(step, Int32Array.of(step));
    const held = [await loader.next(), await loader.next(), await loader.next()];
    const fourth = loader.next();
    const state = await Promise.race([
      fourth.then(() => "ready"),
      new Promise((r) => setTimeout(() => r("waiting"), 50)),
    ]);
    expect(state).toBe("waiting");
    expect(new Set(held.map(({ images }) => images.byteOffset)).size).toBe(3);
    const kept = held.slice(1).map(({ images }) => Buffer.from(images));
    held[0]?.release();
    held[0]?.release();
    expect((await fourth).step).toBe(3);
    expect(held.slice(1).map(({ images }) => Buffer.from(images))).toEqual(kept);
    await loader.close();
  });

  test("refuses images that are none, and more than its batch", async () => {
    const loader = await createLoader(loaderOptions());
    expect(() => loader.request(0, Int32Array.of(12))).toThrow(RangeError);
    expect(() => loader.request(0, Int32Array.of(-1))).toThrow(RangeError);
    expect(() => loader.request(0, new Int32Array(9))).toThrow(RangeError);
    expect(() => loader.next()).toThrow("no batch");
    await loader.close();
    await failsWith("FSL6008", () => createLoader(loaderOptions({ split: "val" })));
    const other: Transform = { op: "resize", size: 3 };
    const stranger = {
      ...pack,
      layout: { ...pack.layout, variants: pack.layout.variants.map((v) => ({ ...v, prefix: [other] })) },
    };
    await failsWith("FSL6030", () => createLoader(loaderOptions({ pack: stranger })));
  });

  test("carries a thread's error to whoever waits, and closes with batches under way", async () => {
    const broken = await made();
    const loader = await createLoader(loaderOptions({ pack: broken }));
    truncateSync(broken.layout.variants[0]?.file ?? "", 500);
    loader.request(0, Int32Array.of(11));
    loader.request(1, Int32Array.of(0));
    const { message } = await failsWith("FSL6030", () => loader.next());
    expect(message).toMatch(/the pixels of train\/\S+ have changed/);
    await failsWith("FSL6030", () => loader.next());
    await loader.close();
    const closed = await createLoader(loaderOptions());
    for (let step = 0; step < 6; step++) closed.request(step, Int32Array.of(1));
    await closed.close();
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => closed.next()));
    expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
  });
});

test("a random-resized crop is taken of images kept at 1.5 times its size", async () => {
  const dir = tempDir();
  for (let i = 0; i < 4; i++) write(join(dir, "root/train/a", `${i}.png`), await picture(i, 20, 30));
  const crop: Transform = { op: "random_resized_crop", size: 8, scale: [0.2, 1], ratio: [0.75, 1.33] };
  const chains = {
    train: [crop, normalize],
    eval: [{ op: "resize", size: 9 }, { op: "center_crop", size: 8 }, normalize] as const,
    image: { channels: 3, height: 8, width: 8 },
  };
  const packed = await ingest(dataset("folder", { root: "root" }, chains), options(dir));
  expect(packed.layout.variants.map(({ height, width }) => [height, width])).toEqual([
    [12, 18],
    [8, 8],
  ]);
  const more = { pack: packed, output: chains.image, purpose: "train" };
  const [a, b] = await load({ ...more, transforms: chains.train }, [
    [0, [1]],
    [1, [1]],
  ]);
  expect(a).toHaveLength(192);
  expect(a).not.toEqual(b);
  const [fixed] = await load({ ...more, transforms: chains.eval }, [[0, [1]]]);
  expect(fixed).toEqual(readFileSync(packed.layout.variants[1]?.file ?? "").subarray(192, 384));
});
