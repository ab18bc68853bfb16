/** The networks of the typed tree: layers with every shape known, and their weights. */
import type { Span } from "../../../grammar/ast.js";
import type { Block, LearnedTensor } from "./metric.js";
import type { Axis } from "./values.js";

/** A backbone, head or module with every shape known. */
export interface Network {
  /** The name of the declaration, for people. */
  readonly name: string;
  readonly input: readonly Axis[];
  readonly layers: readonly Layer[];
  /** The named outputs. A head or a module has one output, `out`. */
  readonly outputs: Readonly<Record<string, readonly Axis[]>>;
  /** Every weight and running statistic, with its path in the network (`stage.0.conv.1.weight`). */
  readonly weights: readonly WeightSpec[];
}
export interface WeightSpec {
  readonly path: string;
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** False for running statistics and counters, which no optimizer changes. */
  readonly trainable: boolean;
}
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  /** 1 or −1, each as likely. */
  | { readonly kind: "signs" }
  /** A whole number from 0 to below `count`, each as likely. */
  | { readonly kind: "labels"; readonly count: number };

/** A layer. Its shapes have no batch axes. Its weight paths are `${path}.weight`, `.bias`, `.running_mean`, `.running_var`. */
export interface Layer {
  readonly path: string;
  readonly op: LayerOp;
  readonly input: readonly Axis[];
  readonly output: readonly Axis[];
  /** The name of the network's output that is the value of this layer (`map`, `vector`, …). */
  readonly outputName?: string;
  readonly span: Span;
}
export type LayerOp =
  | {
      readonly kind: "conv";
      readonly in: number;
      readonly out: number;
      readonly kernel: number;
      readonly stride: number;
      readonly pad: number;
      readonly bias: boolean;
      /** The runs of channels that are convolved apart from each other. Absent: one run of all channels. */
      readonly groups?: number;
      /** The distance of neighboring filter elements on the map. Absent: 1. */
      readonly dilation?: number;
    }
  /** `momentum` is the weight of the new statistic, as in PyTorch (0.1). */
  | { readonly kind: "batch_norm"; readonly axis: string; readonly momentum: number; readonly eps: number }
  | { readonly kind: "layer_norm"; readonly axes: readonly string[]; readonly eps: number }
  /** Normalizes each of `groups` equal runs of the channels of one value, over all its places. `affine`: then a scale and a shift for each channel. */
  | {
      readonly kind: "group_norm";
      readonly axis: string;
      readonly groups: number;
      readonly affine: boolean;
      readonly eps: number;
    }
  /** Multiplies each channel by a trained number (Touvron et al. 2021). */
  | { readonly kind: "layer_scale"; readonly axis: string }
  | {
      readonly kind: "linear";
      readonly in: number;
      readonly out: number;
      readonly inAxis: string;
      readonly outAxis: string | undefined;
      readonly bias: boolean;
    }
  /** A linear layer over L2-normalized inputs and weight rows, with a scaled product (Baseline++). */
  | {
      readonly kind: "cosine_linear";
      readonly in: number;
      readonly out: number;
      readonly inAxis: string;
      readonly outAxis: string;
      readonly scale: number;
    }
  | {
      readonly kind: "activation";
      readonly fn: "relu" | "leaky_relu" | "tanh" | "sigmoid" | "gelu" | "silu" | "identity";
      readonly slope?: number;
    }
  | { readonly kind: "max_pool" | "avg_pool"; readonly size: number; readonly stride: number; readonly pad: number }
  /** The mean over every axis but `channel`, or `feature` of a value with places of its own. */
  | { readonly kind: "global_avg_pool" }
  /** Repeats each pixel `factor` times in both directions, or interpolates linearly between pixel centers. */
  | { readonly kind: "upsample"; readonly factor: number; readonly mode: "nearest" | "bilinear" }
  | { readonly kind: "flatten" }
  /** [channel, height, width] → [token, feature], row by row. */
  | { readonly kind: "tokens" }
  /** Puts a trained token before the others. */
  | { readonly kind: "class_token" }
  /** Adds a trained number to each element. */
  | { readonly kind: "position_table" }
  /** The first element along an axis. */
  | { readonly kind: "first"; readonly axis: string }
  /** Self-attention of all places with `heads` heads: weights `qkv.*` and `out.*` (Vaswani et al. 2017). */
  | { readonly kind: "attention"; readonly axis: string; readonly heads: number }
  | { readonly kind: "dropout"; readonly p: number }
  | { readonly kind: "drop_block"; readonly p: number; readonly size: number; readonly rampSteps: number }
  /** A function of one value that a file writes. `input` is the name of the value in it. Weight paths are `${path}.<name>`. */
  | {
      readonly kind: "formula";
      readonly name: string;
      readonly input: string;
      readonly learns: readonly LearnedTensor[];
      readonly body: Block;
    }
  | { readonly kind: "residual"; readonly body: readonly Layer[]; readonly shortcut: readonly Layer[] }
  | { readonly kind: "parallel"; readonly branches: readonly (readonly Layer[])[]; readonly along: string };
