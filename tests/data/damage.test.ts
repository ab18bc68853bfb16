/** Packs that were damaged after they were written: nothing of them is used, and they are made again. */
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import type { Pack } from "../../src/runtime/data/contract.js";
import { createLoader, findPack, ingest, openPack, repairPack, verifyRows } from "../../src/runtime/data/index.js";
import { DamagedPackError, type PackManifest } from "../../src/runtime/data/pack-files.js";
import { dataset, failsWith, options, picture, tempDir, write } from "./support.js";

const d = dataset("folder", { root: "root" });

async function project(splits: Readonly<Record<string, number>> = { train: 2, test: 1 }): Promise<string> {
  const dir = tempDir();
  let number = 0;
  for (const [split, classes] of Object.entries(splits)) {
    for (let c = 0; c < classes; c++) {
      for (let i = 0; i < 3; i++) write(join(dir, "root", split, `${split}${c}`, `${i}.png`), await picture(number++));
    }
  }
  return dir;
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 4;
  writeFileSync(path, bytes);
}
const rowsOf = (pack: Pack): string => pack.layout.variants[0]?.file ?? "";

describe("a damaged pack", () => {
  let dir: string;
  let whole: Pack;
  const content = new Map<string, Buffer>();
  beforeAll(async () => {
    dir = await project();
    whole = await ingest(d, options(dir));
    for (const name of readdirSync(whole.dir)) content.set(name, readFileSync(join(whole.dir, name)));
  });
  const sameAsBefore = (): void => {
    for (const [name, bytes] of content) expect(readFileSync(join(whole.dir, name)).equals(bytes), name).toBe(true);
    expect(existsSync(`${whole.dir}.damaged`)).toBe(false);
  };

  test.each([
    ["a flipped bit of the index", (p: string) => flipBit(join(p, "images-0.index"), 3)],
    ["a flipped bit of the origins", (p: string) => flipBit(join(p, "origins.json"), 5)],
    [
      "a flipped bit in the number of images",
      (p: string) => flipBit(join(p, "manifest.json"), content.get("manifest.json")?.indexOf('"images":[3') ?? 0),
    ],
    ["a manifest that is cut off", (p: string) => writeFileSync(join(p, "manifest.json"), "{")],
    ["rows that are cut off", (p: string) => writeFileSync(join(p, "images-0.u8"), "")],
    ["rows that are gone", (p: string) => rmSync(join(p, "images-0.u8"))],
  ])("is made again: %s", async (_, damage) => {
    damage(whole.dir);
    await failsWith("FSL6030", () => openPack(whole.dir));
    expect(await findPack(d, options(dir))).toBeUndefined();
    const notes: string[] = [];
    const again = await ingest(d, { ...options(dir), onNote: ({ message }) => notes.push(message) });
    expect(again.digest).toBe(whole.digest);
    expect(notes).toEqual([expect.stringMatching(/^the packed images in \S+ are damaged: .*; they are packed again$/)]);
    sameAsBefore();
  });

  test.each([
    ["zeroed", (bytes: Buffer) => bytes.fill(0, 192, 384)],
    ["one bit flipped", (bytes: Buffer) => bytes.writeUInt8((bytes[200] as number) ^ 1, 200)],
    ["exchanged", (bytes: Buffer) => Buffer.concat([bytes.subarray(192, 384), bytes.subarray(0, 192)]).copy(bytes)],
  ])("with pixels of the same length that were %s serves no image of them, and is repaired", async (_, change) => {
    const bytes = Buffer.from(content.get("images-0.u8") ?? "");
    change(bytes);
    writeFileSync(rowsOf(whole), bytes);
    const pack = await openPack(whole.dir);
    await failsWith("FSL6030", () => verifyRows(pack));
    const output = { channels: 3, height: 8, width: 8 } as const;
    const loader = await createLoader({
      ...{ pack, split: "train", transforms: d.train, output, maxBatch: 4, seed: 1, purpose: "train", threads: 1 },
    });
    loader.request(0, Int32Array.of(5));
    expect((await loader.next()).images).toHaveLength(192);
    loader.request(1, Int32Array.of(1));
    const error = await loader.next().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    await loader.close();
    if (!(error instanceof DamagedPackError)) throw error;
    expect(error.message).toContain("the pixels of train/train0/1.png have changed");
    const repaired = await repairPack(d, error, options(dir));
    await verifyRows(repaired);
    sameAsBefore();
    // Another run that saw the same damage keeps what was repaired.
    const row = readFileSync(rowsOf(repaired));
    await repairPack(d, error, options(dir));
    expect(readFileSync(rowsOf(repaired)).equals(row)).toBe(true);
  });

  test("whose source has changed cannot be repaired, and one without a source is named", async () => {
    const own = await project();
    const pack = await ingest(d, options(own));
    const error = new DamagedPackError(pack.dir, "the pixels of train/train0/1.png have changed");
    flipBit(rowsOf(pack), 200);
    write(join(own, "root/train/train0/1.png"), await picture(99));
    const changed = await failsWith("FSL6030", () => repairPack(d, error, options(own)));
    expect(changed.message).toContain("its source has changed since");
    rmSync(join(own, "root"), { recursive: true });
    await failsWith("FSL6001", () => repairPack(d, error, options(own)));
    expect(existsSync(`${pack.dir}.damaged`)).toBe(true);
  });

  test("of a version without checksums is made again under its digest", async () => {
    const manifest = join(whole.dir, "manifest.json");
    const { sha256: _, ...old } = JSON.parse(readFileSync(manifest, "utf8")) as PackManifest & { sha256: string };
    writeFileSync(manifest, JSON.stringify({ ...old, format: 1 }));
    const notes: string[] = [];
    await ingest(d, { ...options(dir), onNote: ({ message }) => notes.push(message) });
    expect(notes).toEqual([expect.stringContaining("from an earlier version")]);
    sameAsBefore();
  });

  test("is not taken from another place: a foreign manifest, a foreign request, a changed list of digests", async () => {
    const small = {
      ...d,
      train: [{ op: "resize", size: 4 } as const],
      eval: [{ op: "resize", size: 4 } as const],
      image: { channels: 3, height: 4, width: 4 } as const,
    };
    const other = await ingest(small, options(dir));
    copyFileSync(join(other.dir, "manifest.json"), join(whole.dir, "manifest.json"));
    const { message } = await failsWith("FSL6030", () => openPack(whole.dir));
    expect(message).toContain("from another pack");
    await ingest(d, options(dir));
    const packs = join(dir, "cache/packs");
    const requests = readdirSync(packs).filter((name) => name.endsWith(".json"));
    expect(requests).toHaveLength(2);
    for (const name of requests) copyFileSync(join(packs, requests[0] ?? ""), join(packs, name));
    const digests = join(dir, "cache/digests.txt");
    for (let at = 10; at < 60; at += 10) flipBit(digests, at);
    appendFileSync(digests, '["\n');
    expect((await ingest(d, options(dir))).digest).toBe(whole.digest);
    expect((await ingest(small, options(dir))).digest).toBe(other.digest);
  });
});

