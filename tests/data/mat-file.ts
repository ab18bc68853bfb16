/** Writes files of MATLAB's version 5, as the published data sets have them. */
import { deflateSync } from "node:zlib";

export type MatValue = number | readonly number[] | string | MatCells | MatRecords | MatGrid;
/** Whole numbers from 0 to 65535 in `columns`, each of which is a list of them. */
interface MatGrid {
  readonly columns: readonly (readonly number[])[];
}
interface MatCells {
  readonly cells: readonly MatValue[];
}
interface MatRecords {
  readonly records: readonly Readonly<Record<string, MatValue>>[];
}

/** A file with these variables, each deflated unless `plain` is set, as MATLAB does and SciPy does not. */
export function matFile(variables: Readonly<Record<string, MatValue>>, plain = false): Buffer {
  const header = Buffer.alloc(128, " ");
  header.write("MATLAB 5.0 MAT-file, Platform: GLNXA64");
  header.fill(0, 116, 124);
  header.writeUInt16LE(0x0100, 124);
  header.write("IM", 126);
  const elements = Object.entries(variables).map(([name, value]) => {
    const whole = matrix(name, value);
    if (plain) return whole;
    const packed = deflateSync(whole);
    return Buffer.concat([words(15, packed.length), packed]);
  });
  return Buffer.concat([header, ...elements]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
}

/** An element: up to four bytes stand within the tag, and more are padded to eight. */
function element(type: number, content: Buffer): Buffer {
  if (content.length > 0 && content.length <= 4)
    return Buffer.concat([words((content.length << 16) | type), content, Buffer.alloc(4 - content.length)]);
  return Buffer.concat([words(type, content.length), content, Buffer.alloc((8 - (content.length % 8)) % 8)]);
}

function matrix(name: string, value: MatValue): Buffer {
  const [kind, count, content] = contentOf(value);
  const parts = [
    element(6, words(kind, 0)),
    element(5, words(...sizesOf(value, count))),
    element(1, Buffer.from(name)),
    content,
  ];
  return element(14, Buffer.concat(parts));
}

function sizesOf(value: MatValue, count: number): [number, number] {
  if (typeof value !== "object" || !("columns" in value)) return [1, count];
  return [value.columns[0]?.length ?? 0, value.columns.length];
}

/** The class of a value in MATLAB, its length and its bytes. */
function contentOf(value: MatValue): [number, number, Buffer] {
  if (typeof value === "string") return [4, value.length, element(4, Buffer.from(value, "utf16le"))];
  if (typeof value === "number") return contentOf([value]);
  if ("columns" in value) return contentOf(value.columns.flat());
  if ("cells" in value) return [1, value.cells.length, Buffer.concat(value.cells.map((cell) => matrix("", cell)))];
  if ("records" in value) {
    const fields = Object.keys(value.records[0] ?? {});
    const names = Buffer.alloc(32 * fields.length);
    for (const [i, field] of fields.entries()) names.write(field, 32 * i);
    const values = value.records.flatMap((record) => fields.map((field) => matrix("", record[field] ?? "")));
    return [2, value.records.length, Buffer.concat([element(5, words(32)), element(1, names), ...values])];
  }
  // Numbers of the class double are stored in a smaller type that holds them: two bytes here.
  const bytes = Buffer.alloc(2 * value.length);
  for (const [i, number] of value.entries()) bytes.writeUInt16LE(number, 2 * i);
  return [6, value.length, element(4, bytes)];
}
