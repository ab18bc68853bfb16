/** Reads a pickle from a file of any size: only the parts that it asks for, through a window. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { requireRegularFile } from "../system/read-file.js";
import { type PickleBytes, type PickleValue, readPickle } from "./pickle.js";

/** The bytes that are read at once. An image is often longer, and is then never read. */
const windowBytes = 4096;

/**
 * Calls `work` with the value of a pickle in a file.
 *
 * @throws Error with the byte at which it cannot be read, RefusedFileError if it is no regular file, and an error of the file system.
 */
export function withPickle<T>(path: string, work: (value: PickleValue, bytes: PickleBytes) => T): T {
  requireRegularFile(path);
  const file = openSync(path, "r");
  try {
    const bytes = new FileWindow(file, fstatSync(file).size);
    return work(readPickle(bytes), bytes);
  } finally {
    closeSync(file);
  }
}

class FileWindow implements PickleBytes {
  private start = 0;
  private window = Buffer.alloc(0);

  constructor(
    private readonly file: number,
    readonly length: number,
  ) {}

  part(at: number, length: number): Buffer {
    if (at < this.start || at + length > this.start + this.window.length) {
      this.window = Buffer.alloc(Math.min(Math.max(windowBytes, length), this.length - at));
      this.start = at;
      readSync(this.file, this.window, 0, this.window.length, at);
    }
    return this.window.subarray(at - this.start, at - this.start + length);
  }
}
