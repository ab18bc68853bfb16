/** Defines the types of packs, episodes and loaders that the stages use. */
import type { Dataset, ImageSize, SplitName, Task, Transform } from "../../compiler/typed/tree.js";
import type { PackStep } from "./augment.js";
import type { PackFindings } from "./findings.js";

/** One split of a packed dataset. Images are numbered from 0 within the split and grouped by class, in the order of the classes. */
export interface PackedSplit {
  readonly split: SplitName;
  /** The SHA-256 over the digests of the sources, the decode recipe with its version, and the list of classes. */
  readonly digest: string;
  /** The digest of the images and their classes alone, whatever size they are stored in. */
  readonly imageDigest: string;
  readonly classes: readonly string[];
  /** The first image of each class, and the number of images at the end: the length is classes + 1. */
  readonly offsets: Int32Array;
  /** Returns the origin of an image, for messages. */
  sourceOf(image: number): string;
}

/** A dataset that was decoded once into uint8, channel-planar rows [channels, height, width], which are read by position. */
export interface Pack {
  readonly dir: string;
  readonly digest: string;
  /** The size of a stored image, which is its size after the packed prefix. */
  readonly stored: ImageSize;
  readonly splits: Readonly<Partial<Record<SplitName, PackedSplit>>>;
  /** The unreadable images that were left out (`unreadable skip`). */
  readonly skipped: readonly string[];
  /** The images that make a result doubtful. */
  readonly findings: PackFindings;
  readonly layout: PackLayout;
}
/** Describes the files of a pack for the loader. */
export interface PackLayout {
  readonly variants: readonly PackVariant[];
  /** The row of the first image of each split, in every variant. */
  readonly firstRow: Readonly<Partial<Record<SplitName, number>>>;
  readonly rows: number;
}
/** The stored images after one prefix of the transform chains. */
export interface PackVariant {
  readonly prefix: readonly PackStep[];
  /** The path of the rows of [channels, height, width] bytes. */
  readonly file: string;
  /**
   * The path of the index: the f64 offsets of all rows, then their u32 checksums, then their u16 heights, then their u16
   * widths (little-endian).
   */
  readonly index: string;
  /** The CRC-32 of the index. */
  readonly indexChecksum: number;
  /** The largest height and width of a row. `uniform` is true if all rows have this size. */
  readonly height: number;
  readonly width: number;
  readonly uniform: boolean;
}
export interface IngestProgress {
  readonly phase: "download" | "scan" | "decode";
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: "bytes" | "files" | "images";
}
export interface IngestOptions {
  /** The folder of packs and downloads (by default `.fslc/data`). */
  readonly cacheDir: string;
  /** The folder of the project, at which relative roots of datasets start. */
  readonly projectDir: string;
  readonly threads: number;
  readonly onProgress: (progress: IngestProgress) => void;
  /** Takes a line for the user, such as the name of a damaged pack that is made again. */
  readonly onNote?: (note: { readonly message: string; readonly code?: string }) => void;
  readonly signal: AbortSignal;
}
export type Ingest = (dataset: Dataset, options: IngestOptions) => Promise<Pack>;

/**
 * The image numbers of one episode, class by class: support[c · shot + k], and query[c · query + q] if there are no labels. `classes` has the number of
 * each class within the split.
 */
export interface Episode {
  readonly classes: Int32Array;
  readonly support: Int32Array;
  readonly query: Int32Array;
  /** The way of each query, if the ways have different numbers of queries. */
  readonly labels?: Int32Array;
  /** The number of queries of each class if they differ. The first images of a class are then repeated up to the same number. */
  readonly counts?: Int32Array;
  /** The images without labels, of ways and of distractor classes in a random order. It is undefined if the task has none. */
  readonly unlabeled?: Int32Array;
}
/** Returns the way of query `q` of an episode with `query` queries of each way, or with labels. */
export const wayOf = ({ labels }: Episode, { query }: Pick<Task, "query">, q: number): number =>
  labels === undefined ? Math.floor(q / query) : (labels[q] ?? 0);

/** Returns the images of an episode in the order in which a program takes them. */
export function allImages({ support, query, unlabeled = new Int32Array(0) }: Episode): Int32Array {
  const all = new Int32Array(support.length + query.length + unlabeled.length);
  all.set(support);
  all.set(query, support.length);
  all.set(unlabeled, support.length + query.length);
  return all;
}
/** A pure function that samples an episode: only its arguments decide it. `purpose` is `train`, `validate` or `evaluate`. */
export type SampleEpisode = (seed: number, purpose: string, split: PackedSplit, task: Task, index: number) => Episode;

/** Produces batches of augmented uint8 images [count, channels, height, width] on other threads, in the order asked for. */
export interface Loader {
  /**
   * Queues a batch. `images` are numbers within the split. The augmentation of an image depends on `step` and on the image, not
   * on its place in the batch. If a step has an image twice, the second one is augmented differently. A step may consist of
   * several batches, one after another.
   */
  request(step: number, images: Int32Array): void;
  /** Returns the next batch in the order of the requests. Its data are valid until `release`. */
  next(): Promise<LoadedBatch>;
  close(): Promise<void>;
}
export interface LoadedBatch {
  readonly step: number;
  readonly images: Uint8Array;
  release(): void;
}
export interface LoaderOptions {
  readonly pack: Pack;
  readonly split: SplitName;
  /** The whole chain. The loader does the steps after the packed prefix, up to `normalize`, which the graph computes. */
  readonly transforms: readonly Transform[];
  /** The size of one output image. */
  readonly output: ImageSize;
  readonly maxBatch: number;
  readonly seed: number;
  readonly purpose: string;
  readonly threads: number;
}
export type CreateLoader = (options: LoaderOptions) => Promise<Loader>;
