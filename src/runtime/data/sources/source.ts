/** Defines a source of images: where its images are, how its classes are divided, and what is known before reading. */
import { isAbsolute, resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { GivenDescription, Unusable } from "../../../compiler/typed/given-files.js";
import type {
  BaseSplit,
  DataFinding,
  DataSource,
  DatasetFacts,
  ParamValue,
  SourceArg,
  SourceForm,
  SourceSplit,
} from "../../../compiler/typed/tree.js";
import type { Box } from "../box.js";
import type { IngestOptions } from "../contract.js";
import type { DescriptionTable } from "../descriptions/table.js";

export const splitNames: readonly SourceSplit[] = ["train", "val", "test"];

/** An image before it is read. */
export interface ImageRef {
  /** The path of the image inside the root, for people. */
  readonly name: string;
  /** The file that contains the image. */
  readonly file: string;
  /** The name of the image inside that file, if the file contains several (a zip archive, an icon set). */
  readonly entry?: string;
  /** The number of quarter turns, counterclockwise. */
  readonly quarterTurns?: 0 | 1 | 2 | 3;
  /** The place and size of the pixels, if the file or entry stores them raw. */
  readonly raw?: RawPixels;
  /** The place of the encoded image in the file, if the file contains several of them one behind another. */
  readonly range?: { readonly offset: number; readonly length: number };
  /** The box around the object, for the transform `box`. */
  readonly box?: Box;
}
/** Pixels in a file: bytes [channels, height, width], or [height, width, channels] if they are interleaved. */
export interface RawPixels {
  readonly offset: number;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly interleaved?: true;
}

/** Returns a text that is the same for images of the same bytes. */
export function imageIdentity({ file, entry, raw, range }: ImageRef): string {
  const offset = (raw ?? range)?.offset;
  return [file, ...(entry === undefined ? [] : [entry]), ...(offset === undefined ? [] : [`@${offset}`])].join("\0");
}

export interface ListedClass {
  readonly name: string;
  readonly images: readonly ImageRef[];
}
/** The classes of each split and their images. The pack keeps this order, so it must not depend on the file system. */
export type Listing = Readonly<Partial<Record<BaseSplit, readonly ListedClass[]>>>;

export interface ArgDescription extends SourceArg {
  readonly meaning: string;
}
/** Describes a source for the compiler and for `fslc data list`. */
export interface SourceDescription extends SourceForm {
  readonly summary: string;
  readonly args: readonly ArgDescription[];
  /** Says where to get the data, and how it is laid out. */
  readonly obtain: string;
  readonly license: string;
  /** The size of the download, for people. */
  readonly download?: string;
  /** The folder where examples of the library expect the data. */
  readonly folder?: string;
  /** The files, and with a slash at the end the folders, that the root of the data has. */
  readonly needs?: readonly string[];
  /** True if fslc fetches the data by itself. */
  readonly fetched: boolean;
}

/** Options for fetching missing data. */
export type FetchOptions = Omit<IngestOptions, "threads">;

/** The folders that a source uses. */
export interface DataFolders {
  readonly cacheDir: string;
  readonly projectDir: string;
}

/** A source of images. `sources/index.ts` lists all of them. */
export interface Source {
  readonly description: SourceDescription;
  /**
   * Returns the facts that are known without reading images, or undefined if nothing is known yet. An empty result says that the dataset
   * has no splits. It must be fast: constants, or a look at a folder or list.
   */
  facts(source: DataSource, places: DataFolders): DatasetFacts | undefined;
  /** Returns the files and folders whose state decides the result of `list`. A pinned source has none. */
  roots(source: DataSource, places: DataFolders): readonly string[];
  /** Identifies the versions of pinned data. It must change if the images change. */
  pinned?: string;
  /** Fetches missing data, if the source can do that. */
  fetch?(source: DataSource, options: FetchOptions): Promise<void>;
  /** Lists the classes and images of each split. */
  list(source: DataSource, places: DataFolders): Promise<Listing>;
  /** The descriptions of classes that the source has itself. `description.describes` names them. */
  readonly describe?: SourceDescriptions;
}
/** The tables with which a source describes its classes beside their images. */
export interface SourceDescriptions {
  /** Returns the size and the digest of a description, or what is wrong with it. It must be fast, as that of the source. */
  facts(source: DataSource, name: string, places: DataFolders): GivenDescription | Unusable;
  /** Fetches a missing table, if the source can do that. */
  fetch?(name: string, options: FetchOptions): Promise<void>;
  /** Returns the table. `training` has the names of the training classes. */
  load(source: DataSource, name: string, training: readonly string[], places: DataFolders): Promise<DescriptionTable>;
}

/**
 * Returns a text argument or its default.
 *
 * @throws DiagnosticError FSL6005 if it has another type, as do the other functions for arguments.
 */
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
/** Returns an argument that is a fraction of the classes. */
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
  help: readonly string[] = [],
): DiagnosticError {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  const holes = { source: source.kind, name, value: text, problem };
  return new DiagnosticError(diagnostic("FSL6005", undefined, holes, { help }));
}

/** Resolves a path of the user. A relative path starts at the folder of the project. */
export function resolvePath(path: string, { projectDir }: DataFolders): string {
  return isAbsolute(path) ? path : resolve(projectDir, path);
}

/** Returns the path of the data: the argument `root` of a source. */
export function rootOf(source: DataSource, places: DataFolders): string {
  return resolvePath(textArg(source, "root", undefined), places);
}

/** Returns the error for data whose layout is not the one that the source expects. */
export function layoutError(
  source: DataSource,
  path: string,
  problem: string,
  extras: { readonly help?: readonly string[]; readonly cause?: unknown } = {},
): DiagnosticError {
  const { help = [], cause } = extras;
  return new DiagnosticError(diagnostic("FSL6002", undefined, { source: source.kind, path, problem }, { help }), {
    cause,
  });
}

/** Returns a remark about data that can be used: a warning at the dataset. */
export function remark(what: string, help: readonly string[]): DataFinding {
  const { code, severity, message } = diagnostic("FSL6015", undefined, { what });
  return { code, severity, message, help };
}

/** Returns the facts of a split from its classes and their sizes, or undefined if there are no classes. */
export function splitFacts(classes: readonly { readonly name: string; readonly images: number }[]) {
  const [first, ...rest] = classes;
  if (first === undefined) return undefined;
  let smallest = first;
  let images = first.images;
  for (const one of rest) {
    images += one.images;
    if (one.images < smallest.images) smallest = one;
  }
  return {
    classes: classes.length,
    images,
    smallest: { name: smallest.name, images: smallest.images },
    sizes: Object.fromEntries(classes.map((one) => [one.name, one.images])),
  };
}
/** Returns the facts of the splits. It leaves out empty splits. */
export function datasetFacts(
  splits: Readonly<Partial<Record<SourceSplit, readonly { readonly name: string; readonly images: number }[]>>>,
): DatasetFacts {
  const facts: Partial<Record<SourceSplit, NonNullable<ReturnType<typeof splitFacts>>>> = {};
  for (const split of splitNames) {
    const found = splitFacts(splits[split] ?? []);
    if (found !== undefined) facts[split] = found;
  }
  return { splits: facts };
}
