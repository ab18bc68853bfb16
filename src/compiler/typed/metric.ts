/** Metrics and expressions of the typed tree. Expressions work over named axes. */
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
 * A trained value of a metric. Weight paths are `name` for tensors, `name.<network path>` for modules. `init` is of the
 * value as the metric reads it; a `positive` one is stored as its logarithm.
 */
export type Learn =
  | {
      readonly kind: "tensor";
      readonly name: string;
      readonly axes: readonly Axis[];
      readonly init: Initializer;
      readonly positive: boolean;
      readonly span: Span;
    }
  | { readonly kind: "module"; readonly name: string; readonly network: Network; readonly span: Span }
  /** One value for each trainable weight of networks (Meta-SGD's rates). Paths: `name.encoder.…`, `name.<module>.…`. */
  | {
      readonly kind: "like";
      readonly name: string;
      readonly of: readonly OwnNetwork[];
      readonly init: Initializer;
      readonly positive: boolean;
      readonly span: Span;
    };

export interface Fit {
  readonly name: string;
  readonly type: ValueType;
  readonly input: EntryParam;
  readonly body: Block;
}

export interface Entry {
  readonly name: string;
  readonly params: readonly EntryParam[];
  readonly transductive: boolean;
  readonly assumes: readonly string[];
  readonly result: { readonly kind: "logits" | "probabilities" | "loss"; readonly axes: readonly Axis[] };
  readonly body: Block;
}
export interface EntryParam {
  readonly name: string;
  /** `vector`, `map` or another backbone output: embedded for it; `image`: it embeds itself; `class`: labels; `encoder`: the slot. */
  readonly form: string;
  /** All axes of the value, inner ones included. In an inductive entry `query` has no `n`. */
  readonly axes: readonly Axis[];
}

/** Statements bind locals by number, in order; `result` is the value. */
export interface Block {
  readonly statements: readonly Statement[];
  readonly result: Expr;
}
export type Statement =
  | { readonly kind: "let"; readonly local: number; readonly value: Expr }
  /** Carried values: `locals` hold them inside the body and after it, `before` the previous round's. */
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
      readonly firstOrder: boolean;
      readonly body: readonly Statement[];
      readonly loss: Expr;
      readonly span: Span;
    };
/** A tensor, or every weight of a callable (`body from encoder`), with what groups change for it; by path in the network. */
export type MinimizeTarget =
  | { readonly kind: "tensor"; readonly local: number; readonly from: Expr; readonly change?: MinimizeChange }
  | {
      readonly kind: "network";
      readonly local: number;
      readonly from: Callable;
      readonly changes?: Readonly<Record<string, MinimizeChange>>;
    };
/** `args` take the place of the method's; what is frozen stays where it starts. `share`: a factor on the rate. */
export interface MinimizeChange {
  readonly frozen: boolean;
  readonly args: Readonly<Record<string, Expr>>;
  readonly share: number;
}

/** A network whose weights a stage holds. */
export type OwnNetwork = Extract<Callable, { readonly kind: "slot" | "learn" }>;
/** What can be applied to a value. `local` is a network that a `minimize` adapts. */
export type Callable =
  /** `at`: from behind this layer on, whose value it then takes. */
  | { readonly kind: "slot"; readonly slot: "encoder" | "head"; readonly at?: string }
  | { readonly kind: "learn"; readonly name: string }
  | { readonly kind: "stage"; readonly stage: string }
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
/** A uniform number in [0, 1), one of Beta(a, b), or a random order of the axis that it has and indexes. */
export type Law =
  | { readonly kind: "uniform" }
  | { readonly kind: "beta"; readonly a: number; readonly b: number }
  | { readonly kind: "permutation" };
export type CompareOp = "lt" | "le" | "gt" | "ge" | "eq" | "ne";
export type ReduceOp = "sum" | "mean" | "max" | "min";

/**
 * Expressions over named axes. Element-wise nodes align by name and broadcast over what one side lacks; the type of
 * each node gives the axes of the result (their order there is only for printing).
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
  | { readonly k: "argmax"; readonly x: Expr; readonly over: string }
  /** Contracts `over`; other shared axes are batch, the rest outer (rule 6). */
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
  /** 0, 1, 2, … along `axis`; `label(way)` is one of kind `class`. */
  | { readonly k: "index"; readonly axis: Axis }
  /** The index into `axis` of each element of a merged axis: `label(item)` where item = merge of [way, shot]. */
  | { readonly k: "merged_index"; readonly merged: readonly Axis[]; readonly as: string; readonly axis: string }
  | { readonly k: "one_hot"; readonly x: Expr; readonly axis: Axis }
  | { readonly k: "eye"; readonly a: Axis; readonly b: Axis }
  | { readonly k: "fill"; readonly value: number }
  /** A·Z = B with A symmetric positive definite on (`over`, `over'`); the result is on `over`. */
  | { readonly k: "solve"; readonly a: Expr; readonly b: Expr; readonly over: string }
  | {
      readonly k: "softmax" | "log_softmax" | "normalize" | "logsumexp";
      readonly x: Expr;
      readonly over: readonly string[];
    }
  | { readonly k: "squared_distance"; readonly a: Expr; readonly b: Expr; readonly over: readonly string[] }
  /** −log of the probability of `y`; consumes the axis that `y` indexes. `from` says what `z` is. */
  | { readonly k: "cross_entropy"; readonly z: Expr; readonly y: Expr; readonly from: "logits" | "probabilities" }
  | { readonly k: "dropout"; readonly x: Expr; readonly p: number }
  /** A new draw at each step; its type has the axes. */
  | { readonly k: "draw"; readonly law: Law }
  /** The elements of `x` at `at`, a whole number or a label that indexes `over`; consumes `over`. */
  | { readonly k: "pick"; readonly x: Expr; readonly at: Expr; readonly over: string }
  /** w · a + (1 − w) · b, of numbers or of images; of images `w` may have their height and width. */
  | { readonly k: "blend"; readonly a: Expr; readonly b: Expr; readonly w: Expr }
  | { readonly k: "rotations"; readonly x: Expr; readonly as: string }
  /**
   * `encoder(x, norm: batch).vector`, `head(v)`, `compare(m)`, `teacher(x)`. `norm: "phase"` is a call that does not say
   * its mode (modules in metrics): batch statistics while training, running statistics at test (rule 21).
   */
  | {
      readonly k: "apply";
      readonly target: Callable;
      readonly x: Expr;
      readonly output: string;
      readonly norm: "phase" | "batch" | "running" | { readonly from: Expr };
    }
  /** The trainable weights of a network of the stage, row-major and end to end in the order of its weights, on the axis `as`. */
  | { readonly k: "weights"; readonly target: Callable; readonly as: string }
  /** In a meta stage's loss: the default loss of `classify`, or the value of a loss entry. */
  | { readonly k: "entry_loss"; readonly entry: string };
