/** Reads the official archives of CIFAR-100: the class of each image and the place of its pixels. */
import { join } from "node:path";
import { mostBytes, readRegularFile } from "../../system/read-file.js";
import { byteArray, bytesInMemory, type PickleValue, readPickle } from "../pickle.js";
import { readTarGz } from "../tar.js";
import type { ImageRef, RawPixels } from "./source.js";

const side = 32;
const planes = 3;
const pixels = planes * side * side;
/** The bytes of a record of the binary version: superclass, class, pixels. */
const record = 2 + pixels;
/** The two parts of the data. Both have images of every class, so few-shot splits combine them. */
const parts = ["train", "test"] as const;

export type ArchiveKind = "binary" | "python";
/** The files of an archive or of the folder that it was unpacked to. */
export interface Members {
  /** Reads a file. It throws an error if the file is missing or unreadable. */
  read(name: string): Promise<Buffer>;
  /** Returns the place of a file's bytes. */
  place(name: string): Pick<ImageRef, "file" | "entry">;
}

export function folderMembers(folder: string): Members {
  return {
    read: async (name) => readRegularFile(join(folder, name), mostBytes.images),
    place: (name) => ({ file: join(folder, name) }),
  };
}

/**
 * Returns the members of a `.tar.gz` by their file names, and the version of the data.
 *
 * @throws Error if it is neither of the two versions.
 */
export async function archiveMembers(path: string): Promise<{ kind: ArchiveKind; members: Members }> {
  const files = await readTarGz(path);
  const entries = new Map([...files.keys()].map((entry) => [entry.slice(entry.lastIndexOf("/") + 1), entry]));
  const kind = entries.has("train.bin") ? "binary" : entries.has("meta") ? "python" : undefined;
  if (kind === undefined) throw new Error("neither train.bin nor meta is in it");
  const find = (name: string): string => {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`there is no ${name} in it`);
    return entry;
  };
  return {
    kind,
    members: {
      read: async (name) => files.get(find(name)) ?? Buffer.alloc(0),
      place: (name) => ({ file: path, entry: find(name) }),
    },
  };
}

/**
 * Returns the images of each class in the order of the files, with the training part first.
 *
 * @throws Error that names the file and what is wrong in it.
 */
export async function archiveImages(kind: ArchiveKind, members: Members): Promise<ReadonlyMap<string, ImageRef[]>> {
  const names = kind === "binary" ? await binaryNames(members) : await pythonNames(members);
  const classes = new Map<string, ImageRef[]>(names.map((name) => [name, []]));
  for (const part of parts) {
    const rows = kind === "binary" ? await binaryRows(part, members) : await pythonRows(part, members);
    for (const [i, { label, name, offset }] of rows.entries()) {
      const images = classes.get(names[label] ?? "");
      if (images === undefined) throw new Error(`${part}: image ${i} has the class ${label} of ${names.length}`);
      const raw: RawPixels = { offset, channels: planes, height: side, width: side };
      images.push({ name, ...members.place(kind === "binary" ? `${part}.bin` : part), raw });
    }
  }
  return classes;
}

interface Row {
  readonly label: number;
  readonly name: string;
  /** The offset of its pixels in the file. */
  readonly offset: number;
}

async function binaryNames(members: Members): Promise<string[]> {
  const text = await readNamed(members, "fine_label_names.txt");
  return text
    .toString("latin1")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

async function binaryRows(part: string, members: Members): Promise<Row[]> {
  const file = `${part}.bin`;
  const bytes = await readNamed(members, file);
  if (bytes.length % record !== 0) {
    throw new Error(`${file}: its ${bytes.length} bytes are not whole records of ${record}; it is cut off or damaged`);
  }
  return Array.from({ length: bytes.length / record }, (_, i) => ({
    label: bytes.readUInt8(i * record + 1),
    name: `${file} image ${i}`,
    offset: i * record + 2,
  }));
}

async function pythonNames(members: Members): Promise<string[]> {
  const { value } = await unpickled(members, "meta");
  return texts(value, "fine_label_names", "meta");
}

async function pythonRows(part: string, members: Members): Promise<Row[]> {
  const { value, length } = await unpickled(members, part);
  const names = texts(value, "filenames", part);
  const labels = list(value, "fine_labels", part).filter((label) => typeof label === "number");
  const data = byteArray(field(value, "data", part));
  if (data === undefined) throw new Error(`${part}: \`data\` is no array of bytes`);
  const [rows, columns] = data.shape;
  if (data.shape.length !== 2 || columns !== pixels || rows !== labels.length || rows !== names.length) {
    const sizes = `${names.length} names, ${labels.length} classes and ${data.shape.join(" × ")} bytes`;
    throw new Error(`${part}: ${sizes} do not belong together`);
  }
  if (data.data.at + data.data.length > length) throw new Error(`${part}: it is cut off`);
  return labels.map((label, i) => ({ label, name: `${part}/${names[i]}`, offset: data.data.at + i * pixels }));
}

async function unpickled(members: Members, file: string): Promise<{ value: PickleValue; length: number }> {
  const bytes = await readNamed(members, file);
  try {
    return { value: readPickle(bytesInMemory(bytes)), length: bytes.length };
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function field(value: PickleValue, key: string, file: string): PickleValue {
  const found = value instanceof Map ? value.get(key) : undefined;
  if (found === undefined) throw new Error(`${file}: there is no \`${key}\` in it`);
  return found;
}
function list(value: PickleValue, key: string, file: string): PickleValue[] {
  const found = field(value, key, file);
  if (!Array.isArray(found)) throw new Error(`${file}: \`${key}\` is no list`);
  return found;
}
function texts(value: PickleValue, key: string, file: string): string[] {
  return list(value, key, file).filter((item) => typeof item === "string");
}

async function readNamed(members: Members, name: string): Promise<Buffer> {
  try {
    return await members.read(name);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    throw new Error(`there is no ${name} in it`, { cause: error });
  }
}
