/** Reads files that describe classes: CSV with a header, JSON, and lines of a name and its numbers. */
import { createRequire } from "node:module";
import { decodeText, TextFileError } from "../text-file.js";
import type { ClassWords, DescriptionTable } from "./table.js";

/** The content of a file: numbers for each class, or words for each class. */
export type ParsedDescription = { readonly numbers: DescriptionTable } | { readonly words: ClassWords };

/**
 * Parses a file by the end of its name: `.csv`, `.json`, or any other as lines of a name and its numbers.
 *
 * @throws TextFileError that says what is wrong, and in which line.
 */
export function parseDescription(path: string, bytes: Uint8Array): ParsedDescription {
  const text = decodeText(bytes);
  if (path.endsWith(".csv")) return { numbers: parseCsv(text) };
  if (path.endsWith(".json")) return parseJson(text);
  return { numbers: parseLines(text) };
}

/** Collects rows of equal length, each class once. */
class Rows {
  readonly rows = new Map<string, readonly number[]>();
  private width: number | undefined;

  constructor(width?: number) {
    this.width = width;
  }

  add(name: string, values: readonly unknown[], line: number): void {
    if (this.rows.has(name)) throw new TextFileError(`\`${name}\` has two rows`, line);
    this.width ??= values.length;
    if (values.length === 0 || values.length !== this.width)
      throw new TextFileError(
        `the row of \`${name}\` has ${values.length} numbers, and others have ${this.width}`,
        line,
      );
    const numbers = values.map((value) => (typeof value === "number" ? value : asNumber(String(value))));
    const wrong = numbers.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new TextFileError(`value ${wrong + 1} of \`${name}\` is not a number`, line);
    this.rows.set(name, numbers);
  }

  table(columns?: readonly string[]): DescriptionTable {
    if (this.width === undefined) throw new TextFileError("it has no rows", 1);
    return { columns: columns ?? Array.from({ length: this.width }, (_, i) => String(i)), rows: this.rows };
  }
}

function asNumber(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** Parses `class,black,white,…`: a line of names, then a row for each class. */
function parseCsv(text: string): DescriptionTable {
  const { parse } = createRequire(import.meta.url)("csv-parse/sync") as typeof import("csv-parse/sync");
  let lines: string[][];
  try {
    lines = parse(text, { bom: true, relax_column_count: true, skip_empty_lines: true, trim: true }) as string[][];
  } catch {
    throw new TextFileError("it is no CSV: a quotation mark is open, or stands inside a value", 1);
  }
  const [header, ...rest] = lines;
  if (header === undefined || header.length < 2)
    throw new TextFileError("its first line must name the columns: `class,black,white`", 1);
  const rows = new Rows(header.length - 1);
  for (const [i, [name = "", ...values]] of rest.entries()) rows.add(name, values, i + 2);
  return rows.table(header.slice(1));
}

/** Parses lines of a name and its numbers, with spaces or tabs between them, as in files of word vectors. */
function parseLines(text: string): DescriptionTable {
  const rows = new Rows();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const [name, ...values] = line.trim().split(/\s+/);
    if (name === undefined || name === "") continue;
    rows.add(name, values, i + 1);
  }
  return rows.table();
}

/** Parses an object by class, of numbers (`[0.1, 0.9]` or `{"black": 1}`) or of words (`["black", "small"]`). */
function parseJson(text: string): ParsedDescription {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new TextFileError("it is no JSON", 1);
  }
  if (!isRecord(content)) throw new TextFileError('it must be an object by class: `{"cat": [0.1, 0.9]}`', 1);
  const entries = Object.entries(content);
  if (entries.every(([, value]) => Array.isArray(value) && value.every((word) => typeof word === "string")))
    return { words: new Map(entries as [string, string[]][]) };
  const columns = isRecord(entries[0]?.[1]) ? Object.keys(entries[0][1]) : undefined;
  const rows = new Rows(columns?.length);
  for (const [name, value] of entries) {
    if (columns === undefined && Array.isArray(value)) rows.add(name, value, 1);
    else if (columns !== undefined && isRecord(value)) rows.add(name, valuesOf(name, value, columns), 1);
    else throw new TextFileError(`\`${name}\` is described in another way than \`${entries[0]?.[0]}\``, 1);
  }
  return { numbers: rows.table(columns) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the values by column. @throws TextFileError if a class has other entries than the first one. */
function valuesOf(name: string, value: Readonly<Record<string, unknown>>, columns: readonly string[]): unknown[] {
  const other = Object.keys(value).find((key) => !columns.includes(key));
  if (other !== undefined)
    throw new TextFileError(`\`${name}\` has an entry \`${other}\` that the first class lacks`, 1);
  const missing = columns.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw new TextFileError(`\`${name}\` has no entry \`${missing}\``, 1);
  return columns.map((key) => value[key]);
}
