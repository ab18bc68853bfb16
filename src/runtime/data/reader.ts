/** The encoded bytes of listed images, from files, zip archives and icon sets. */
import { readFile } from "node:fs/promises";
import type { ImageRef } from "./sources/source.js";
import { isZip } from "./tree.js";
import { Zip } from "./zip.js";

export class ImageReader {
  private readonly zips = new Map<string, Promise<Zip>>();
  private readonly sets = new Map<string, Promise<Readonly<Record<string, string>>>>();

  /** @throws Error where the file or the entry cannot be read. */
  async read({ file, entry }: ImageRef): Promise<Uint8Array> {
    if (entry === undefined) return await readFile(file);
    if (isZip(file)) {
      let zip = this.zips.get(file);
      if (zip === undefined) {
        zip = Zip.open(file);
        this.zips.set(file, zip);
      }
      return await (await zip).read(entry);
    }
    let set = this.sets.get(file);
    if (set === undefined) {
      set = readFile(file, "utf8").then((text) => JSON.parse(text) as Readonly<Record<string, string>>);
      this.sets.set(file, set);
    }
    const drawing = (await set)[entry];
    if (drawing === undefined) throw new Error("no such entry in the icon set");
    return Buffer.from(drawing);
  }

  async close(): Promise<void> {
    for (const zip of this.zips.values()) await (await zip).close();
    this.zips.clear();
    this.sets.clear();
  }
}
