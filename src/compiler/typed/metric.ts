/** The metrics and expressions of the typed tree. Expressions work over named axes. */
import type { Span } from "../../../grammar/ast.js";
import type { Initializer, Network } from "./network.js";
import type { Axis, ValueType } from "./values.js";

export interface Metric {
  readonly name: string;
  readonly learns: readonly Learn[];
  readonly fits: readonly Fit[];
  readonly entries: Readonly<Record<string, Entry>>;
}
/**
 * A learned value of a metric or of a loss. Weight paths are `name` for tensors and `name.<network path>` for modules.
 * `init` initializes the value as the metric reads it. A `positive` value is stored as its logarithm.
 */
export type Learn =
  | LearnedTensor
  | { readonly kind: "module"; readonly name: string; readonly network: Network; readonly span: Span }
  /** One value for each trainable weight of networks, such as the rates of Meta-SGD. Paths: `name.encoder.…`, `name.<module>.…`. */
  | {
      readonly kind: "like";
      readonly name: string;
      readonly of: readonly OwnNetwork[];
      readonly init: Initializer;
      readonly positive: boolean;
      readonly span: Span;
    };

export interface LearnedTensor {
  readonly kind: "tensor";
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly init: Initializer;
  readonly positive: boolean;
  /** True if it keeps its initial value, which is stored with the weights. */
  readonly fixed?: true;
  /** The axis that it indexes, if its numbers are labels. */
  readonly of?: Axis;
  readonly span: Span;
}

/** Values that are computed together from base data. */
export interface Fit {
  readonly values: readonly FittedValue[];
  readonly inputs: readonly EntryParam[];
  readonly statements: readonly Statement[];
}
export interface FittedValue {
  readonly name: string;
  readonly type: ValueType;
  readonly result: Expr;
}

export interface Entry {
  readonly name: string;
  readonly params: readonly EntryParam[];
  readonly transductive: boolean;
  /** True if it draws while it classifies, so that its scores are a sample. */
  readonly random: boolean;
  readonly assumes: readonly string[];
  readonly result: { readonly kind: "logits" | "probabilities" | "loss"; readonly axes: readonly Axis[] };
  readonly body: Block;
  /** The networks of finished stages that the body calls, or whose weights it reads. */
  readonly borrows: readonly Borrowed[];
}
/** A network of a finished stage. It is frozen: nothing trains it, and its batch norms use running statistics. */
export interface Borrowed {
  readonly stage: string;
  readonly slot: "encoder" | "head";
  readonly network: Network;
}
export interface EntryParam {
  readonly name: string;
  /**
   * The form of the argument. It is `vector`, `map` or another output of the backbone, which the images are embedded to;
   * `image` for an entry that embeds its images itself; `class` for labels; `encoder` for the network in the slot; or what
   * is known of each class, which then has a `description`.
   */
  readonly form: string;
  /** The table that a description of classes is read from. */
  readonly description?: { readonly digest: string | undefined };
  /** All axes of the value, including those of one embedding. In an inductive entry `query` has no `n`. */
  readonly axes: readonly Axis[];
}

/** A body. Its statements bind locals by number, in order, and `result` is its value. */
export interface Block {
  readonly statements: readonly Statement[];
  readonly result: Expr;
}
export type Statement =
  | { readonly kind: "let"; readonly local: number; readonly value: Expr }
  /** A loop with carried values. `locals` hold them in the body and after it; `before` hold those of the previous round. */
  | {
      readonly kind: "repeat";
      readonly bound: number;
      readonly locals: readonly number[];
      readonly before: readonly number[];
      readonly from: readonly Expr[];
      readonly body: readonly Statement[];
      readonly next: readonly Expr[];
      readonly until: Expr | undefined;
      readonly span: Span;
    }
  | {
      readonly kind: "minimize";
      readonly targets: readonly MinimizeTarget[];
      readonly by: { readonly method: "sgd" | "adam" | "lbfgs"; readonly args: Readonly<Record<string, Expr>> };
      readonly steps: number;
      readonly stepsAtTest: number;
      readonly counter: MinimizeCounter | undefined;
      readonly firstOrder: boolean;
      readonly body: readonly Statement[];
      readonly loss: Expr;
      readonly span: Span;
    };
