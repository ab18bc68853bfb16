/** Opens a packed dataset on the disk and summarizes its content. */

import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { splitOrder, unionsOf } from "../../compiler/typed/splits.js";
import type { SplitName } from "../../compiler/typed/tree.js";
import { schemaProblem } from "../system/schema.js";
import { sha256 } from "../system/sha256.js";
import type { PackStep } from "./augment.js";
import type { Pack, PackedSplit, PackVariant } from "./contract.js";
import {
  DamagedPackError,
  indexBytes,
  indexFile,
  manifestFile,
  originsFile,
  type PackManifest,
  readChecked,
  readManifest,
  rowsFile,
} from "./pack-files.js";

/**
 * Opens a pack that was made before. Everything but the rows is compared with its checksum here; the loader checks each row.
 *
 * @throws DamagedPackError FSL6030 if the pack is incomplete or damaged.
 */
export async function openPack(dir: string): Promise<Pack> {
  const read = await readManifest(dir);
  const problem = schemaProblem("pack", read);
  if (problem !== undefined) throw new DamagedPackError(dir, `in ${manifestFile} ${problem}`);
  const manifest = read as PackManifest;
  const variants: PackVariant[] = [];
  for (const [i, { prefix, bytes, height, width, uniform, index }] of manifest.variants.entries()) {
    requireFile(dir, rowsFile(i), bytes);
    requireFile(dir, indexFile(i), manifest.rows * indexBytes);
    await readChecked(dir, indexFile(i), index);
    const files = { file: join(dir, rowsFile(i)), index: join(dir, indexFile(i)), indexChecksum: index };
    variants.push({ prefix, ...files, height, width, uniform });
  }
  await readChecked(dir, originsFile, manifest.origins);
  const first = variants[0];
  if (first === undefined) throw new DamagedPackError(dir, "it has no images");
  const originOf = originsOf(dir, manifest.origins);
  const splits: Partial<Record<SplitName, PackedSplit>> = {};
  const firstRow: Partial<Record<SplitName, number>> = {};
  let row = 0;
  for (const split of splitOrder) {
    const entry = manifest.splits[split];
    if (entry === undefined) continue;
    const offsets = new Int32Array(entry.classes.length + 1);
    for (const [c, images] of entry.images.entries()) offsets[c + 1] = (offsets[c] as number) + images;
    const start = row;
    firstRow[split] = start;
    row += offsets[entry.classes.length] as number;
    splits[split] = {
      split,
      digest: entry.digest,
      imageDigest: entry.source,
      classes: entry.classes,
      offsets,
      sourceOf: (image) => originOf(start + image),
    };
  }
  for (const [name, first, second] of unionsOf(splitOrder.filter((each) => splits[each] !== undefined))) {
    const [a, b] = [splits[first], splits[second]];
    if (a === undefined || b === undefined) continue;
    splits[name] = joined(name, a, b);
    firstRow[name] = firstRow[first] ?? 0;
  }
  if (row !== manifest.rows) {
    throw new DamagedPackError(dir, `${manifestFile} counts ${manifest.rows} images, its classes ${row}`);
  }
  return {
    dir,
    digest: manifest.digest,
    stored: { channels: manifest.channels, height: first.height, width: first.width },
    splits,
    skipped: manifest.skipped,
    findings: manifest.findings,
    layout: { variants, firstRow, rows: manifest.rows },
  };
}

/** Returns two splits whose rows follow each other as one. */
function joined(split: SplitName, a: PackedSplit, b: PackedSplit): PackedSplit {
  const count = a.offsets.at(-1) ?? 0;
  return {
    split,
    digest: sha256(JSON.stringify([a.digest, b.digest])),
    imageDigest: sha256(JSON.stringify([a.imageDigest, b.imageDigest])),
    classes: [...a.classes, ...b.classes],
    offsets: Int32Array.from([...a.offsets, ...b.offsets.subarray(1).map((offset) => offset + count)]),
    sourceOf: (image) => (image < count ? a.sourceOf(image) : b.sourceOf(image - count)),
  };
}

/** The offset, size and checksum of a row of a pack. */
export interface RowPlace {
  readonly offset: number;
  readonly height: number;
  readonly width: number;
  readonly checksum: number;
}

/**
 * Reads the index of a variant, and returns a function that gives the place of each row.
 *
 * @throws DamagedPackError if the index is damaged.
 */
