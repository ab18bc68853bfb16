/**
 * Keeps what is decoded of an unfinished pack, so that an ingest that was stopped or killed continues with the next image. The journal has
 * a line for each image in the order of decoding, written after its pixels. Who continues compares the pixels of each line with their checksums.
 */
import { readFileSync } from "node:fs";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { WrittenImage } from "./row-writer.js";

/** A decoded image: for each of its turns the written image of each prefix; or the reason why it cannot be read. */
export type JournalEntry =
  | { readonly images: readonly (readonly WrittenImage[])[]; readonly content: string; readonly flat: boolean }
  | { readonly unreadable: string };

/** The first line: the digest of the pack and the number of images to decode. A journal of another pack is of no use. */
interface Head {
  readonly digest: string;
  readonly images: number;
}

const journalFile = "decoded.ndjson";

export class PackJournal {
  private pending: string[] = [];

  private constructor(
    private readonly path: string,
    private readonly head: Head,
    private readonly lines: readonly string[],
  ) {}

  /** Opens the journal in the folder of an unfinished pack. */
  static async open(dir: string, head: Head): Promise<PackJournal> {
    const path = join(dir, journalFile);
    const text = await readFile(path, "utf8").catch(() => "");
    const [first, ...lines] = text.split("\n");
    return new PackJournal(path, head, first === JSON.stringify(head) ? lines : []);
  }

  /**
   * Calls `take` for each entry with its place, until it returns false or a line is cut off, and forgets the rest. Returns the number
   * of entries that were taken.
   */
  async restore(take: (entry: JournalEntry, place: number) => Promise<boolean>): Promise<number> {
    let taken = 0;
    for (const line of this.lines) {
      const entry = parseEntry(line);
      if (entry === undefined || !(await take(entry, taken))) break;
      taken++;
    }
    const kept = [JSON.stringify(this.head), ...this.lines.slice(0, taken)];
    await writeFile(this.path, kept.map((line) => `${line}\n`).join(""));
    return taken;
  }

  add(entry: JournalEntry): void {
    this.pending.push(`${JSON.stringify(entry)}\n`);
  }

  /** Writes the entries that were added. Their pixels must be in their files before. */
  async flush(): Promise<void> {
    if (this.pending.length > 0) await appendFile(this.path, this.pending.join(""));
    this.pending = [];
  }

  /** Removes the journal of a pack that is finished. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

/** Returns how many images of an unfinished pack are decoded, and of how many, or undefined if the folder has no journal. */
export function decodedImages(dir: string): { readonly done: number; readonly total: number } | undefined {
  try {
    const [first = "", ...lines] = readFileSync(join(dir, journalFile), "utf8").split("\n");
    return { done: lines.filter((line) => line !== "").length, total: (JSON.parse(first) as Head).images };
  } catch {
    return undefined;
  }
}

function parseEntry(line: string): JournalEntry | undefined {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return undefined;
  }
}
