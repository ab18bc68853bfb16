/** Reads the small text files of a dataset: only regular files, only up to a size, and only UTF-8. */
import { readFileSync, statSync } from "node:fs";
import { reason } from "../system/reason.js";

/** The largest text file in bytes. The list of the 1.3 million images of ImageNet has 60 MB. */
export const mostTextBytes = 256 * 2 ** 20;

/** An error in a text file that names the line, so that callers can add the path. */
export class TextFileError extends Error {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
    this.name = "TextFileError";
  }
}

/**
 * Returns the text of a file without a byte order mark.
 *
 * @throws TextFileError if it is no regular file, too large, unreadable or not UTF-8.
 */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    const info = statSync(path);
    if (info.isDirectory()) throw new TextFileError("it is a folder", 1);
    // Opening a named pipe would wait for a writer, and a device may have no end.
    if (!info.isFile()) throw new TextFileError("it is no regular file but a pipe, a socket or a device", 1);
    requireTextSize(info.size);
    bytes = readFileSync(path);
  } catch (error) {
    throw error instanceof TextFileError ? error : new TextFileError(`it cannot be read: ${reason(error)}`, 1);
  }
  return decodeText(bytes);
}

/** @throws TextFileError if a text of this size is not read. */
export function requireTextSize(bytes: number): void {
  if (bytes <= mostTextBytes) return;
  const size = `${Math.round(bytes / 2 ** 20)} MiB`;
  throw new TextFileError(`it has ${size}, and a text of at most ${mostTextBytes / 2 ** 20} MiB is read`, 1);
}

/**
 * Decodes UTF-8 strictly, because a replaced byte would give two names the same text.
 *
 * @throws TextFileError that names the first line that is not UTF-8.
 */
export function decodeText(bytes: Uint8Array): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16) throw new TextFileError("the file is UTF-16. Save it as UTF-8", 1);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    let line = 1;
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(0x0a, start);
      const part = bytes.subarray(start, end < 0 ? bytes.length : end);
      try {
        decoder.decode(part);
      } catch {
        const odd = part.find((byte) => byte >= 0x80) ?? 0;
        const byte = `0x${odd.toString(16).toUpperCase()}`;
        throw new TextFileError(`the file is not UTF-8 (byte ${byte} in this line). Save it as UTF-8`, line);
      }
      if (end < 0) throw new TextFileError("the file is not UTF-8. Save it as UTF-8", line);
      line++;
      start = end + 1;
    }
  }
}
