/** Reads files that a user or a project names: only regular files, and only up to a size. */
import { readFileSync, statSync } from "node:fs";
import { foreignEncoding } from "./encoding.js";
import { realPath } from "./project.js";

const mebibyte = 2 ** 20;

/** The largest file of each kind in bytes. Each is far more than a real file of its kind has. */
export const mostBytes = {
  /** An experiment, a library or a file of parameters. */
  text: 16 * mebibyte,
  /** A list of episodes, classes or images. The list of the 1.3 million images of ImageNet has 60 MB. */
  list: 256 * mebibyte,
  /** A file of weights. Node reads no larger file in one piece. */
  weights: 2 ** 31 - 1,
  /** An image. */
  image: 512 * mebibyte,
  /** A file of an unpacked archive of images. */
  images: 1024 * mebibyte,
} as const;

/** Refuses a file because of its kind or its size. The message is a clause that describes the file: "it is a folder". */
export class RefusedFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RefusedFileError";
  }
}

/**
 * Checks a file before it is opened, because opening a pipe waits for a writer, and a device may have no end.
 *
 * @throws RefusedFileError if it is no regular file or has more than `most` bytes, and an error of the file system if there is none.
 */
export function requireRegularFile(path: string, most: number = Number.POSITIVE_INFINITY): void {
  const info = statSync(path);
  if (info.isDirectory()) throw new RefusedFileError("it is a folder");
  if (!info.isFile()) throw new RefusedFileError("it is no regular file but a pipe, a socket or a device");
  if (info.size <= most) return;
  const [size, limit] = [info.size, most].map((bytes) => Math.floor(bytes / mebibyte));
  throw new RefusedFileError(`it has ${size} MiB, and at most ${limit} MiB are read`);
}

/** Returns the bytes of a file. @throws RefusedFileError if it is no regular file or too large, and an error of the file system. */
export function readRegularFile(path: string, most: number): Buffer {
  requireRegularFile(path, most);
  return readFileSync(path);
}

/**
 * Checks a file of FSL. Messages show its text, so a link with the name of such a file must not lead to a file of another kind.
 *
 * @throws RefusedFileError if it is no regular file, too large or such a link, and an error of the file system if there is none.
 */
function requireSource(path: string): void {
  requireRegularFile(path, mostBytes.text);
  const isDisguised = path.endsWith(".fsl") && !realPath(path).endsWith(".fsl");
  if (isDisguised) throw new RefusedFileError("it is a link to a file whose name does not end in .fsl");
}

/** Returns the text of a file of FSL. @throws what `requireSource` and `decodeUtf8` throw, and an error of the file system. */
export function readSource(path: string): string {
  requireSource(path);
  return decodeUtf8(readFileSync(path));
}

/** Returns the text of a file of another kind, such as parameters. @throws what `readRegularFile` and `decodeUtf8` throw. */
export function readText(path: string): string {
  return decodeUtf8(readRegularFile(path, mostBytes.text));
}

/** Decodes UTF-8 without a byte order mark. @throws RefusedFileError that names the encoding that the bytes seem to have. */
function decodeUtf8(bytes: Uint8Array): string {
  const encoding = foreignEncoding(bytes);
  if (encoding === undefined) return new TextDecoder("utf-8").decode(bytes);
  throw new RefusedFileError(`it is ${encoding}, not a text in UTF-8`);
}

/** Decodes the text of standard input. @throws RefusedFileError if it is larger than a file of its kind may be. */
export async function readSourceStream(stream: AsyncIterable<string | Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > mostBytes.text) throw new RefusedFileError(`it has more than ${mostBytes.text / mebibyte} MiB`);
  }
  return decodeUtf8(Buffer.concat(chunks));
}
