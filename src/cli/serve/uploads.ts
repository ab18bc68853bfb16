/** Reads the images of a request as a stream, under limits of number, size and kind. */
import type { IncomingMessage } from "node:http";
import { Busboy, type BusboyHeaders } from "@fastify/busboy";
import { printable } from "../../common/printable.js";
import { Problem } from "./problem.js";

export const limits = {
  /** The most bytes of one image. */
  imageBytes: 10 * 2 ** 20,
  /** The most images of one request. */
  images: 100,
  /** The most bytes of one request. */
  requestBytes: 64 * 2 ** 20,
  /** The most bytes of a request in JSON. */
  jsonBytes: 64 * 2 ** 10,
  /** The most requests that are read at the same time. Others wait. */
  atOnce: 4,
} as const;

export interface UploadedImage {
  /** The name of the file, for people. It is never a path. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The first bytes of each kind of image that is read. Drawings in SVG are texts that name other files, so they are refused. */
const kinds: readonly (readonly [offset: number, bytes: string])[] = [
  [0, "\x89PNG\r\n\x1a\n"],
  [0, "\xff\xd8\xff"],
  [0, "GIF8"],
  [8, "WEBP"],
  [4, "ftypavif"],
  [0, "BM"],
  [0, "II*\0"],
  [0, "MM\0*"],
  ...[..."123456"].map((digit) => [0, `P${digit}`] as const),
];

/** Returns the images of a `multipart/form-data` request, or the one image that is its whole body. @throws Problem 400, 413 or 415 */
export async function readImages(request: IncomingMessage): Promise<UploadedImage[]> {
  const type = request.headers["content-type"] ?? "";
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > limits.requestBytes) throw tooMuch("the request", limits.requestBytes);
  const images = type.startsWith("multipart/form-data")
    ? await readForm(request)
    : type.startsWith("image/") || type === "application/octet-stream"
      ? [{ name: "", bytes: await readBody(request, limits.imageBytes, "the image") }]
      : undefined;
  if (images === undefined) throw new Problem(415, "send images as `multipart/form-data`, or one image as the body");
  if (images.length === 0) throw new Problem(400, "no image is in the request");
  for (const { name, bytes } of images) requireImage(name, bytes);
  return images;
}

/** Returns the JSON object in the body of a request. @throws Problem 400, 413 or 415 */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Problem(415, "send JSON");
  const bytes = await readBody(request, limits.jsonBytes, "the JSON");
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // The problem below says what is wrong.
  }
  throw new Problem(400, "the body is no JSON object");
}

function requireImage(name: string, bytes: Uint8Array): void {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString("latin1");
  if (kinds.some(([offset, magic]) => start.startsWith(magic, offset))) return;
  const file = name === "" ? "the body" : `\`${name}\``;
  throw new Problem(415, `${file} is no image that is read: PNG, JPEG, WebP, AVIF, GIF, TIFF, BMP or PNM`);
}

function tooMuch(what: string, most: number): Problem {
  return new Problem(413, `${what} is larger than ${Math.round(most / 2 ** 10)} KiB`);
}

async function readBody(request: IncomingMessage, most: number, what: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > most) throw tooMuch(what, most);
    parts.push(part);
  }
  if (!request.complete) throw new Problem(400, "the request ended early");
  return Buffer.concat(parts);
}

async function readForm(request: IncomingMessage): Promise<UploadedImage[]> {
  let parser: InstanceType<typeof Busboy>;
  try {
    parser = new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: {
        fileSize: limits.imageBytes,
        files: limits.images,
        fields: 8,
        fieldSize: 1024,
        parts: limits.images + 8,
        headerPairs: 32,
      },
    });
  } catch (error) {
    throw new Problem(400, error instanceof Error ? error.message : "the form cannot be read");
  }
  const images: UploadedImage[] = [];
  await new Promise<void>((resolve, reject) => {
    let bytes = 0;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > limits.requestBytes) reject(tooMuch("the request", limits.requestBytes));
    });
    request.on("aborted", () => reject(new Problem(400, "the request ended early")));
    request.on("error", () => reject(new Problem(400, "the request ended early")));
    const tooMany = (): void => reject(new Problem(413, `one request has at most ${limits.images} images`));
    parser.on("filesLimit", tooMany);
    parser.on("partsLimit", tooMany);
    parser.on("error", () => reject(new Problem(400, "the form is not complete")));
    parser.on("finish", () => resolve());
    parser.on("file", (_field, stream, filename) => {
      const parts: Buffer[] = [];
      const name = labelOf(filename);
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("limit", () => reject(tooMuch(name === "" ? "an image" : `\`${name}\``, limits.imageBytes)));
      stream.on("error", () => reject(new Problem(400, "the form is not complete")));
      stream.on("end", () => images.push({ name, bytes: Buffer.concat(parts) }));
    });
    request.pipe(parser);
  }).finally(() => request.unpipe(parser));
  return images;
}

/** Returns the last part of a path, without characters that cannot be shown. */
function labelOf(filename: string | undefined): string {
  return printable((filename ?? "").split(/[/\\]/).at(-1) ?? "").slice(0, 100);
}
