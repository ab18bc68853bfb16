/** The bytes of listed images, from files, zip and tar archives and icon sets. */
import { type FileHandle, open as openFile, readFile } from "node:fs/promises";
import type { BarePixels, ImageRef } from "./sources/source.js";
import { readTarGz } from "./tar.js";
import { isTarGz, isZip } from "./tree.js";
import { Zip } from "./zip.js";

export class ImageReader {
  private readonly zips = new Map<string, Promise<Zip>>();
  private readonly tars = new Map<string, Promise<ReadonlyMap<string, Buffer>>>();
  private readonly sets = new Map<string, Promise<Readonly<Record<string, string>>>>();
  /** Files of many images, read by position. */
  private readonly files = new Map<string, Promise<FileHandle>>();

  /** Encoded, or the pixels themselves where the image is bare. @throws Error where they cannot be read. */
  async read({ file, entry, bare }: ImageRef): Promise<Uint8Array> {
    if (entry === undefined) return bare === undefined ? await readFile(file) : await this.pixels(file, bare);
    if (isTarGz(file)) {
      const content = (await once(this.tars, file, () => readTarGz(file))).get(entry);
      if (content === undefined) throw new Error("no such entry in the archive");
      return bare === undefined ? content : slice(content, bare);
    }
    if (isZip(file)) {
      const zip = await once(this.zips, file, () => Zip.open(file));
      return await zip.read(entry);
    }
    const set = await once(this.sets, file, async () => {
      return JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, string>>;
    });
    const drawing = set[entry];
    if (drawing === undefined) throw new Error("no such entry in the icon set");
    return Buffer.from(drawing);
  }

  async close(): Promise<void> {
    // One that could not be opened has failed its images already, and has nothing to close.
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
  }

  private async pixels(path: string, bare: BarePixels): Promise<Uint8Array> {
    const file = await once(this.files, path, () => openFile(path, "r"));
    const bytes = new Uint8Array(sizeOf(bare));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, bare.at);
    if (bytesRead < bytes.length) throw new Error("the file is cut off");
    return bytes;
  }
}

function sizeOf({ channels, height, width }: BarePixels): number {
  return channels * height * width;
}
/** A copy: what goes to a thread takes the whole of its buffer along. */
function slice(content: Buffer, bare: BarePixels): Uint8Array {
  const end = bare.at + sizeOf(bare);
  if (end > content.length) throw new Error("the entry is cut off");
  return new Uint8Array(content.subarray(bare.at, end));
}

/** What is kept under a key; made where it is asked for first. */
function once<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = kept.get(key);
  if (value === undefined) {
    value = make();
    kept.set(key, value);
  }
  return value;
}
