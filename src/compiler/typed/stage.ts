/** The stages of the typed tree: pretraining, meta-training and evaluation. */
import type { Span } from "../../../grammar/ast.js";
import type { SplitRef } from "./data.js";
import type { Block, Borrowed, EntryParam, Learn, Metric } from "./metric.js";
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
  /** The id, unique in the experiment: the stage's name, with its module in front unless that is the root. */
  readonly id: string;
  readonly name: string;
  readonly span: Span;
  /** The ids of the stages whose weights it uses. */
  readonly needs: readonly string[];
  /** The reasons why it cannot be lowered although it checks. They are printed before anything starts. */
  readonly blockers: readonly Blocker[];
}
export interface Blocker {
  readonly code: string;
  readonly message: string;
  readonly span: Span;
  /** The remedies for this case. */
  readonly help?: readonly string[];
}
/** A slot, filled with a new declaration or with a copy of another stage's slot. A frozen slot is never updated. */
export interface Slot<T> {
  readonly value: T;
  readonly from: { readonly stage: string; readonly slot: "encoder" | "head" | "metric" } | undefined;
  readonly frozen: boolean;
  /** The file that its weights start from. */
  readonly file?: WeightFile;
  readonly span: Span;
}
export interface WeightFile {
  readonly path: string;
  /** The digest of the bytes that were checked. */
  readonly digest: string;
  /** The name of the file's tensor for each weight, by weight path (`encoder.conv.0.weight`). */
  readonly names: Readonly<Record<string, string>>;
  readonly span: Span;
}
export interface Task {
  readonly way: number;
  readonly shot: number;
  readonly query: number;
  /** The images of each way and of each distractor class that methods see without labels; undefined for none. */
  readonly unlabeled?: number;
  /** The number of classes beside the ways that an episode has unlabeled images of; undefined for none. */
  readonly distractor?: number;
  /**
   * The concentration of the Dirichlet distribution that the shares of the classes among the queries are drawn from. An episode
   * then has way · query queries in all. Undefined if each class has `query` queries.
   */
  readonly dirichlet?: number;
}
/** Tasks that no line of a stage poses, such as that of images which a user brings: its metric is elaborated for them too. */
export interface PosedTasks {
  /** The id of the stage, or its name without a module. */
  readonly stage: string;
  readonly tasks: readonly Task[];
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
  /** The largest global norm of the gradient; undefined if it is not clipped. */
  readonly clip: number | undefined;
  /** The settings of each trainable weight that a group changes, by weight path (`encoder.stage.0.conv.0.weight`). */
  readonly overrides: Readonly<
    Record<
      string,
      {
        readonly frozen: boolean;
        readonly lr: number;
        readonly weightDecay: number;
        /** The weight moves in each step whose number, from 1, this divides. Absent if it moves in every step. */
        readonly every?: number;
      }
    >
  >;
  readonly span: Span;
}
/** A factor on the learning rate. `at`, `over` and `warmup` are in steps. */
export type Schedule =
  | { readonly kind: "constant"; readonly warmup: number }
  | { readonly kind: "multistep"; readonly at: readonly number[]; readonly factor: number; readonly warmup: number }
  | { readonly kind: "cosine"; readonly over: number; readonly to: number; readonly warmup: number };
export interface Duration {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** The number of images (pretrain) or episodes (meta) in a step. */
  readonly perStep: number;
  /** The number of equal parts in which a pretraining step computes its gradient, one after the other; undefined for one. */
  readonly parts?: number;
}
export interface Validation {
  readonly task: Task;
  readonly split: SplitRef;
  readonly episodes: number;
  /** The number of epochs between validations. The last epoch is always validated. */
  readonly everyEpochs: number;
  readonly keepBest: boolean;
  /** Training ends after this many epochs without a better validation. */
  readonly patience?: number;
}
/** The lines that every training stage has. */
interface TrainingLines {
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly duration: Duration;
  /** The decay of the average of the weights. The average is validated and stored; if undefined, the weights themselves are. */
  readonly ema?: number;
  /** The loss of one step, a scalar. */
  readonly loss: Block;
  /** The files about its steps that the stage writes; undefined for none. */
  readonly report?: readonly TrainingReport[];
}
/** A report of a training about its steps: its list of episodes, or a file of tensors for each step that is reported. */
export type TrainingReport =
  | { readonly kind: "episodes" }
  /** `every` is the number of steps from one report to the next. If it is undefined, only the first one is reported. */
  | { readonly kind: StepReport; readonly every?: number };
