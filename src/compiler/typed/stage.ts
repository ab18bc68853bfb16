/** Stages of the typed tree: what a pretraining, a meta-training and an evaluation are made of. */
import type { Span } from "../../../grammar/ast.js";
import type { SplitRef } from "./data.js";
import type { Block, Learn, Metric } from "./metric.js";
import type { Network } from "./network.js";

/**
 * A stage of any kind. A kind that is added here does not compile until every exhaustive table over kinds has an entry
 * for it; docs/architecture.md, "a stage kind", lists them.
 */
export type Stage = PretrainStage | MetaStage | EvaluateStage;
export type StageKind = Stage["kind"];
export type StageOf<K extends StageKind> = Extract<Stage, { readonly kind: K }>;

/** A stage that trains: it hands over weights. */
export type TrainingStage = Extract<Stage, TrainingLines>;
export type TrainingKind = TrainingStage["kind"];
/** A stage that trains nothing: it hands over results. */
export type MeasuringStage = Exclude<Stage, TrainingStage>;

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