test("names with line breaks and control characters keep every image's name in its place", async () => {
  const dir = tempDir();
  const names = ["a\nb", "c\rd", 'e"\\f', "g\u001bh"];
  for (const [i, name] of names.entries()) {
    write(join(dir, "root/train", name, `x\n${i}.png`), await picture(2 * i));
    write(join(dir, "root/train", name, `y${i}.png`), await picture(2 * i + 1));
  }
  const pack = await ingest(d, options(dir));
  const { train } = pack.splits;
  const origins = Array.from({ length: 8 }, (_, i) => train?.sourceOf(i));
  expect(origins).toEqual(
    names
      .map((name) => names.indexOf(name))
      .flatMap((i) => [`train/${names[i]}/x\n${i}.png`, `train/${names[i]}/y${i}.png`]),
  );
});

describe("doubtful images", () => {
  test("equal bytes in two splits, two classes and one class are found, also in a zip and with other names", async () => {
    const dir = await project({ train: 2, test: 2 });
    write(join(dir, "root/test/test0/copy.png"), readFileSync(join(dir, "root/train/train0/1.png")));
    write(join(dir, "root/train/train1/copy.png"), readFileSync(join(dir, "root/train/train0/2.png")));
    write(join(dir, "root/test/test1/copy.png"), readFileSync(join(dir, "root/test/test1/0.png")));
    const { findings } = await ingest(d, options(dir));
    expect(findings.duplicates).toEqual({
      splits: { count: 1, first: [["train/train0/1.png", "test/test0/copy.png"]] },
      classes: { count: 1, first: [["train/train0/2.png", "train/train1/copy.png"]] },
      class: { count: 1, first: [["test/test1/0.png", "test/test1/copy.png"]] },
    });
    expect(findings.flat.count).toBe(0);
    expect(findings.equal).toEqual([]);
  });

  test("white drawings on a transparent ground are one value, and a split of them is all equal", async () => {
    const dir = await project();
    const white = sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 255, b: 255, alpha: 0 } },
    });
    for (let i = 0; i < 3; i++) {
      write(
        join(dir, `root/test/test0/${i}.png`),
        await white
          .withExif({ IFD0: { Copyright: `${i}` } })
          .png()
          .toBuffer(),
      );
    }
    const { findings } = await ingest(d, options(dir));
    expect(findings.flat).toEqual({ count: 3, total: 9, first: [0, 1, 2].map((i) => `test/test0/${i}.png`) });
    expect(findings.equal).toEqual([{ split: "test", images: 3 }]);
  });
});
