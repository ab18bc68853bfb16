/** Datasets of the typed tree: sources, facts, transforms. */
import type { Span } from "../../../grammar/ast.js";
import type { ParamValue } from "./values.js";

export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly source: DataSource;
  readonly train: readonly Transform[];
  readonly eval: readonly Transform[];
  readonly unreadable: "stop" | "skip";
  /** Size of one image after the train and eval chains (they must agree). */
  readonly image: ImageSize;
  /** What is known of the data before it is read; undefined where nothing is. */
  readonly facts: DatasetFacts | undefined;
  readonly span: Span;
}
export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}
export interface DataSource {
  /** The name of a `SourceForm`. */
  readonly kind: string;
  readonly args: Readonly<Record<string, ParamValue>>;
}
/** An argument of a source. */
export interface SourceArg {
  readonly name: string;
  /** `choice`: one of `choices`. */
  readonly type: "text" | "bool" | "real" | "choice";
  readonly choices?: readonly string[];
  /** Undefined where it must be given. */
  readonly default: ParamValue | undefined;
  /** The least and the largest number that it may be. */
  readonly range?: readonly [number, number];
}
/** What a `source` line may name, and what its images are before any transform. The host knows which there are. */
export interface SourceForm {
  readonly kind: string;
  readonly args: readonly SourceArg[];
  readonly channels: 1 | 3;
  readonly square: boolean;
  /** Height and width of square images that all have one size. */
  readonly size?: number;
}
export type SplitName = "train" | "val" | "test";
export interface DatasetFacts {
  readonly splits: Readonly<Partial<Record<SplitName, SplitFacts>>>;
}
export interface SplitFacts {
  readonly classes: number;
  readonly images: number;
  /** The class with the fewest images: its name and how many it has. */
  readonly smallest: { readonly name: string; readonly images: number };
}
export interface SplitRef {
  readonly dataset: string;
  readonly split: SplitName;
  readonly span: Span;
}
/** Sizes in pixels; probabilities, standard deviations and jitter strengths as fractions of the value range. */
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
  | { readonly op: "grayscale" }
  | { readonly op: "invert" }
  | { readonly op: "normalize"; readonly mean: readonly number[]; readonly std: readonly number[] };
