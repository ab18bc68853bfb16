/** Small images, archives and datasets for the tests of the data room. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterAll, expect } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { Dataset, Transform } from "../../src/compiler/typed/tree.js";
import type { IngestOptions, IngestProgress, PackedSplit } from "../../src/runtime/data/contract.js";

const shared = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
/** Real data beside the checkout; a test that needs it is skipped, and counted as skipped, without it. */
export const realData = { dir: shared, missing: !existsSync(shared) };
export const withoutRealData = "needs ../shared/data";

const made: string[] = [];
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "fslc-data-"));
  made.push(dir);
  return dir;
}
afterAll(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

export function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A picture whose pixels depend on its number, as PNG. */
export async function picture(number: number, height = 8, width = 8): Promise<Buffer> {
  const data = Buffer.alloc(height * width * 3);
  for (let i = 0; i < data.length; i++) data[i] = (number * 37 + i * 11) & 255;
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A zip archive of stored entries. */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const title = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt32LE(crc32(content), 14);
    local.writeUInt32LE(content.length, 18);
    local.writeUInt32LE(content.length, 22);
    local.writeUInt16LE(title.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(20, 4);
    central.writeUInt16LE(20, 6);
    local.copy(central, 16, 14, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, title, Buffer.from(content));
    directory.push(central, title);
    offset += 30 + title.length + content.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

export const normalize: Transform = { op: "normalize", mean: [0.5], std: [0.5] };

export function dataset(
  kind: string,
  args: Dataset["source"]["args"],
  chains: Partial<Pick<Dataset, "train" | "eval" | "image" | "unreadable">> = {},
): Dataset {
  return {
    id: "birds",
    name: "birds",
    source: { kind, args },
    train: [normalize],
    eval: [normalize],
    unreadable: "stop",
    image: { channels: 3, height: 8, width: 8 },
    facts: undefined,
    span: { file: "birds.fsl", start: 8, end: 13 },
    ...chains,
  };
}

export function options(
  projectDir: string,
  cacheDir = join(projectDir, "cache"),
): IngestOptions & { events: IngestProgress[] } {
  const events: IngestProgress[] = [];
  return {
    projectDir,
    cacheDir,
    threads: 1,
    signal: new AbortController().signal,
    onProgress: (progress) => events.push(progress),
    events,
  };
}

/** A split with classes of the given sizes. */
export function splitOf(sizes: readonly number[]): PackedSplit {
  const offsets = new Int32Array(sizes.length + 1);
  for (const [c, size] of sizes.entries()) offsets[c + 1] = (offsets[c] as number) + size;
  return {
    split: "train",
    digest: "0",
    imageDigest: "0",
    classes: sizes.map((_, c) => `class ${c}`),
    offsets,
    sourceOf: (image) => `image ${image}`,
  };
}

/** The diagnostic of a failure, whose code must be `code`. */
export async function failsWith(code: string, work: () => unknown): Promise<DiagnosticError["diagnostic"]> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    expect(error.diagnostic.code, error.message).toBe(code);
    expect(error.diagnostic.message).not.toMatch(/[{}]/);
    return error.diagnostic;
  }
  throw new Error(`nothing failed where ${code} was expected`);
}

/** The p-value bound: chi-square of counts against equal expectations, as a normal deviate (Wilson–Hilferty). */
export function chiSquareDeviate(
  counts: readonly number[],
  expected: readonly number[],
  freedom = counts.length - 1,
): number {
  const chi = counts.reduce(
    (sum, count, i) => sum + (count - (expected[i] as number)) ** 2 / (expected[i] as number),
    0,
  );
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chi / freedom) - (1 - spread)) / Math.sqrt(spread);
}
