import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { Dataset, Transform } from "../../src/compiler/typed/tree.js";
import {
  findPack,
  type IngestOptions,
  ingest,
  openPack,
  summarizePack,
  unfinishedIngest,
} from "../../src/runtime/data/index.js";
import { fromInterleaved } from "../../src/runtime/data/pixels.js";
import { decodePlainPng } from "../../src/runtime/data/png.js";
import {
  dataset,
  failsWith,
  normalize,
  options,
  picture,
  realData,
  tempDir,
  withoutRealData,
  write,
} from "./support.js";

/** A folder of `images` pictures in each class of each split. */
async function folderOf(splits: Readonly<Record<string, readonly string[]>>, images = 3, side = 8): Promise<string> {
  const dir = tempDir();
  let number = 0;
  for (const [split, classes] of Object.entries(splits)) {
    for (const name of classes) {
      for (let i = 0; i < images; i++)
        write(join(dir, "root", split, name, `${i}.png`), await picture(number++, side, side));
    }
  }
  return dir;
}
const both = (chain: readonly Transform[], side: number): Pick<Dataset, "train" | "eval" | "image"> => ({
  train: chain,
  eval: chain,
  image: { channels: 3, height: side, width: side },
});

const filesIn = (dir: string): unknown => readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]);

describe("a pack", () => {
  test("knows its images in whatever size it keeps them: two sizes of one split hold the same episodes", async () => {
    const dir = await folderOf({ train: ["bee", "ant"], test: ["cat"] });
    const at = (side: number) =>
      ingest(dataset("folder", { root: "root" }, both([{ op: "resize", size: side }], side)), options(dir));
    const [small, large] = [await at(4), await at(6)];
    expect(small.splits.test?.digest).not.toBe(large.splits.test?.digest);
    expect(small.splits.test?.imageDigest).toBe(large.splits.test?.imageDigest);
    expect(small.splits.test?.imageDigest).not.toBe(small.splits.train?.imageDigest);
    write(join(dir, "root/test/cat/0.png"), await picture(77, 8, 8));
    const changed = await at(6);
    expect(changed.splits.test?.imageDigest).not.toBe(large.splits.test?.imageDigest);
    expect(changed.splits.train?.imageDigest).toBe(large.splits.train?.imageDigest);
  });

  test("holds each image as it was decoded, in class order, and says where it is from", async () => {
    const dir = await folderOf({ train: ["bee", "ant"], test: ["cat"] });
    const pack = await ingest(dataset("folder", { root: "root" }), options(dir));
    expect(pack.stored).toEqual({ channels: 3, height: 8, width: 8 });
    expect(pack.splits.train?.classes).toEqual(["ant", "bee"]);
    expect([...(pack.splits.train?.offsets ?? [])]).toEqual([0, 3, 6]);
    expect(pack.splits.val).toBeUndefined();
    expect(pack.splits.test?.sourceOf(1)).toBe("test/cat/1.png");
    const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
    expect(rows).toHaveLength(9 * 192);
    // ant was written second: its first picture is number 3.
    const first = await sharp(await picture(3))
      .raw()
      .toBuffer();
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < 64; i++) expect(rows[c * 64 + i]).toBe(first[3 * i + c]);
    }
    const summary = summarizePack(pack);
    expect(summary.splits.map(({ split, classes, images }) => [split, classes, images])).toEqual([
      ["train", 2, 6],
      ["test", 1, 3],
    ]);
    expect(summary.bytes).toBe(9 * 192 + 9 * 16);
  });

  test("is found again while nothing changes, made anew when an image does, and found by its bytes when only dates do", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const d = dataset("folder", { root: "root" });
    const first = options(dir);
    const pack = await ingest(d, first);
    expect(first.events.map(({ phase }) => phase)).toEqual(expect.arrayContaining(["scan", "decode"]));
    expect(first.events.at(-1)).toEqual({ phase: "decode", done: 3, total: 3, unit: "images" });
    const second = options(dir);
    expect((await ingest(d, second)).digest).toBe(pack.digest);
    expect(second.events).toEqual([]);

    const touched = join(dir, "root/train/ant/0.png");
    utimesSync(touched, new Date(1e12), new Date(1e12));
    const third = options(dir);
    expect((await ingest(d, third)).digest).toBe(pack.digest);
    expect(third.events.some(({ phase }) => phase === "decode")).toBe(false);

    write(touched, await picture(99));
    const changed = await ingest(d, options(dir));
    expect(changed.digest).not.toBe(pack.digest);
    expect(changed.splits.train?.digest).not.toBe(pack.splits.train?.digest);
  });

  test("of a root that holds the cache itself is found again", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const d = dataset("folder", { root: "root" });
    const o = options(dir, join(dir, "root/.fslc/data"));
    const pack = await ingest(d, o);
    expect((await findPack(d, o))?.digest).toBe(pack.digest);
  });

  test("has the same digests wherever the data lies, and other ones for other steps", async () => {
    const [one, two] = [await folderOf({ train: ["ant"] }), await folderOf({ train: ["ant"] })];
    const d = dataset("folder", { root: "root" });
    const [a, b] = [await ingest(d, options(one)), await ingest(d, options(two))];
    expect(a.digest).toBe(b.digest);
    const resized = await ingest({ ...d, ...both([{ op: "resize", size: 4 }, normalize], 4) }, options(one));
    expect(resized.splits.train?.digest).not.toBe(a.splits.train?.digest);
  });

  test("of a split has a digest that other splits do not touch", async () => {
    const dir = await folderOf({ train: ["ant"], test: ["cat"] });
    const d = dataset("folder", { root: "root" });
    const before = await ingest(d, options(dir));
    write(join(dir, "root/test/cat/9.png"), await picture(50));
    const after = await ingest(d, options(dir));
    expect(after.splits.train?.digest).toBe(before.splits.train?.digest);
    expect(after.splits.test?.digest).not.toBe(before.splits.test?.digest);
    expect(after.digest).not.toBe(before.digest);
  });

  test("leaves nothing half-made behind, and makes a damaged one anew", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const d = dataset("folder", { root: "root" });
    const pack = await ingest(d, options(dir));
    const packs = join(dir, "cache/packs");
    expect(readdirSync(packs).filter((name) => !name.endsWith(".json"))).toEqual([pack.digest.slice(0, 32)]);
    const file = pack.layout.variants[0]?.file ?? "";
    truncateSync(file, 100);
    const damaged = await failsWith("FSL6030", () => openPack(pack.dir));
    expect(damaged.message).toContain("images-0.u8 has 100 bytes instead of 576");
    await ingest(d, options(dir));
    expect(readFileSync(file)).toHaveLength(576);
    for (const content of ["{", '{"format":1}']) {
      write(join(pack.dir, "manifest.json"), content);
      await failsWith("FSL6030", () => openPack(pack.dir));
    }
    expect((await ingest(d, options(dir))).digest).toBe(pack.digest);
  });

  test("is made where what is remembered between runs cannot be written, and that is said", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const d = dataset("folder", { root: "root" });
    const pack = await ingest(d, options(dir));
    const [request = ""] = readdirSync(join(dir, "cache/packs")).filter((name) => name.endsWith(".json"));
    const notes: string[] = [];
    for (const path of [join(dir, "cache/packs", request), join(dir, "cache/digests.txt")]) {
      rmSync(path);
      mkdirSync(path);
    }
    const again = await ingest(d, { ...options(dir), onNote: ({ message }) => void notes.push(message) });
    expect(again.digest).toBe(pack.digest);
    expect((await findPack(d, options(dir)))?.digest).toBe(pack.digest);
    expect(notes).toEqual([expect.stringMatching(/digests\.txt cannot be written: it is a folder\. Nothing is lost/)]);
  });

  test.each([
    { name: "and goes on with the next image", rest: 64, damage: () => {} },
    {
      name: "and what was changed meanwhile is decoded again",
      rest: 10,
      damage: (rows: string) => {
        const bytes = readFileSync(rows);
        bytes[10 * 8 * 8 * 3] = (bytes[10 * 8 * 8 * 3] ?? 0) ^ 1;
        writeFileSync(rows, bytes);
      },
    },
    { name: "and what is cut off is decoded again", rest: 5, damage: (rows: string) => truncateSync(rows, 1100) },
  ])("stops at once when it is told to, $name", async ({ rest, damage }) => {
    const dir = await folderOf({ train: ["ant"] }, 70);
    const d = dataset("folder", { root: "root" });
    const abort = new AbortController();
    const onProgress: IngestOptions["onProgress"] = ({ phase, done }) => {
      if (phase === "decode" && done === 64) abort.abort();
    };
    await expect(ingest(d, { ...options(dir), signal: abort.signal, onProgress })).rejects.toThrow();
    expect(unfinishedIngest(d, options(dir))).toEqual({ done: 64, total: 70 });
    const packs = join(dir, "cache/packs");
    const [unfinished = ""] = readdirSync(packs);
    damage(join(packs, unfinished, "images-0.u8"));
    const notes: string[] = [];
    const pack = await ingest(d, { ...options(dir), onNote: ({ message }) => void notes.push(message) });
    expect(notes).toEqual([`${rest} of 70 images were decoded before`]);
    expect(unfinishedIngest(d, options(dir))).toBeUndefined();
    const whole = await ingest(d, { ...options(dir), cacheDir: join(dir, "other") });
    expect(filesIn(pack.dir)).toEqual(filesIn(whole.dir));
  });

  test("made by two at once is one", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const d = dataset("folder", { root: "root" });
    const [a, b] = await Promise.all([ingest(d, options(dir)), ingest(d, options(dir))]);
    expect(a.digest).toBe(b.digest);
    expect(readFileSync(a.layout.variants[0]?.file ?? "")).toHaveLength(576);
  });
});

