/** Descriptions of classes: what the compiler may know of them, and the numbers that stages use. */
import { resolve } from "node:path";
import { didYouMean } from "../../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { GivenDescription, Unusable } from "../../../compiler/typed/given-files.js";
import type { DataSource, Dataset, DatasetFacts, Description } from "../../../compiler/typed/tree.js";
import { mostBytes, readRegularFile } from "../../system/read-file.js";
import { reason } from "../../system/reason.js";
import type { PackedSplit } from "../contract.js";
import { findSource, sourceFacts } from "../sources/index.js";
import type { DataFolders, FetchOptions } from "../sources/source.js";
import { TextFileError } from "../text-file.js";
import { parseDescription } from "./parse.js";
import { type DescriptionTable, tableDigest, tableOfWords } from "./table.js";

/** A description as a dataset names it. */
export interface AskedDescription {
  readonly name: string;
  /** The file of the table, or undefined for one that the source has. */
  readonly file: string | undefined;
}

/** Returns the size and the digest of a description, or what is wrong with it. It fetches nothing. */
export function describeClasses(
  source: DataSource,
  { name, file }: AskedDescription,
  places: DataFolders,
): GivenDescription | Unusable {
  try {
    if (file === undefined) return findSource(source.kind).describe?.facts(source, name, places) ?? unknown(name);
    const facts = sourceFacts(source, places.projectDir, places.cacheDir);
    const table = readTable(file, places, trainingClasses(facts));
    const missing = missingRow(classNames(facts), table);
    if (missing !== undefined) return { problem: missing, place: undefined };
    return { size: table.columns.length, digest: tableDigest(table) };
  } catch (error) {
    if (error instanceof TextFileError)
      return { problem: error.line === 1 ? error.message : `line ${error.line}: ${error.message}`, place: undefined };
    if (error instanceof DiagnosticError) return { problem: error.diagnostic.message, place: undefined };
    return { problem: reason(error), place: undefined };
  }
}

function unknown(name: string): Unusable {
  return { problem: `the source has no \`${name}\``, place: undefined };
}

/** Returns the names of the training classes, or undefined if they are not known before the data are read. */
function trainingClasses(facts: DatasetFacts | undefined): readonly string[] | undefined {
  const sizes = facts?.splits.train?.sizes;
  return sizes === undefined ? undefined : Object.keys(sizes);
}

function classNames(facts: DatasetFacts | undefined): readonly string[] {
  return Object.values(facts?.splits ?? {}).flatMap(({ sizes }) => Object.keys(sizes ?? {}));
}

/** @throws TextFileError if the file cannot be used. */
function readTable(
  file: string,
  { projectDir }: DataFolders,
  training: readonly string[] | undefined,
): DescriptionTable {
  const parsed = parseDescription(file, readRegularFile(resolve(projectDir, file), mostBytes.list));
  if ("numbers" in parsed) return parsed.numbers;
  if (training === undefined)
    throw new TextFileError("it has words, and which of them count is known when the data are there", 1);
  return tableOfWords(parsed.words, training);
}

/** Returns a clause about the first class without a row, or undefined if each has one. */
function missingRow(names: readonly string[], { rows }: DescriptionTable): string | undefined {
  const missing = names.find((name) => !rows.has(name));
  if (missing === undefined) return undefined;
  const near = didYouMean(missing, rows.keys());
  return `the class \`${missing}\` has no row${near === undefined ? "" : `; the nearest is \`${near}\``}`;
}

/** Fetches the tables of a dataset that its source fetches. */
export async function fetchDescriptions(
  { source, descriptions = [] }: Pick<Dataset, "source" | "descriptions">,
  options: FetchOptions,
): Promise<void> {
  for (const { name, file } of descriptions)
    if (file === undefined) await findSource(source.kind).describe?.fetch?.(name, options);
}

/**
 * Returns the rows of the classes of a split, one after the other.
 *
 * @throws DiagnosticError FSL6052 if the table has changed since the check, or a class has no row.
 */
export async function loadDescription(
  dataset: Dataset,
  { name, size, file, digest }: Description,
  { split, training }: { readonly split: Pick<PackedSplit, "classes">; readonly training: readonly string[] },
  options: FetchOptions,
): Promise<Float32Array> {
  const refuse = (why: string): DiagnosticError =>
    new DiagnosticError(diagnostic("FSL6052", dataset.span, { name, dataset: dataset.name, why }));
  const read = async (): Promise<DescriptionTable | undefined> => {
    if (file !== undefined) return readTable(file, options, training);
    const { describe } = findSource(dataset.source.kind);
    await describe?.fetch?.(name, options);
    return await describe?.load(dataset.source, name, training, options);
  };
  const table = await read().catch((error: unknown) => {
    if (error instanceof DiagnosticError) throw error;
    throw refuse(error instanceof TextFileError ? error.message : reason(error));
  });
  if (table === undefined) throw refuse("the source no longer has it");
  const missing = missingRow(split.classes, table);
  if (missing !== undefined) throw refuse(missing);
  if (table.columns.length !== size || (digest !== undefined && tableDigest(table) !== digest))
    throw refuse("it has changed since it was checked");
  const rows = new Float32Array(split.classes.length * size);
  for (const [c, label] of split.classes.entries()) rows.set(table.rows.get(label) ?? [], c * size);
  return rows;
}