export async function readIndex(dir: string, variant: PackVariant, rows: number): Promise<(row: number) => RowPlace> {
  const bytes = await readChecked(dir, basename(variant.index), variant.indexChecksum);
  return (row) => ({
    offset: bytes.readDoubleLE(8 * row),
    checksum: bytes.readUInt32LE(8 * rows + 4 * row),
    height: bytes.readUInt16LE(12 * rows + 2 * row),
    width: bytes.readUInt16LE(14 * rows + 2 * row),
  });
}

/**
 * Compares every image of a pack with its checksum.
 *
 * @throws DamagedPackError FSL6030 at the first image that differs.
 */
export async function verifyRows({ dir, stored, layout, splits }: Pack): Promise<void> {
  for (const variant of layout.variants) {
    const placeOf = await readIndex(dir, variant, layout.rows);
    const file = await open(variant.file, "r");
    try {
      const buffer = Buffer.alloc(stored.channels * variant.height * variant.width);
      for (let row = 0; row < layout.rows; row++) {
        const { offset, height, width, checksum } = placeOf(row);
        const bytes = buffer.subarray(0, stored.channels * height * width);
        await file.read(bytes, 0, bytes.length, offset);
        if (crc32(bytes) !== checksum) throw new DamagedPackError(dir, `the pixels of ${nameOf(row)} have changed`);
      }
    } finally {
      await file.close();
    }
  }
  function nameOf(row: number): string {
    const split = [...splitOrder].reverse().find((name) => (layout.firstRow[name] ?? Number.POSITIVE_INFINITY) <= row);
    return (split && splits[split]?.sourceOf(row - (layout.firstRow[split] ?? 0))) ?? `image ${row}`;
  }
}

/** Returns a function that gives the origin of a row. The file is read when the first origin is asked for. */
function originsOf(dir: string, checksum: number): (row: number) => string {
  let origins: readonly string[] | undefined;
  return (row) => {
    if (origins === undefined) {
      const bytes = readFileSync(join(dir, originsFile));
      if (crc32(bytes) !== checksum) throw new DamagedPackError(dir, `${originsFile} has changed`);
      origins = JSON.parse(bytes.toString("utf8")) as readonly string[];
    }
    return origins[row] ?? `image ${row}`;
  };
}

/** Checks that a file is there, has its size and may be read. */
function requireFile(dir: string, name: string, bytes: number): void {
  const size = statSync(join(dir, name), { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new DamagedPackError(dir, `${name} is missing`);
  if (size !== bytes) throw new DamagedPackError(dir, `${name} has ${size} bytes instead of ${bytes}`);
  try {
    accessSync(join(dir, name), constants.R_OK);
  } catch (error) {
    throw new DamagedPackError(dir, `${name} cannot be read`, error);
  }
}

export interface PackSummary {
  readonly dir: string;
  readonly digest: string;
  readonly bytes: number;
  readonly variants: readonly {
    readonly prefix: readonly PackStep[];
    readonly height: number;
    readonly width: number;
    readonly uniform: boolean;
  }[];
  readonly channels: number;
  readonly splits: readonly {
    readonly split: SplitName;
    readonly digest: string;
    readonly classes: number;
    readonly images: number;
    readonly smallest: { readonly name: string; readonly images: number };
    readonly largest: { readonly name: string; readonly images: number };
  }[];
  readonly skipped: readonly string[];
}

/** Summarizes a pack for `fslc data inspect`. */
export function summarizePack(pack: Pack): PackSummary {
  const { variants } = pack.layout;
  const bytes = variants.reduce((sum, { file, index }) => sum + statSync(file).size + statSync(index).size, 0);
  return {
    dir: pack.dir,
    digest: pack.digest,
    bytes,
    variants: variants.map(({ prefix, height, width, uniform }) => ({ prefix, height, width, uniform })),
    channels: pack.stored.channels,
    splits: splitOrder
      .flatMap((name) => pack.splits[name] ?? [])
      .map(({ split, digest, classes, offsets }) => {
        const sized = classes.map((name, c) => ({ name, images: (offsets[c + 1] as number) - (offsets[c] as number) }));
        const bySize = [...sized].sort((a, b) => a.images - b.images);
        const none = { name: "", images: 0 };
        return {
          split,
          digest,
          classes: classes.length,
          images: offsets[classes.length] ?? 0,
          smallest: bySize[0] ?? none,
          largest: bySize.at(-1) ?? none,
        };
      }),
    skipped: pack.skipped,
  };
}