/** The weights before the first step and after later ones, or the gradients or the images of steps. */
export type StepReport = "weights" | "gradients" | "images";
export interface PretrainStage extends StageBase, TrainingLines {
  readonly kind: "pretrain";
  readonly data: SplitRef;
  /** The number of augmented views that the loss takes of each image of a step; undefined for the image alone. */
  readonly views?: number;
  readonly classes: number;
  readonly encoder: Slot<Network>;
  readonly head: Slot<Network>;
  /** The values that the loss trains beside the slots. Paths: `learn.<name>`, `learn.<name>.<network path>`. No other stage uses them. */
  readonly learns: readonly Learn[];
  /** The parameters of the loss that describe the classes; undefined for none. */
  readonly described?: readonly EntryParam[];
  /** The loss, with parameters `x` (image [item], or [view, item] if there are views) and `y` (class [item]). The default is the mean cross-entropy of head(encoder(x)). */
  readonly loss: Block;
  /** The networks of finished stages that the loss calls, or whose weights it reads. */
  readonly borrows: readonly Borrowed[];
  /** Episodic validation of the encoder with a metric of its own. `from` is the stage that trained the values of the metric. */
  readonly validate:
    | (Validation & { readonly metric: Metric; readonly from?: NonNullable<Slot<Metric>["from"]> })
    | undefined;
}
export interface MetaStage extends StageBase, TrainingLines {
  readonly kind: "meta";
  readonly encoder: Slot<Network>;
  readonly metric: Slot<Metric>;
  /** The split that the metric's values are fitted from, if it has any. */
  readonly fitFrom?: SplitRef;
  /** `given` is the list that the steps take their episodes from, in its order and again from its start; without it they are sampled. */
  readonly episodes: { readonly task: Task; readonly split: SplitRef; readonly given?: ListedEpisodes };
  /** Further kinds of episodes, each with the metric typed for its task. Each step takes one kind at random, that of `episodes` too. */
  readonly others?: readonly { readonly task: Task; readonly split: SplitRef; readonly metric: Metric }[];
  /** A scalar over `entry_loss` nodes. The default is `entry_loss classify`. */
  readonly loss: Block;
  /** Validation with the metric of the stage, typed for the task of the validation. */
  readonly validate: (Validation & { readonly metric: Metric }) | undefined;
}
export interface EvaluateStage extends StageBase {
  readonly kind: "evaluate";
  readonly encoder: Slot<Network>;
  readonly metric: Slot<Metric>;
  /** The split that the metric's values are fitted from, if it has any. */
  readonly fitFrom?: SplitRef;
  /** One row for each value of an `each`. The metric is typed for the task of each row. */
  readonly rows: readonly EvaluateRow[];
  readonly report: readonly Report[];
  /** States if it is legal to embed each image only once, and the reason if it is not. */
  readonly embedOnce: { readonly legal: true } | { readonly legal: false; readonly why: string };
}
export interface EvaluateRow {
  /** A label for people, such as `1 shot`. It is empty if the stage has one row. */
  readonly label: string;
  readonly task: Task;
  readonly split: SplitRef;
  readonly episodes: number;
  /** The file that lists the episodes, if they are not sampled. */
  readonly given?: GivenList;
  /** True if all images that are no supports are queries. `task.query` is then the number of them in the largest class. */
  readonly whole?: boolean;
  readonly metric: Metric;
}
export interface GivenList {
  readonly path: string;
  /** The digest of the list that was checked. */
  readonly digest: string;
  readonly span: Span;
}
/** A list of episodes with its length. */
export interface ListedEpisodes {
  readonly list: GivenList;
  readonly episodes: number;
}
export type Report =
  | { readonly kind: "accuracy" }
  /** Accuracy over episodes that share no image. Its interval holds for new images; that of `accuracy` holds for these images. */
  | { readonly kind: "accuracy_disjoint" }
  | { readonly kind: "top"; readonly k: number }
  | { readonly kind: "confusion" }
  | { readonly kind: "per_class" }
  /** Precision, recall and F1 of each class, and their means over the classes. */
  | { readonly kind: "f1" }
  /** The mean over classes of the accuracies of their queries. */
  | { readonly kind: "class_mean" }
  /** The class means of known and of new classes, and their harmonic mean. */
  | { readonly kind: "harmonic" }
  /** Files beside the results: the scores of each query, and the images of each episode. */
  | { readonly kind: "logits" }
  | { readonly kind: "logits_json" }
  | { readonly kind: "episodes" };
