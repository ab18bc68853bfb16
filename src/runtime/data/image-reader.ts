/** Reads the bytes of images from files, zip and tar archives, icon sets and matrices of vectors. */
import { type FileHandle, open as openFile, readFile } from "node:fs/promises";
import { mostBytes, requireRegularFile } from "../system/read-file.js";
import { isTarGz, isZip } from "./file-tree.js";
import type { Matrix } from "./matrices/matrix.js";
import { isMatrixFile, readMatrix } from "./matrices/read-matrix.js";
import type { ImageRef, RawPixels } from "./sources/source.js";
import { readTarGz } from "./tar.js";
import { Zip } from "./zip.js";

export class ImageReader {
  private readonly zips = new Map<string, Promise<Zip>>();
  private readonly tars = new Map<string, Promise<ReadonlyMap<string, Buffer>>>();
  private readonly sets = new Map<string, Promise<Readonly<Record<string, string>>>>();
  private readonly matrices = new Map<string, Promise<Matrix>>();
  /** The open files that contain many images and are read by position. */
  private readonly files = new Map<string, Promise<FileHandle>>();

  /**
   * Returns the encoded image, or its pixels if they are stored raw.
   *
   * @throws Error if they cannot be read.
   */
  async read({ file, entry, raw, range }: ImageRef): Promise<Uint8Array> {
    if (entry === undefined && raw !== undefined) return await this.part(file, raw.offset, sizeOf(raw));
    if (range !== undefined) return await this.part(file, range.offset, range.length);
    if (entry === undefined) {
      requireRegularFile(file, mostBytes.image);
      return await readFile(file);
    }
    if (isTarGz(file)) {
      const content = (await getOrCreate(this.tars, file, () => readTarGz(file))).get(entry);
      if (content === undefined) throw new Error("no such entry in the archive");
      return raw === undefined ? content : copyPixels(content, raw);
    }
    if (isZip(file)) {
      const zip = await getOrCreate(this.zips, file, () => Zip.open(file));
      return await zip.read(entry);
    }
    if (isMatrixFile(file))
      return vectorOf(await getOrCreate(this.matrices, file, async () => readMatrix(file)), entry);
    const set = await getOrCreate(this.sets, file, async () => {
      return JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, string>>;
    });
    const drawing = set[entry];
    if (drawing === undefined) throw new Error("no such entry in the icon set");
    return Buffer.from(drawing);
  }

  async close(): Promise<void> {
    // A file that could not be opened has failed its images already, and there is nothing to close.
    for (const open of [...this.zips.values(), ...this.files.values()]) {
      await open.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
    this.zips.clear();
    this.files.clear();
    this.tars.clear();
    this.sets.clear();
    this.matrices.clear();
  }

  /** Returns bytes of a file that contains many images. */
  private async part(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = await getOrCreate(this.files, path, () => openFile(path, "r"));
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    if (bytesRead < bytes.length) throw new Error("the file is cut off");
    return bytes;
  }
}

/** Returns the bytes of a row of a matrix, in a buffer of their own. @throws Error if a number is not finite. */
function vectorOf({ columns, data }: Matrix, row: string): Uint8Array {
  const vector = data.slice(Number(row) * columns, (Number(row) + 1) * columns);
  if (!vector.every(Number.isFinite)) throw new Error("it has numbers that are not finite");
  return new Uint8Array(vector.buffer);
}

function sizeOf({ channels, height, width }: RawPixels): number {
  return channels * height * width;
}
/** Copies the pixels of an image, because posting a view to a thread would send its whole buffer. */
function copyPixels(content: Buffer, raw: RawPixels): Uint8Array {
  const end = raw.offset + sizeOf(raw);
  if (end > content.length) throw new Error("the entry is cut off");
  return new Uint8Array(content.subarray(raw.offset, end));
}

/** Returns the value for a key, and makes it if there is none. */
function getOrCreate<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = kept.get(key);
  if (value === undefined) {
    value = make();
    kept.set(key, value);
  }
  return value;
}
