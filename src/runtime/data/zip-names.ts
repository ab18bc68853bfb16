/** Lists the names in a zip archive from its central directory, synchronously, so that `fslc check` can say what lies in it. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { requireRegularFile } from "../system/read-file.js";

const endRecord = 22;
const mostComment = 0xffff;
const header = 46;
/** The largest central directory in bytes: about 4 million names. */
const mostDirectoryBytes = 512 * 2 ** 20;
const beyond32 = 0xffffffff;

/** The names of an archive. */
export interface ZipNames {
  /** The names of files, in the order of the archive. */
  readonly names: readonly string[];
  /** A name whose encoding is unknown. It was read as code page 437. */
  readonly doubtful: string | undefined;
}

/**
 * Reads the names of all files in an archive.
 *
 * @throws Error if the file is not a zip archive.
 */
export function readZipNames(path: string): ZipNames {
  requireRegularFile(path);
  const file = openSync(path, "r");
  try {
    const directory = readDirectory(file);
    const names: string[] = [];
    let doubtful: string | undefined;
    for (let at = 0; at + header <= directory.length && directory.readUInt32LE(at) === 0x02014b50; ) {
      const nameEnd = at + header + directory.readUInt16LE(at + 28);
      const raw = directory.subarray(at + header, nameEnd);
      const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
      const extra = directory.subarray(nameEnd, extraEnd);
      const { name, certain } = decodeZipName(raw, directory.readUInt16LE(at + 8), extra);
      if (!certain) doubtful ??= name;
      if (!name.endsWith("/")) names.push(name);
      at = extraEnd + directory.readUInt16LE(at + 32);
    }
    return { names, doubtful };
  } finally {
    closeSync(file);
  }
}

/**
 * Decodes a name and turns backslashes of archives from Windows into slashes. An archive may declare UTF-8, or give the name in
 * UTF-8 a second time (the extra field 0x7075). Many programs write UTF-8 and do not declare it. Anything else is read as code
 * page 437, in which each byte is one character, so that different names stay different.
 */
export function decodeZipName(
  raw: Uint8Array,
  flags: number,
  extra: Uint8Array,
): { readonly name: string; readonly certain: boolean } {
  const utf8 = decodeUtf8(raw) ?? decodeUtf8(unicodeName(raw, Buffer.from(extra)));
  const name = utf8 ?? [...raw].map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : cp437[byte - 0x80])).join("");
  return { name: name.replaceAll("\\", "/"), certain: utf8 !== undefined || (flags & 0x800) !== 0 };
}

function decodeUtf8(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Returns the bytes of Info-ZIP's Unicode path: version 1, the CRC-32 of the other name, and the name in UTF-8. */
function unicodeName(raw: Uint8Array, extra: Buffer): Uint8Array | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    const field = extra.subarray(at + 4, end);
    const ours = extra.readUInt16LE(at) === 0x7075 && field.length > 5 && field[0] === 1;
    if (ours && field.readUInt32LE(1) === crc32(raw)) return field.subarray(5);
    at = end;
  }
  return undefined;
}

const cp437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

function readDirectory(file: number): Buffer {
  const { size } = fstatSync(file);
  const tail = readAt(file, Math.max(0, size - endRecord - mostComment), Math.min(size, endRecord + mostComment));
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + endRecord > tail.length) throw new Error("it is no zip archive, or it is cut off");
  let length = tail.readUInt32LE(end + 12);
  let start = tail.readUInt32LE(end + 16);
  if ((length === beyond32 || start === beyond32) && end >= 20 && tail.readUInt32LE(end - 20) === 0x07064b50) {
    const large = readAt(file, Number(tail.readBigUInt64LE(end - 12)), 56);
    length = Number(large.readBigUInt64LE(40));
    start = Number(large.readBigUInt64LE(48));
  }
  if (length > mostDirectoryBytes || start + length > size) throw new Error("its list of files is damaged");
  return readAt(file, start, length);
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(file, bytes, 0, length, position) < length) throw new Error("it is no zip archive, or it is cut off");
  return bytes;
}
