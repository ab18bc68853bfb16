/**
 * The typed tree: what the checker hands on. Imports are inlined, parameters and defaults filled in, every `fn`
 * expanded at its use, every static `if` decided, every size a number. It is plain, JSON-safe
 * data, so a worker can receive it and its canonical form can be hashed (`stages/key.ts`).
 *
 * Axes stay named here; the order of axes in memory is the lowering's business.
 */
import type { Span } from "../../grammar/ast.js";

export interface Axis {
  readonly name: string;
  readonly size: number;
}

/** `real` and `int` are numbers, `class` a label (its `of` names the axis it indexes), `image` is opaque. */
export interface ValueType {
  readonly kind: "real" | "int" | "bool" | "class" | "image" | "logits" | "probabilities";
  readonly axes: readonly Axis[];
  /** For `class`: the axis that `one_hot` adds and `cross_entropy` consumes. */
  readonly of?: Axis;
}

// ---------------------------------------------------------------- experiment

export interface Experiment {
  /** Module id of the root file. */
  readonly file: string;
  readonly params: readonly ResolvedParam[];
  /** By dataset id. */
  readonly datasets: Readonly<Record<string, Dataset>>;
  /** Every declared stage of the root and of what it imports, dependencies first. */
  readonly stages: readonly Stage[];
  /** Ids of the stages that a plain `run` wants: those of the root file. */
  readonly wanted: readonly string[];
}

export type ParamValue = number | boolean | string | readonly ParamValue[];
export interface ResolvedParam {
  readonly name: string;
  readonly value: ParamValue;
  readonly unit: Unit | undefined;
  readonly origin: "default" | "file" | "--set" | "--params";
  readonly span: Span;
}
export type Unit = "way" | "shot" | "query" | "epoch" | "step" | "episode" | "image" | "part";

// ---------------------------------------------------------------- data

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

// ---------------------------------------------------------------- networks

/** A backbone, head or module with every shape known. */
export interface Network {
  /** What the declaration is called, for people. */
  readonly name: string;
  readonly input: readonly Axis[];
  readonly layers: readonly Layer[];
  /** Named outputs (rule 22); a head or module has the one output `out`. */
  readonly outputs: Readonly<Record<string, readonly Axis[]>>;
  /** Every weight, trainable or running statistic, by path within the network (`stage.0.conv.1.weight`). */
  readonly weights: readonly WeightSpec[];
}
export interface WeightSpec {
  readonly path: string;
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** False for running statistics and counters: state that no optimizer touches. */
  readonly trainable: boolean;
}
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number };

/** One layer, its shapes without batch axes. Weight paths are `${path}.weight`, `.bias`, `.running_mean`, `.running_var`. */
export interface Layer {
  readonly path: string;
  readonly op: LayerOp;
  readonly input: readonly Axis[];
  readonly output: readonly Axis[];
  /** The network output that this layer's value is (`map`, `vector`, …). */
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
    }
  /** `momentum` is the weight of the new statistic, as in PyTorch (0.1). */
  | { readonly kind: "batch_norm"; readonly axis: string; readonly momentum: number; readonly eps: number }
  | { readonly kind: "layer_norm"; readonly axes: readonly string[]; readonly eps: number }
  | {
      readonly kind: "linear";
      readonly in: number;
      readonly out: number;
      readonly inAxis: string;
      readonly outAxis: string | undefined;
      readonly bias: boolean;
    }
  /** Rows of the weight and the input are L2-normalized, the product scaled (Baseline++). */
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
      readonly fn: "relu" | "leaky_relu" | "tanh" | "sigmoid" | "identity";
      readonly slope?: number;
    }
  | { readonly kind: "max_pool" | "avg_pool"; readonly size: number; readonly stride: number; readonly pad: number }
  | { readonly kind: "global_avg_pool" }
  | { readonly kind: "flatten" }
  | { readonly kind: "dropout"; readonly p: number }
  | { readonly kind: "drop_block"; readonly p: number; readonly size: number; readonly rampSteps: number }
  | { readonly kind: "residual"; readonly body: readonly Layer[]; readonly shortcut: readonly Layer[] }
  | { readonly kind: "parallel"; readonly branches: readonly (readonly Layer[])[]; readonly along: string };

// ---------------------------------------------------------------- metrics and expressions

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

// ---------------------------------------------------------------- stages

export type Stage = PretrainStage | MetaStage | EvaluateStage;