/**
 * The local that is the number of steps so far. Settings may read it, so the first `settings` statements of the body belong to
 * them. They run before each step and do not depend on the targets.
 */
export interface MinimizeCounter {
  readonly local: number;
  readonly settings: number;
}
/** A target that a `minimize` adapts: a tensor, or every weight of a network (`body from encoder`). Groups change settings by weight path. */
export type MinimizeTarget =
  | { readonly kind: "tensor"; readonly local: number; readonly from: Expr; readonly change?: MinimizeChange }
  | {
      readonly kind: "network";
      readonly local: number;
      readonly from: Callable;
      readonly changes?: Readonly<Record<string, MinimizeChange>>;
    };
/** The settings that a group changes. `args` replace those of the method, and `share` is a factor on the rate. A frozen value keeps its start. */
export interface MinimizeChange {
  readonly frozen: boolean;
  readonly args: Readonly<Record<string, Expr>>;
  readonly share: number;
}

/** A network whose weights the stage itself holds. */
export type OwnNetwork = Extract<Callable, { readonly kind: "slot" | "learn" }>;
/** A network that can be applied to a value. `local` is one that a `minimize` adapts. */
export type Callable =
  /** `at` names a layer: the callable is the rest of the network after it, and takes its value. */
  | { readonly kind: "slot"; readonly slot: "encoder" | "head"; readonly at?: string }
  | { readonly kind: "learn"; readonly name: string }
  /** A network of a finished stage. Without a slot it is the head on the vector of the encoder: images become logits. */
  | { readonly kind: "stage"; readonly stage: string; readonly slot?: Borrowed["slot"]; readonly at?: string }
  | { readonly kind: "local"; readonly local: number; readonly of: Callable };

export type UnaryOp =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "abs"
  | "floor"
  | "relu"
  | "sigmoid"
  | "not"
  | "stop_gradient";
export type BinaryOp = "add" | "sub" | "mul" | "div" | "pow" | "max" | "min" | "and" | "or";
/** The distribution of a draw: uniform in [0, 1), standard normal, Beta(a, b), or a random order of the axis that the draw has and indexes. */
export type Law =
  | { readonly kind: "uniform" }
  | { readonly kind: "normal" }
  | { readonly kind: "beta"; readonly a: number; readonly b: number }
  | { readonly kind: "permutation" };
export type CompareOp = "lt" | "le" | "gt" | "ge" | "eq" | "ne";
export type ReduceOp = "sum" | "mean" | "max" | "min";

/**
 * An expression over named axes. Element-wise nodes align axes by name and broadcast over those that one side lacks. The
 * type of a node gives the axes of its result; their order is only for printing.
 */