describe("decoding", () => {
  const one = async (bytes: Uint8Array, chains: Parameters<typeof dataset>[2]): Promise<Buffer> => {
    const dir = tempDir();
    write(join(dir, "root/train/ant/x.png"), bytes);
    const pack = await ingest(dataset("folder", { root: "root" }, chains), options(dir));
    return readFileSync(pack.layout.variants[0]?.file ?? "");
  };
  const gray = { train: [normalize], eval: [normalize], image: { channels: 1, height: 2, width: 2 } };

  test("puts what is transparent on white", async () => {
    const clear = await sharp({
      create: { width: 2, height: 2, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect([...(await one(clear, both([normalize], 2)))]).toEqual(new Array(12).fill(255));
  });

  test("gives one channel where one is wanted, three of a gray picture where three are", async () => {
    const red = await sharp({ create: { width: 2, height: 2, channels: 3, background: "#f00" } })
      .png()
      .toBuffer();
    expect([...(await one(red, gray))]).toEqual([76, 76, 76, 76]);
    const dark = await sharp(Buffer.from([0, 85, 170, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect([...(await one(dark, both([normalize], 2)))]).toEqual([0, 85, 170, 255, 0, 85, 170, 255, 0, 85, 170, 255]);
    const inverted = {
      ...gray,
      train: [{ op: "invert" }, normalize] as const,
      eval: [{ op: "invert" }, normalize] as const,
    };
    expect([...(await one(dark, inverted))]).toEqual([255, 170, 85, 0]);
  });

  test("reads 16 bits, palettes and JPEG", async () => {
    const flat = sharp({ create: { width: 2, height: 2, channels: 3, background: "#336699" } });
    for (const bytes of [
      await flat.clone().toColourspace("rgb16").png().toBuffer(),
      await flat.clone().png({ palette: true }).toBuffer(),
      await flat.clone().jpeg({ quality: 100 }).toBuffer(),
    ]) {
      const row = await one(bytes, both([normalize], 2));
      for (const [i, value] of row.entries())
        expect(Math.abs(value - ([0x33, 0x66, 0x99][i >> 2] as number))).toBeLessThanOrEqual(2);
    }
  });

  test("of plain gray PNGs agrees with the general decoder, for every depth and filter", async () => {
    for (const [width, height] of [
      [17, 9],
      [8, 8],
      [1, 30],
    ] as const) {
      for (const colours of [2, 4, 16, 256]) {
        const raw = Buffer.alloc(width * height);
        for (let i = 0; i < raw.length; i++) raw[i] = Math.round(((i * 7) % colours) * (255 / (colours - 1)));
        for (const adaptiveFiltering of [false, true]) {
          const png = await sharp(raw, { raw: { width, height, channels: 1 } })
            .toColourspace("b-w")
            .png({ adaptiveFiltering })
            .toBuffer();
          expect(decodePlainPng(png)?.data).toEqual(Uint8Array.from(raw));
          expect(decodePlainPng(png.subarray(0, png.length - 20))).toBeUndefined();
          const flipped = Buffer.from(png);
          flipped[png.length - 20] = (flipped[png.length - 20] as number) ^ 1;
          expect(decodePlainPng(flipped)).toBeUndefined();
        }
      }
    }
    expect(decodePlainPng(Buffer.from("no png"))).toBeUndefined();
  });

  test("of plain RGB PNGs agrees with the general decoder, for every filter; with more in them they are not plain", async () => {
    for (const [width, height] of [
      [17, 9],
      [1, 30],
    ] as const) {
      const raw = Buffer.alloc(3 * width * height);
      for (let i = 0; i < raw.length; i++) raw[i] = (i * i * 7 + (i % 3) * 50) & 255;
      const picture = sharp(raw, { raw: { width, height, channels: 3 } });
      for (const adaptiveFiltering of [false, true]) {
        const png = await picture.clone().png({ adaptiveFiltering, palette: false }).toBuffer();
        expect(decodePlainPng(png)).toEqual(fromInterleaved(raw, height, width, 3));
      }
      expect(decodePlainPng(await picture.clone().png({ progressive: true }).toBuffer())).toBeUndefined();
      expect(decodePlainPng(await picture.clone().ensureAlpha(0.5).png().toBuffer())).toBeUndefined();
      expect(decodePlainPng(await picture.clone().toColourspace("rgb16").png().toBuffer())).toBeUndefined();
    }
  });

  test("turns each drawing as its class says", async () => {
    const dir = tempDir();
    const drawing = await sharp(Buffer.from([0, 255, 255, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    write(join(dir, "images_background/A/character01/0001_01.png"), drawing);
    write(join(dir, "images_evaluation/B/character01/0002_01.png"), drawing);
    const d = dataset("omniglot", { root: ".", rotations: true, split: "background" }, gray);
    const pack = await ingest(d, options(dir));
    expect(pack.splits.train?.classes).toEqual([
      "A/character01@0",
      "A/character01@90",
      "A/character01@180",
      "A/character01@270",
    ]);
    const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
    expect([...rows.subarray(0, 16)]).toEqual([0, 255, 255, 255, 255, 255, 0, 255, 255, 255, 255, 0, 255, 0, 255, 255]);
  });
});

describe("what will not do is said at the dataset's declaration", () => {
  const d = dataset("folder", { root: "root" });

  test("data that is not there, with where it is to be had", async () => {
    const found = await failsWith("FSL6001", () => ingest(dataset("cub", { root: "nowhere" }), options(tempDir())));
    expect(found.span).toEqual(d.span);
    expect(found.help[0]).toContain("CUB_200_2011.tgz");
  });

  test("unreadable images: named and counted; left out where the dataset says so", async () => {
    const dir = await folderOf({ train: ["ant", "bee"] });
    write(join(dir, "root/train/bee/0.png"), "not a picture");
    write(join(dir, "root/train/bee/2.png"), (await picture(1)).subarray(0, 60));
    const found = await failsWith("FSL6003", () => ingest(d, options(dir)));
    expect(found.message).toMatch(/^2 of 6 images cannot be read; the first is train\/bee\/0\.png: /);
    expect(found.help).toEqual(["also: train/bee/2.png", "replace them, or write `unreadable skip` into the dataset"]);
    const pack = await ingest({ ...d, unreadable: "skip" }, options(dir));
    expect(pack.skipped).toEqual(["train/bee/0.png", "train/bee/2.png"]);
    expect([...(pack.splits.train?.offsets ?? [])]).toEqual([0, 3, 4]);
    expect(pack.splits.train?.sourceOf(3)).toBe("train/bee/1.png");
    expect(summarizePack(pack).skipped).toHaveLength(2);
    // Having skipped before does not let a stricter run through.
    await failsWith("FSL6003", () => ingest(d, options(dir)));
  });

  test("an image that is gone between the listing and the reading is named, also where others may be skipped", async () => {
    const dir = await folderOf({ train: ["ant", "bee"] });
    const lost = join(dir, "root/train/bee/0.png");
    const onProgress = ({ phase, done }: { phase: string; done: number }): void => {
      if (phase === "scan" && done === 0) rmSync(lost, { force: true });
    };
    const reading = ingest({ ...d, unreadable: "skip" }, { ...options(dir), onProgress });
    const found = await failsWith("FSL6003", () => reading);
    expect(found.message).toContain(`the first is ${lost}: there is no such file`);
  });

  test("an image smaller than its crop, now or after the packed part", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const fixed = await failsWith("FSL6009", () =>
      ingest({ ...d, ...both([{ op: "center_crop", size: 9 }], 9) }, options(dir)),
    );
    expect(fixed.message).toBe("train/ant/0.png has 8 × 8 pixels, but `center_crop` takes 9 × 9");
    await failsWith("FSL6009", () =>
      ingest({ ...d, ...both([{ op: "random_crop", size: 13, pad: 2 }], 13) }, options(dir)),
    );
  });

  test("images whose sizes differ after the chain", async () => {
    const dir = await folderOf({ train: ["ant"] });
    write(join(dir, "root/train/ant/1.png"), await picture(4, 8, 12));
    const found = await failsWith("FSL6010", () =>
      ingest({ ...d, ...both([{ op: "resize", size: 4 }, normalize], 4) }, options(dir)),
    );
    expect(found.message).toBe(
      "train/ant/1.png is 3 × 4 × 6 after `resize(4), normalize`, but 3 × 4 × 4 is needed (channels × height × width)",
    );
  });

  test("a class in two splits, an image in two classes, no image at all", async () => {
    const dir = await folderOf({ train: ["ant"], test: ["ant"] });
    const found = await failsWith("FSL6007", () => ingest(d, options(dir)));
    expect(found.message).toBe("the class `ant` is in both `train` and `test`");
    const lists = tempDir();
    write(join(lists, "images/a.png"), await picture(1));
    write(join(lists, "train.csv"), "filename,label\na.png,one\na.png,two\n");
    await failsWith("FSL6014", () => ingest(dataset("csv", { root: "." }), options(lists)));
    write(join(lists, "train.csv"), "filename,label\n");
    await failsWith("FSL6008", () => ingest(dataset("csv", { root: "." }), options(lists)));
  });

  test.skipIf(process.getuid?.() === 0)("a cache that cannot be written (needs a user who is not root)", async () => {
    const dir = await folderOf({ train: ["ant"] });
    const cache = join(dir, "cache");
    write(join(cache, "digests.txt"), "");
    await chmod(cache, 0o500);
    await failsWith("FSL6031", () => ingest(d, options(dir)));
    await chmod(cache, 0o700);
  });

  test("a cache in a place that is a file", async () => {
    const dir = await folderOf({ train: ["ant"] });
    write(join(dir, "cache"), "a file");
    const found = await failsWith("FSL6031", () => ingest(d, options(dir)));
    expect(found.message).toContain(dir);
    rmSync(join(dir, "cache"));
  });
});

describe("real data", () => {
  test.skipIf(realData.missing)(`one of Omniglot's official zips, read in place (${withoutRealData})`, async () => {
    const dir = tempDir();
    const chain: readonly Transform[] = [{ op: "resize", size: 28 }, { op: "invert" }, normalize];
    const root = join(realData.dir, "omniglot/images_background_small1.zip");
    // As a folder of alphabets its classes are the alphabets, in the one folder that contains everything in the archive.
    const d = dataset(
      "folder",
      { root, val: 0, test: 0 },
      { train: chain, eval: chain, image: { channels: 1, height: 28, width: 28 } },
    );
    const pack = await ingest(d, { ...options(dir), threads: 2 });
    expect(pack.splits.train?.classes).toHaveLength(5);
    expect(pack.splits.train?.classes).toContain("Early_Aramaic");
    const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
    expect(rows).toHaveLength(2720 * 784);
    // White strokes on black: a few percent of each drawing, never none and never most.
    for (let row = 0; row < 2720; row += 100) {
      const ink = rows.subarray(row * 784, (row + 1) * 784).reduce((sum, v) => sum + v, 0) / 784 / 255;
      expect(ink).toBeGreaterThan(0.005);
      expect(ink).toBeLessThan(0.4);
    }
  });
});
