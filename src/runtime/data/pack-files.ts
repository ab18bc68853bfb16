/**
 * Names the files of a pack, and reads them with their checksums. A pack is read many times after it was written, and a disk,
 * a copy or another program may change a byte in the meantime. So every byte of a pack is compared with a checksum (CRC-32)
 * when it is read: the manifest, indexes and origins whole, the images row by row in the loader.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { DataSource, SplitName } from "../../compiler/typed/tree.js";
import { sha256 } from "../system/sha256.js";
import type { PackStep } from "./augment.js";
import type { PackFindings } from "./findings.js";

export interface PackManifest {
  readonly format: 2;
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
    /** The checksum of the index. */
    readonly index: number;
  }[];
  /** The checksum of the origins. */
  readonly origins: number;
  readonly splits: Readonly<
    Partial<
      Record<
        SplitName,
        {
          readonly digest: string;
          /** The digest of the images and their classes alone. */
          readonly source: string;
          readonly classes: readonly string[];
          readonly images: readonly number[];
        }
      >
    >
  >;
  readonly skipped: readonly string[];
  readonly findings: PackFindings;
}

export const manifestFile = "manifest.json";
/** The file with the origin of each image, a JSON array with one text per row. */
export const originsFile = "origins.json";
export const rowsFile = (variant: number): string => `images-${variant}.u8`;
export const indexFile = (variant: number): string => `images-${variant}.index`;
/** The number of bytes of a row in an index: f64 offset, u16 height, u16 width, u32 checksum. */
export const indexBytes = 16;

/** The error for a pack that is incomplete or damaged (FSL6030). A pack can be made again, so this error can be repaired. */
export class DamagedPackError extends DiagnosticError {
  constructor(
    readonly dir: string,
    readonly problem: string,
    cause?: unknown,
  ) {
    super(diagnostic("FSL6030", undefined, { dir, problem }), { cause });
  }
}

/** The error for a pack of an earlier version, which has no checksums. */
export class OldPackError extends DamagedPackError {}

/** Returns the text of a manifest, which ends with the digest of everything before it. */
export function encodeManifest(manifest: PackManifest): string {
  return JSON.stringify({ ...manifest, sha256: sha256(JSON.stringify(manifest)) });
}

/**
 * Reads the manifest of a pack and compares it with its digest and with the name of its folder. The caller checks its schema.
 *
 * @throws DamagedPackError if it is missing or changed.
 */
export async function readManifest(dir: string): Promise<unknown> {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(await readFile(join(dir, manifestFile), "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new DamagedPackError(dir, `${manifestFile} cannot be read`, error);
  }
  const { sha256: digest, ...manifest } = read ?? {};
  if (manifest["format"] === 1 && digest === undefined) throw new OldPackError(dir, "it has no checksums");
  if (digest !== sha256(JSON.stringify(manifest))) throw new DamagedPackError(dir, `${manifestFile} has changed`);
  if (manifest["digest"] !== undefined && !String(manifest["digest"]).startsWith(basename(dir))) {
    throw new DamagedPackError(dir, `${manifestFile} is from another pack`);
  }
  return manifest;
}

/**
 * Reads a whole file of a pack.
 *
 * @throws DamagedPackError if it is missing or does not have the checksum.
 */
export async function readChecked(dir: string, name: string, checksum: number): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(dir, name));
  } catch (error) {
    throw new DamagedPackError(dir, `${name} cannot be read`, error);
  }
  if (crc32(bytes) !== checksum) throw new DamagedPackError(dir, `${name} has changed`);
  return bytes;
}
