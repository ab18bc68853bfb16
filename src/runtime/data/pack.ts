/** Opens a packed dataset on the disk and summarizes its content. */
import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { DataSource, SplitName } from "../../compiler/typed/tree.js";
import { schemaProblem } from "../system/schema.js";
import type { PackStep } from "./augment.js";
import type { Pack, PackedSplit, PackVariant } from "./contract.js";
import { splitNames } from "./sources/source.js";

export interface PackManifest {
  readonly format: 1;
  readonly digest: string;
  readonly recipe: number;
  readonly source: DataSource;
  readonly channels: 1 | 3;
  readonly rows: number;
  readonly variants: readonly {
    readonly prefix: readonly PackStep[];
    readonly bytes: number;
    readonly height: number;
    readonly width: number;
    readonly uniform: boolean;
  }[];
  readonly splits: Readonly<
    Partial<
      Record<
        SplitName,
        {
          readonly digest: string;
          /** The digest of the images and their classes alone. Older packs do not have it. */
          readonly source?: string;
          readonly classes: readonly string[];
          readonly images: readonly number[];
        }
      >
    >
  >;
  readonly skipped: readonly string[];
}

export const manifestFile = "manifest.json";
/** The file with the origin of each image, one line per row. */
export const originsFile = "origins.txt";
export const rowsFile = (variant: number): string => `images-${variant}.u8`;
export const indexFile = (variant: number): string => `images-${variant}.index`;
/** The number of bytes of a row in an index: f64 offset, u16 height, u16 width. */
export const indexBytes = 12;

function damaged(dir: string, problem: string, cause?: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL6030", undefined, { dir, problem }), { cause });
}

/**
 * Opens a pack that was made before.
 *
 * @throws DiagnosticError FSL6030 if the pack is incomplete or damaged.
 */
export async function openPack(dir: string): Promise<Pack> {
  let manifest: PackManifest;
  try {
    manifest = JSON.parse(await readFile(join(dir, manifestFile), "utf8")) as PackManifest;
  } catch (error) {
    throw damaged(dir, `${manifestFile} cannot be read`, error);
  }
  const problem = schemaProblem("pack", manifest);
  if (problem !== undefined) throw damaged(dir, `in ${manifestFile} ${problem}`);
  const variants = manifest.variants.map(({ prefix, bytes, height, width, uniform }, i): PackVariant => {
    requireSize(dir, rowsFile(i), bytes);
    requireSize(dir, indexFile(i), manifest.rows * indexBytes);
    return { prefix, file: join(dir, rowsFile(i)), index: join(dir, indexFile(i)), height, width, uniform };
  });
  const first = variants[0];
  if (first === undefined) throw damaged(dir, "it has no images");

  let origins: readonly string[] | undefined;
  const originOf = (row: number): string => {
    origins ??= readFileSync(join(dir, originsFile), "utf8").split("\n");
    return origins[row] ?? `image ${row}`;
  };
  const splits: Partial<Record<SplitName, PackedSplit>> = {};
  const firstRow: Partial<Record<SplitName, number>> = {};
  let row = 0;
  for (const split of splitNames) {
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
      imageDigest: entry.source ?? entry.digest,
      classes: entry.classes,
      offsets,
      sourceOf: (image) => originOf(start + image),
    };
  }
  if (row !== manifest.rows) throw damaged(dir, `${manifestFile} counts ${manifest.rows} images, its classes ${row}`);
  return {
    dir,
    digest: manifest.digest,
    stored: { channels: manifest.channels, height: first.height, width: first.width },
    splits,
    skipped: manifest.skipped,
    layout: { variants, firstRow, rows: manifest.rows },
  };
}

function requireSize(dir: string, name: string, bytes: number): void {
  const size = statSync(join(dir, name), { throwIfNoEntry: false })?.size;
  if (size === undefined) throw damaged(dir, `${name} is missing`);
  if (size !== bytes) throw damaged(dir, `${name} has ${size} bytes instead of ${bytes}`);
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
    splits: Object.values(pack.splits).map(({ split, digest, classes, offsets }) => {
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
