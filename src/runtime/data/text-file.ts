/** Reads the small text files of a dataset: only regular files, only up to a size, and only UTF-8. */
import { mostBytes, RefusedFileError, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";

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
    bytes = readRegularFile(path, mostBytes.list);
  } catch (error) {
    const refused = error instanceof RefusedFileError;
    throw new TextFileError(refused ? error.message : `it cannot be read: ${reason(error)}`, 1);
  }
  return decodeText(bytes);
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
