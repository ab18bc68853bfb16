/**
 * Reads files of MATLAB, version 5 to 7: a header of 128 bytes, and then elements, each a type, a count of bytes and the bytes, padded to
 * eight. An element may be deflated. The format is from MathWorks' "MAT-File Format". Files of version 7.3 are HDF5 and are refused.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { constants, inflateSync } from "node:zlib";
import { mostBytes, requireRegularFile } from "../../system/read-file.js";
import { type MatContent, MatrixElement, readTag } from "./mat-element.js";
import { MatrixError } from "./matrix.js";

export type { MatContent, MatNumbers } from "./mat-element.js";

const headerBytes = 128;
const deflated = 15;
/** The bytes of a deflated element that are unpacked to learn its name and its sizes. */
const startBytes = 1024;

/** A variable of a file: its name and its sizes, and its content when it is asked for. */
export interface MatVariable {
  readonly name: string;
  readonly sizes: readonly number[];
  /** @throws MatrixError if the content is of a kind that is not read, or damaged. */
  content(): MatContent;
}

/**
 * Lists the variables of a file. Only their first bytes are read.
 *
 * @throws MatrixError if it is no such file, RefusedFileError if it is no regular file, and an error of the file system.
 */
export function listVariables(path: string): MatVariable[] {
  requireRegularFile(path);
  return withFile(path, (file) => {
    requireVersion(file.read(0, Math.min(headerBytes, file.size)));
    const variables: MatVariable[] = [];
    for (let at = headerBytes; at + 8 <= file.size; ) {
      const tag = readTag(file.read(at, 8));
      const [start, size] = [at + 8, tag.size];
      if (start + size > file.size) throw new MatrixError("it is cut off");
      const isDeflated = tag.type === deflated;
      const [place, length] = isDeflated ? [start, size] : [at, 8 + size];
      const begin = file.read(place, Math.min(startBytes, length));
      const { name, sizes } = new MatrixElement(isDeflated ? inflatedStart(begin) : begin);
      const content = (): MatContent =>
        withFile(path, (again) => {
          const bytes = again.read(place, length);
          return new MatrixElement(isDeflated ? inflated(bytes) : bytes).content();
        });
      variables.push({ name, sizes, content });
      // A deflated element is not padded.
      at = start + (isDeflated ? size : Math.ceil(size / 8) * 8);
    }
    return variables;
  });
}

/** Checks the header. @throws MatrixError that names the format if it is another one. */
function requireVersion(header: Buffer): void {
  const text = header.subarray(0, 116).toString("latin1");
  if (text.startsWith("MATLAB 7.3") || text.startsWith("\x89HDF"))
    throw new MatrixError("it is of MATLAB's version 7.3 (HDF5), which is not read: save it with `-v7`");
  if (header.length < headerBytes || !text.startsWith("MATLAB 5.0"))
    throw new MatrixError("it is no file of MATLAB's version 5 to 7");
  if (header.subarray(126, 128).toString("latin1") !== "IM")
    throw new MatrixError("its numbers are big-endian, which is not read");
}

function inflatedStart(bytes: Buffer): Buffer {
  return unpack(() => inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
}

function inflated(bytes: Buffer): Buffer {
  return unpack(() => inflateSync(bytes, { maxOutputLength: mostBytes.images }));
}

function unpack(work: () => Buffer): Buffer {
  try {
    return work();
  } catch {
    throw new MatrixError("a part of it cannot be unpacked");
  }
}

interface OpenFile {
  readonly size: number;
  read(offset: number, count: number): Buffer;
}

function withFile<T>(path: string, work: (file: OpenFile) => T): T {
  const descriptor = openSync(path, "r");
  try {
    return work({
      size: fstatSync(descriptor).size,
      read: (offset, count) => {
        const bytes = Buffer.alloc(count);
        if (readSync(descriptor, bytes, 0, count, offset) < count) throw new MatrixError("it is cut off");
        return bytes;
      },
    });
  } finally {
    closeSync(descriptor);
  }
}
