/** The datasets of the typed tree: sources, facts and transforms. */
import type { Span } from "../../../grammar/ast.js";
import type { ParamValue } from "./values.js";

export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly source: DataSource;
  readonly train: readonly Transform[];
  readonly eval: readonly Transform[];
  readonly unreadable: "stop" | "skip";
  /** The descriptions of its classes. A dataset without such lines has no entry. */
  readonly descriptions?: readonly Description[];
  /** True if the splits may have the same classes. It changes no result, so a dataset without it has no such entry. */
  readonly sharedClasses?: boolean;
  /** The share of the images of each training class that leaves `train` and becomes `seen`. Without it there is no such split. */
  readonly holdOut?: number;
  /** The size of one image after the train chain and after the eval chain, which agree. */
  readonly image: ImageSize;
  /** The facts that are known before the data are read; undefined if none are. */
  readonly facts: DatasetFacts | undefined;
  readonly span: Span;
}
/** A table with a row of numbers for each class. */
export interface Description {
  /** The name of the form of parameters that take it, and of the axis of its numbers. */
  readonly name: string;
  /** The count of numbers in a row. */
  readonly size: number;
  /** The file of the table. Without it the source has the table itself. */
  readonly file?: string;
  /** The digest of the table, or undefined while its data are not available. */
  readonly digest: string | undefined;
}
export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The type of the values if they are no bytes. A vector is an image of one pixel, whose channels are its numbers. */
  readonly values?: "f32";
}
export interface DataSource {
  /** The name of a `SourceForm`. */
  readonly kind: string;
  readonly args: Readonly<Record<string, ParamValue>>;
}
/** An argument of a source. */
export interface SourceArg {
  readonly name: string;
  /** An argument of type `choice` has one of `choices`. */
  readonly type: "text" | "bool" | "real" | "choice";
  readonly choices?: readonly string[];
  /** Undefined if the argument is required. */
  readonly default: ParamValue | undefined;
  /** The smallest and the largest number that is allowed. */
  readonly range?: readonly [number, number];
}
/** A source that a `source` line may name, with its images before any transform. The host lists the sources. */
export interface SourceForm {
  readonly kind: string;
  readonly args: readonly SourceArg[];
  readonly channels: 1 | 3;
  readonly square: boolean;
  /** True if the data have boxes around objects, which the transform `box` needs. */
  readonly boxes?: true;
  /** True for a source of vectors instead of images. The facts of its data say how long they are. */
  readonly vectors?: true;
  /** The height and width of the images, if they are square and all have one size. */
  readonly size?: number;
  /** The descriptions of classes that the source has itself. */
  readonly describes?: readonly { readonly name: string; readonly meaning: string }[];
}
/** A split of a source. */
export type SourceSplit = "train" | "val" | "test";
/** `seen` has the images of training classes that `hold out` keeps from training. */
export type BaseSplit = SourceSplit | "seen";
/** A split, or two neighbors of `splitOrder` as one. */
export type SplitName = BaseSplit | `${BaseSplit}+${BaseSplit}`;
export interface DatasetFacts {
  /** It is empty if nothing is known of the classes. */
  readonly splits: Readonly<Partial<Record<SplitName, SplitFacts>>>;
  /** The count of numbers in each vector of a source of vectors. */
  readonly vector?: number;
  /** Lines that say what lies there and how it was read, for the help of errors about the data. */
  readonly seen?: readonly string[];
  /** Errors and warnings about the data. */
  readonly findings?: readonly DataFinding[];
}
/** A diagnostic about data that the compiler reports at the dataset. */
export interface DataFinding {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly help: readonly string[];
}
/** The digests of a dataset whose images are packed. */
export interface DataDigests {
  /** The digest of all of it. */
  readonly whole: string;
  /** The digest of each split: of its images and classes, and of how they are decoded. It does not depend on other splits. */
  readonly splits: Readonly<Partial<Record<SplitName, string>>>;
}
export interface SplitFacts {
  readonly classes: number;
  readonly images: number;
  /** The class with the fewest images, and their number. */
  readonly smallest: { readonly name: string; readonly images: number };
  /** The number of images of the class with the most of them, where it does not follow from the other numbers. */
  readonly largest?: number;
  /** The number of images of each class by its name, if all classes are known by name. */
  readonly sizes?: Readonly<Record<string, number>>;
}
export interface SplitRef {
  readonly dataset: string;
  readonly split: SplitName;
  readonly span: Span;
}
/** A transform of images. Sizes are in pixels. Standard deviations and jitter strengths are fractions of the value range. */
export type Transform =
  | { readonly op: "resize"; readonly size: number }
  | { readonly op: "center_crop"; readonly size: number }
  | { readonly op: "random_crop"; readonly size: number; readonly pad: number }
  | {
      readonly op: "random_resized_crop";
      readonly size: number;
      readonly scale: readonly [number, number];
      readonly ratio: readonly [number, number];
    }
  | { readonly op: "flip"; readonly p: number }
  | { readonly op: "rotate"; readonly degrees: number }
  | { readonly op: "color_jitter"; readonly brightness: number; readonly contrast: number; readonly saturation: number }
  | { readonly op: "noise"; readonly std: number }
  /** Qualities are whole numbers from 1 to 100, as of libjpeg. */
  | { readonly op: "compress"; readonly quality: readonly [number, number]; readonly p: number }
  | {
      readonly op: "erase";
      readonly p: number;
      readonly scale: readonly [number, number];
      readonly ratio: readonly [number, number];
    }
  | { readonly op: "blur"; readonly sigma: readonly [number, number]; readonly p: number }
  | { readonly op: "posterize"; readonly bits: number; readonly p: number }
  | { readonly op: "solarize"; readonly threshold: number; readonly p: number }
  /** `strength` is from 0 to 30. */
  | { readonly op: "rand_augment"; readonly count: number; readonly strength: number }
  /** Drops rows of pixels at the bottom. */
  | { readonly op: "trim"; readonly bottom: number }
  /** Keeps the box around the object. `pad` is a share of its longer side. */
  | { readonly op: "box"; readonly pad: number }
  /** Puts plain gray in the place of the background. */
  | { readonly op: "foreground" }
  | { readonly op: "grayscale" }
  | { readonly op: "invert" }
  | { readonly op: "normalize"; readonly mean: readonly number[]; readonly std: readonly number[] };
