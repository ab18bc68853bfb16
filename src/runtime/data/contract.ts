/** What the data room gives to the stages. */
import type { Dataset, ImageSize, SplitName, Task, Transform } from "../../compiler/typed/tree.js";
import type { PackStep } from "./augment.js";

/** One split of a packed dataset; images are numbered 0… within the split, grouped by class in class order. */
export interface PackedSplit {
  readonly split: SplitName;
  /** sha256 over the source digests, the decode recipe and its version, and the class list. */
  readonly digest: string;
  /** Of the images and their classes alone, in whatever size they are kept; that of an older pack is `digest`. */
  readonly imageDigest: string;
  readonly classes: readonly string[];
  /** First image of each class, and one past the last at the end: length classes + 1. */
  readonly offsets: Int32Array;
  /** Where each image came from, for messages. */
  sourceOf(image: number): string;
}

/** A dataset decoded once into uint8, channel-planar rows [channels, height, width], read by position. */
export interface Pack {
  readonly dir: string;
  readonly digest: string;
  /** Size of a stored image: after the deterministic prefix of the transforms. */
  readonly stored: ImageSize;
  readonly splits: Readonly<Partial<Record<SplitName, PackedSplit>>>;
  /** Images left out as unreadable (`unreadable skip`). */
  readonly skipped: readonly string[];
  readonly layout: PackLayout;
}
/** How a pack's files are read: the loader's business. */
export interface PackLayout {
  readonly variants: readonly PackVariant[];
  /** Row of each split's first image, in every variant. */
  readonly firstRow: Readonly<Partial<Record<SplitName, number>>>;
  readonly rows: number;
}
/** The images after one prefix of the transform chains. */
export interface PackVariant {
  readonly prefix: readonly PackStep[];
  /** Rows of [channels, height, width] bytes, where `index` says. */
  readonly file: string;
  /** Of each row: f64 offset; then of each u16 height; then of each u16 width (little-endian). */
  readonly index: string;
  /** Largest height and width of a row; `uniform` where each row has them. */
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
  /** Where packs and downloads are kept (`.fslc/data` unless the user says otherwise). */
  readonly cacheDir: string;
  /** Relative roots of datasets are resolved against this folder (the project's). */
  readonly projectDir: string;
  readonly threads: number;
  readonly onProgress: (progress: IngestProgress) => void;
  readonly signal: AbortSignal;
}
export type Ingest = (dataset: Dataset, options: IngestOptions) => Promise<Pack>;

/** Image indices of one episode, class-major: support[c · shot + k], query[c · query + q]. `classes` are split class numbers. */
export interface Episode {
  readonly classes: Int32Array;
  readonly support: Int32Array;
  readonly query: Int32Array;
}
/** A pure function: nothing but its arguments decides the episode. `purpose` is `train`, `validate` or `evaluate`. */
export type SampleEpisode = (seed: number, purpose: string, split: PackedSplit, task: Task, index: number) => Episode;

/** Produces batches of augmented uint8 images [count, channels, height, width] on other threads, in the order asked for. */
export interface Loader {
  /**
   * Queues a batch: `images` are indices into the split. `step` and the image seed its augmentation, not its place; an
   * image that a step has twice is augmented anew. A step may come in several batches, one after the other.
   */
  request(step: number, images: Int32Array): void;
  /** The next batch in request order. The data is valid until `release`. */
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
  /** The whole chain; the loader runs what the pack has not already done, up to `normalize` (which is the graph's). */
  readonly transforms: readonly Transform[];
  /** Size of one output image. */
  readonly output: ImageSize;
  readonly maxBatch: number;
  readonly seed: number;
  readonly purpose: string;
  readonly threads: number;
}
export type CreateLoader = (options: LoaderOptions) => Promise<Loader>;