interface StageBase {
  /** Unique in the experiment: the stage's name, prefixed by its module where that is not the root. */
  readonly id: string;
  readonly name: string;
  readonly span: Span;
  /** Ids of the stages whose weights it uses. */
  readonly needs: readonly string[];
  /** Why it cannot be lowered although it checks; empty where it runs. Printed before anything starts. */
  readonly blockers: readonly Blocker[];
}
export interface Blocker {
  readonly code: string;
  readonly message: string;
  readonly span: Span;
}
/** What fills a slot: a fresh declaration, or another stage's slot (copied; never updated where `frozen`). */
export interface Slot<T> {
  readonly value: T;
  readonly from: { readonly stage: string; readonly slot: "encoder" | "head" | "metric" } | undefined;
  readonly frozen: boolean;
  /** A file that its weights start from. */
  readonly file?: WeightFile;
  readonly span: Span;
}
export interface WeightFile {
  readonly path: string;
  /** Of its bytes, as they were checked. */
  readonly digest: string;
  /** The file's tensor for each weight, by slot path (`encoder.conv.0.weight`). */
  readonly names: Readonly<Record<string, string>>;
  readonly span: Span;
}
export interface Task {
  readonly way: number;
  readonly shot: number;
  readonly query: number;
}
export interface Optimizer {
  readonly kind: "sgd" | "adam" | "adamw";
  readonly lr: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Clip the global norm of the gradient to this; undefined: no clipping. */
  readonly clip: number | undefined;
  /** Settled settings of each trainable weight that a group changes, by slot path (`encoder.stage.0.conv.0.weight`). */
  readonly overrides: Readonly<
    Record<string, { readonly frozen: boolean; readonly lr: number; readonly weightDecay: number }>
  >;
}
/** A factor on the learning rate; `at`, `over` and `warmup` are in steps. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmup: number }
  | { readonly kind: "multistep"; readonly at: readonly number[]; readonly factor: number; readonly warmup: number }
  | { readonly kind: "cosine"; readonly over: number; readonly to: number; readonly warmup: number };
export interface Duration {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Images (pretrain) or episodes (meta) of one step. */
  readonly perStep: number;
  /** Equal parts in which a pretraining step computes its gradient, one after the other; undefined: one. */
  readonly parts?: number;
}
export interface Validation {
  readonly task: Task;
  readonly split: SplitRef;
  readonly episodes: number;
  /** Validate after every this many epochs (and after the last). */
  readonly everyEpochs: number;
  readonly keepBest: boolean;
  /** Training ends where this many epochs have passed without a better validation. */
  readonly patience?: number;
}
/** What the two kinds of training share. */
interface TrainingLines {
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly duration: Duration;
  /** Decay of the average of the weights that is validated and stored; undefined: the weights themselves are. */
  readonly ema?: number;
}
export interface PretrainStage extends StageBase, TrainingLines {
  readonly kind: "pretrain";
  readonly data: SplitRef;
  readonly classes: number;
  readonly encoder: Slot<Network>;
  readonly head: Slot<Network>;
  /** What the loss trains beside the slots. Weight paths are `learn.<name>` and `learn.<name>.<network path>`; no stage takes them over. */
  readonly learns: readonly Learn[];
  /** Of params `x` (image [item]) and `y` (class [item]); the default is mean cross-entropy of head(encoder(x)). */
  readonly loss: Block;
  /** Episodic validation of the encoder by `prototypes`-like metric given in the spec; undefined where there is none. `from`: where its trained values are. */
  readonly validate:
    | (Validation & { readonly metric: Metric; readonly from?: NonNullable<Slot<Metric>["from"]> })
    | undefined;
}
export interface MetaStage extends StageBase, TrainingLines {
  readonly kind: "meta";
  readonly encoder: Slot<Network>;
  readonly metric: Slot<Metric>;
  /** What the metric's fitted values are of, where it has any. */
  readonly fitFrom?: SplitRef;
  readonly episodes: { readonly task: Task; readonly split: SplitRef };
  /** A scalar over `entry_loss` nodes; the default is `entry_loss classify`. */
  readonly loss: Block;
  /** `metric` is the stage's, with the sizes of the validation's task. */
  readonly validate: (Validation & { readonly metric: Metric }) | undefined;
}
export interface EvaluateStage extends StageBase {
  readonly kind: "evaluate";
  readonly encoder: Slot<Network>;
  readonly metric: Slot<Metric>;
  /** What the metric's fitted values are of, where it has any. */
  readonly fitFrom?: SplitRef;
  /** One row per value of an `each`; the metric is typed for each row's task. */
  readonly rows: readonly EvaluateRow[];
  readonly report: readonly Report[];
  /** Whether each image may be embedded once (rule 12); where not, why. */
  readonly embedOnce: { readonly legal: true } | { readonly legal: false; readonly why: string };
}
export interface EvaluateRow {
  /** `1 shot`, for people; empty where the stage has one row. */
  readonly label: string;
  readonly task: Task;
  readonly split: SplitRef;
  readonly episodes: number;
  /** A list of episodes in a file of the project, in place of sampled ones. */
  readonly given?: GivenList;
  readonly metric: Metric;
}
export interface GivenList {
  readonly path: string;
  /** Of the list that was checked. */
  readonly digest: string;
  readonly span: Span;
}
export type Report =
  | { readonly kind: "accuracy" }
  /** Over episodes that share no image: its interval speaks of new images, where that of `accuracy` speaks of these. */
  | { readonly kind: "accuracy_disjoint" }
  | { readonly kind: "top"; readonly k: number }
  | { readonly kind: "confusion" }
  | { readonly kind: "per_class" }
  /** Files beside the results: what each query scored, and which images each episode holds. */
  | { readonly kind: "logits" }
  | { readonly kind: "logits_json" }
  | { readonly kind: "episodes" };