export type Expr = { readonly type: ValueType; readonly span: Span } & ExprNode;
export type ExprNode =
  | { readonly k: "number"; readonly value: number }
  | { readonly k: "param"; readonly name: string }
  | { readonly k: "learn"; readonly name: string }
  | { readonly k: "fit"; readonly name: string }
  | { readonly k: "local"; readonly local: number }
  | { readonly k: "unary"; readonly op: UnaryOp; readonly x: Expr }
  | { readonly k: "binary"; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "compare"; readonly op: CompareOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "select"; readonly condition: Expr; readonly a: Expr; readonly b: Expr }
  | { readonly k: "reduce"; readonly op: ReduceOp; readonly x: Expr; readonly over: readonly string[] }
  /** The sums of the elements of `x` over `over`, each into the place on `axis` that the label `y` names. Places without one are 0. */
  | { readonly k: "sum_by"; readonly x: Expr; readonly y: Expr; readonly over: readonly string[]; readonly axis: Axis }
  /** The derivative of the sum of `f` in `x`, which is a parameter or a local that `f` is computed from. It has the axes of `x`. */
  | { readonly k: "slope"; readonly f: Expr; readonly x: Expr }
  | { readonly k: "argmax"; readonly x: Expr; readonly over: string }
  /** Contracts `over`. Other shared axes are batch axes, and the rest are outer axes. */
  | { readonly k: "dot"; readonly a: Expr; readonly b: Expr; readonly over: readonly string[] }
  | {
      readonly k: "rename";
      readonly x: Expr;
      readonly renames: readonly { readonly from: string; readonly to: string }[];
    }
  | { readonly k: "merge"; readonly x: Expr; readonly axes: readonly string[]; readonly as: string }
  | { readonly k: "split"; readonly x: Expr; readonly axis: string; readonly as: readonly Axis[] }
  | { readonly k: "concat"; readonly parts: readonly Expr[]; readonly along: string }
  | { readonly k: "top"; readonly count: number; readonly x: Expr; readonly over: string; readonly as: string }
  /** The elements from `start` on along an axis. */
  | {
      readonly k: "slice";
      readonly x: Expr;
      readonly over: string;
      readonly start: number;
      readonly count: number;
      readonly as: string;
    }
  /** The numbers 0, 1, 2, … along `axis`. `label(way)` is such a node of kind `class`. */
  | { readonly k: "index"; readonly axis: Axis }
  /** The index into `axis` of each element of a merged axis: `label(item)` where item = merge of [way, shot]. */
  | { readonly k: "merged_index"; readonly merged: readonly Axis[]; readonly as: string; readonly axis: string }
  | { readonly k: "one_hot"; readonly x: Expr; readonly axis: Axis }
  | { readonly k: "eye"; readonly a: Axis; readonly b: Axis }
  | { readonly k: "fill"; readonly value: number }
  /** Solves A·Z = B for Z. A is symmetric positive definite on (`over`, `over'`), and the result has `over`. */
  | { readonly k: "solve"; readonly a: Expr; readonly b: Expr; readonly over: string }
  | {
      readonly k: "softmax" | "log_softmax" | "normalize" | "logsumexp";
      readonly x: Expr;
      readonly over: readonly string[];
    }
  | { readonly k: "squared_distance"; readonly a: Expr; readonly b: Expr; readonly over: readonly string[] }
  /** The negative logarithm of the probability of `y`. It consumes the axis that `y` indexes. `from` tells the kind of `z`. */
  | { readonly k: "cross_entropy"; readonly z: Expr; readonly y: Expr; readonly from: "logits" | "probabilities" }
  | { readonly k: "dropout"; readonly x: Expr; readonly p: number }
  /** A new draw at each step of a training, and in each episode that a `random` entry classifies. Its type gives its axes. */
  | { readonly k: "draw"; readonly law: Law }
  /** The elements of `x` at `at`, which is a whole number or a label that indexes `over`. It consumes `over`. */
  | { readonly k: "pick"; readonly x: Expr; readonly at: Expr; readonly over: string }
  /** Computes w · a + (1 − w) · b for numbers or images. For images, `w` may have their height and width. */
  | { readonly k: "blend"; readonly a: Expr; readonly b: Expr; readonly w: Expr }
  /** The whole number from 0 to `size` − 1 that is nearest to each element, as an index. Halves go up. */
  | { readonly k: "nearest"; readonly x: Expr; readonly size: number }
  | { readonly k: "rotations"; readonly x: Expr; readonly as: string }
  /**
   * `encoder(x, norm: batch).vector`, `head(v)`, `compare(m)`, `teacher(x)`. `norm: "phase"` is a call without a
   * mode, as of modules in metrics: it uses batch statistics in training and running statistics at test
   * (docs/language.md, "Batch normalization").
   */
  | {
      readonly k: "apply";
      readonly target: Callable;
      readonly x: Expr;
      readonly output: string;
      readonly norm: "phase" | "batch" | "running" | { readonly from: Expr };
    }
  /** The trainable weights of a network of the stage as one vector on the axis `as`: row-major, in the order of its weights. */
  | { readonly k: "weights"; readonly target: Callable; readonly as: string }
  /** The default loss of `classify`, or the value of a loss entry. Only the loss of a meta stage has such a node. */
  | { readonly k: "entry_loss"; readonly entry: string };
