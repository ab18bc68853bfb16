/** What each source of images gives: where its images are, how its classes divide, and what is known before. */
import { isAbsolute, resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type {
  DataSource,
  DatasetFacts,
  ParamValue,
  SourceArg,
  SourceForm,
  SplitName,
} from "../../../compiler/typed/tree.js";
import type { IngestOptions } from "../contract.js";

export const splitNames: readonly SplitName[] = ["train", "val", "test"];

/** One image before it is read. */
export interface ImageRef {
  /** For people: its path inside the root. */
  readonly name: string;
  /** The file that holds its bytes. */
  readonly file: string;
  /** Its name inside that file, where it holds several (a zip archive, an icon set). */
  readonly entry?: string;
  /** Turned counter-clockwise by this many quarters. */
  readonly quarterTurns?: 0 | 1 | 2 | 3;
  /** Of pixels that are stored bare: where they begin in that file or entry, [channels, height, width] bytes. */
  readonly raw?: RawPixels;
}
export interface RawPixels {
  readonly offset: number;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

/** Which bytes an image is of. */
export function imageIdentity({ file, entry, raw }: ImageRef): string {
  return [file, ...(entry === undefined ? [] : [entry]), ...(raw === undefined ? [] : [`@${raw.offset}`])].join("\0");
}

export interface ListedClass {
  readonly name: string;
  readonly images: readonly ImageRef[];
}
/** Classes in order, images in order: this order is the pack's, so it must not depend on the file system's. */
export type Listing = Readonly<Partial<Record<SplitName, readonly ListedClass[]>>>;

export interface ArgDescription extends SourceArg {
  readonly meaning: string;
}
/** What the compiler knows of a source, and what `fslc data list` prints beside it. */
export interface SourceDescription extends SourceForm {
  readonly summary: string;
  readonly args: readonly ArgDescription[];
  /** Where the data is to be had, and how it is laid out. */
  readonly obtain: string;
  readonly licence: string;
  /** Whether fslc fetches it by itself. */
  readonly fetched: boolean;
}

/** The folders that a source works with. */
export interface DataFolders {
  readonly cacheDir: string;
  readonly projectDir: string;
}

export interface Source {
  readonly description: SourceDescription;
  /** Cheap and synchronous: constants of an official set, else a quick look; undefined where nothing is known. */
  facts(source: DataSource, places: DataFolders): DatasetFacts | undefined;
  /** Files and folders whose state decides what `list` gives; none where the source is pinned. @throws DiagnosticError where one is missing. */
  roots(source: DataSource, places: DataFolders): readonly string[];
  /** Everything else that decides the images: versions of what is pinned. */
  pinned?: string;
  /** Brings what is not there (the emoji packages). */
  fetch?(source: DataSource, options: Omit<IngestOptions, "threads">): Promise<void>;
  list(source: DataSource, places: DataFolders): Promise<Listing>;
}

/** A text argument, or its default. @throws DiagnosticError where it has another type. */
export function textArg(source: DataSource, name: string, otherwise: string | undefined): string {
  const value = source.args[name] ?? otherwise;
  if (typeof value === "string") return value;
  throw badArg(source, name, value, "a text is needed");
}
export function boolArg(source: DataSource, name: string, otherwise: boolean): boolean {
  const value = source.args[name] ?? otherwise;
  if (typeof value === "boolean") return value;
  throw badArg(source, name, value, "true or false is needed");
}
/** A fraction of the classes. */
export function fractionArg(source: DataSource, name: string, otherwise: number): number {
  const value = source.args[name] ?? otherwise;
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw badArg(source, name, value, "a fraction from 0 to below 1 is needed");
}
export function badArg(
  source: DataSource,
  name: string,
  value: ParamValue | undefined,
  problem: string,
): DiagnosticError {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return new DiagnosticError(diagnostic("FSL6005", undefined, { source: source.kind, name, value: text, problem }));
}

/** A path of the user's: relative ones start at the project. */
export function resolvePath(path: string, { projectDir }: DataFolders): string {
  return isAbsolute(path) ? path : resolve(projectDir, path);
}

export function layoutError(source: DataSource, path: string, problem: string, cause?: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL6002", undefined, { source: source.kind, path, problem }), { cause });
}

/** The facts of classes with known sizes. */
export function splitFacts(classes: readonly { readonly name: string; readonly images: number }[]) {
  const [first, ...rest] = classes;
  if (first === undefined) return undefined;
  let smallest = first;
  let images = first.images;
  for (const one of rest) {
    images += one.images;
    if (one.images < smallest.images) smallest = one;
  }
  return { classes: classes.length, images, smallest: { name: smallest.name, images: smallest.images } };
}
/** The facts of three splits, empty ones left out. */
export function datasetFacts(
  splits: Readonly<Partial<Record<SplitName, readonly { readonly name: string; readonly images: number }[]>>>,
): DatasetFacts {
  const facts: Partial<Record<SplitName, NonNullable<ReturnType<typeof splitFacts>>>> = {};
  for (const split of splitNames) {
    const found = splitFacts(splits[split] ?? []);
    if (found !== undefined) facts[split] = found;
  }
  return { splits: facts };
}
