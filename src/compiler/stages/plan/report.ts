/**
 * The report of `fslc plan`, as plain JSON-safe data. Sizes are numbers, memory is in bytes, work in floating-point
 * operations. `schemas/plan.schema.json` describes the same data for readers of the JSON.
 */
import type {
  DataSource,
  ImageSize,
  LayerOp,
  Optimizer,
  Report,
  Schedule,
  SplitFacts,
  SplitName,
  StageKind,
  Task,
  TrainingReport,
  Transform,
} from "../../typed/tree.js";

export interface PlanReport {
  readonly file: string;
  readonly seed: number;
  /** The seeds of a sweep over seeds, of which `seed` is the first. */
  readonly seeds?: readonly number[];
  readonly engine: string;
  readonly device: string;
  /** The name of the card. */
  readonly adapter?: string;
  /** `bf16` if convolutions and large products will read such numbers. */
  readonly precision?: "bf16";
  /** The reason for this engine and device, if fslc chose them. */
  readonly why?: string;
  /** The number of stages that run at the same time, if it is more than one. */
  readonly jobs?: number;
  /** The settings of the cluster whose jobs compute the stages. Absent if this machine computes. */
  readonly cluster?: Readonly<Record<string, string | number | readonly string[]>>;
  /** The memory of this machine in bytes, or that of its container. Absent if the stages have no costs or run on a card. */
  readonly memory?: { readonly total: number; readonly free: number };
  /** The shortest and the longest expected time of the stages that run, in seconds, without ingests. Absent if it is not estimated. */
  readonly expectedSeconds?: readonly [number, number];
  /** In the order in which they run. */
  readonly stages: readonly StagePlan[];
}

/** The plan of each kind of stage. A kind without a plan does not compile. */
interface StagePlans {
  readonly pretrain: PretrainPlan;
  readonly meta: MetaPlan;
  readonly evaluate: EvaluatePlan;
}
export type StagePlan = IngestPlan | StagePlans[StageKind];
/** The part of a stage's plan that its kind determines. */
export type PlanOf<K extends StageKind> = K extends StageKind ? Omit<StagePlans[K], keyof PlanBase> : never;

export interface PlanBase {
  readonly id: string;
  readonly name: string;
  readonly needs: readonly string[];
  /** The key in the store; `pending` until its inputs exist. The key of an ingest is the digest of its data. */
  readonly key: string | "pending";
  readonly status: StageStatus;
  /** The reasons why it cannot run although it checks, one message each. */
  readonly blockers: readonly string[];
  /** The shortest and the longest expected time on this machine, in seconds. Absent if it is not estimated. */
  readonly expectedSeconds?: readonly [number, number];
}

export type StageStatus =
  /** An ingest is not computed by an engine, so it has no `by`. */
  | {
      readonly cached: true;
      readonly by?: ComputedBy;
      /** The time that it took, in seconds. */
      readonly seconds?: number;
    }
  | {
      readonly cached: false;
      readonly because: RunCause;
      /** The work that an earlier run has done before it was stopped or killed, which is not repeated. */
      readonly continues?: Continues;
    };

export interface Continues {
  readonly count: number;
  readonly unit: "steps" | "episodes" | "images";
}

/** The engine and the device that computed a stored stage. */
export interface ComputedBy {
  readonly engine: string;
  readonly version: string;
  /** `cpu` or `gpu:N`. */
  readonly device: string;
  /** The name of the card. */
  readonly adapter?: string;
  readonly threads: number;
  /** `bf16` if convolutions and large products read such numbers. */
  readonly precision?: "bf16";
}

/** The reason why a stage has to run, or why it waits for another one instead. */
export type RunCause =
  /** An ingest whose images are not packed yet. */
  | { readonly kind: "not packed" }
  | { readonly kind: "forced" }
  /** It does not run: another stage, which comes first, computes the same, and the store has it then. */
  | { readonly kind: "same"; readonly as: string }
  /** Its key is not known before these nodes are done. */
  | { readonly kind: "waits"; readonly for: readonly string[] }
  /**
   * The store does not have it. `differs` names the fields in which it differs from the most similar stored stage of its
   * kind, in brief: parts of the stage where many fields differ.
   */
  | { readonly kind: "not stored"; readonly differs: readonly string[] };

/** A number that is unknown while nobody has counted the images of a dataset. */
export type Size = number | "unknown";
export interface SizedAxis {
  readonly name: string;
  readonly size: Size;
}
/** A split of a dataset, which stands by its id. */
export interface SplitPlan {
  readonly dataset: string;
  readonly split: SplitName;
}

export interface IngestPlan extends PlanBase {
  readonly kind: "ingest";
  readonly source: DataSource;
  readonly image: ImageSize;
  readonly train: readonly Transform[];
  readonly eval: readonly Transform[];
  /** The facts of each split, if they are known before the data are read. */
  readonly splits: readonly ({ readonly split: string } & Omit<SplitFacts, "sizes" | "largest">)[];
}

interface TrainingPlanBase extends PlanBase {
  readonly networks: readonly NetworkPlan[];
  readonly norms: readonly NormPlan[];
  readonly optimizer: readonly OptimizerGroupPlan[];
  readonly schedule: Schedule;
  readonly epochs: number;
  readonly steps: Size;
  readonly validation: ValidationPlan | undefined;
  /** The decay of the average of the weights that is validated and stored. */
  readonly ema: number | undefined;
  /** The files about the steps that are written; undefined if none are. */
  readonly report?: readonly TrainingReport[];
  readonly cost: StepCost | undefined;
  /** The work of all validations together. */
  readonly validationWork?: number;
}
export interface PretrainPlan extends TrainingPlanBase {
  readonly kind: "pretrain";
  readonly data: SplitPlan;
  /** `parts` is the number of equal parts in which a step computes its gradient. */
  /** `views` is the number of views of each image, if there are several. */
  readonly perStep: { readonly images: number; readonly parts?: number; readonly views?: number };
}
export interface MetaPlan extends TrainingPlanBase {
  readonly kind: "meta";
  /** `listed` is the list that the steps take their episodes from; without it they are sampled. */
  readonly data: EpisodesPlan & {
    readonly listed?: { readonly in: string; readonly episodes: number };
    /** Further kinds of episodes, one of which each step takes at random. */
    readonly others?: readonly EpisodesPlan[];
  };
  readonly perStep: { readonly episodes: number };
}
export type TrainingPlan = PretrainPlan | MetaPlan;

export interface EpisodesPlan extends SplitPlan {
  readonly task: Task;
}
export interface ValidationPlan extends EpisodesPlan {
  readonly episodes: number;
  readonly everyEpochs: number;
  readonly keepBest: boolean;
  /** Training ends after this many epochs without a better validation. */
  readonly patience?: number;
}

export interface EvaluatePlan extends PlanBase {
  readonly kind: "evaluate";
  readonly networks: readonly NetworkPlan[];
  readonly rows: readonly RowPlan[];
  readonly report: readonly Report[];
  /** States if each image is embedded once, and the reason if it is not. */
  readonly embed: { readonly once: true } | { readonly once: false; readonly why: string };
  /** The split that values are fitted from; undefined if none are. */
  readonly fitFrom?: SplitPlan;
  /** The cost of embedding one image, and of classifying one episode. */
  readonly cost: { readonly image: StepCost; readonly episode: StepCost } | undefined;
}
export interface RowPlan extends EpisodesPlan {
  /** `1 shot`, for people; empty if the stage has one row. */
  readonly label: string;
  readonly episodes: number;
  /** The file that lists the episodes; undefined if they are sampled. */
  readonly listedIn?: string;
}

export interface NetworkPlan {
  readonly slot: "encoder" | "head" | "metric" | "learn";
  /** The name of the declaration. What a loss learns has none. */
  readonly name: string | undefined;
  /** The slot of a finished stage that fills it. */
  readonly from: { readonly stage: string; readonly slot: string } | undefined;
  readonly frozen: boolean;
  /** Undefined for a metric and for what a loss learns: they have modules with inputs of their own. */
  readonly input: readonly SizedAxis[] | undefined;
  readonly layers: readonly LayerPlan[];
  /** Set for a metric that sees the queries of an episode together. */
  readonly transductive?: true;
  /** True for a metric that draws while it classifies. */
  readonly sampled?: true;
  /** The assumptions of a transductive metric (`balanced`). */
  readonly assumes?: readonly string[];
  /**
   * The learned tensors of a metric, beside its modules' layers. For values that are learned for each weight of networks,
   * the shape is their number.
   */
  readonly learned: readonly LearnedPlan[];
  readonly parameters: Size;
}
export interface LearnedPlan {
  readonly path: string;
  readonly shape: readonly number[];
  /** Set for a value that is drawn once and never trained. */
  readonly fixed?: true;
}
export interface LayerPlan {
  readonly path: string;
  readonly op: LayerOpPlan;
  /** Layers inside residual and parallel ones are listed after them, one level deeper. */
  readonly depth: number;
  /** Without batch axes. */
  readonly output: readonly SizedAxis[];
  /** The name of the network's output that its value is. */
  readonly as: string | undefined;
  readonly parameters: Size;
}
/** An op with its settings. The layers inside it are left out, and its number of outputs may be unknown. */
export type LayerOpPlan = PlannedOp<LayerOp>;
type PlannedOp<Op> = Op extends { readonly out: number }
  ? Omit<Op, "out"> & { readonly out: Size }
  : Omit<Op, "body" | "shortcut" | "branches" | "input" | "learns">;

/** The statistics that one batch norm uses, for each way in which its network is called. */
export interface NormPlan {
  readonly path: string;
  readonly training: readonly NormMode[];
  readonly test: readonly NormMode[];
}
export type NormMode =
  | { readonly statistics: "running" }
  | { readonly statistics: "batch"; readonly over: NormPool }
  /** The statistics of other values than those that it normalizes. */
  | { readonly statistics: "other"; readonly over: NormPool };
/** The values that batch statistics are taken over. */
export type NormPool =
  | { readonly of: "step" }
  | { readonly of: "part"; readonly images: number }
  /** `to` is the number of images of the largest episodes, if episodes differ. */
  | { readonly of: "episode"; readonly images: number; readonly to?: number }
  /** The values that a module of a metric meets in one episode. */
  | { readonly of: "episode values" }
  /** A value with these axes beside those of one image; none: one image. */
  | { readonly of: "axes"; readonly axes: readonly SizedAxis[] };

export interface OptimizerGroupPlan {
  readonly settings: OptimizerSettings | "frozen";
  readonly weights: readonly string[];
  readonly parameters: Size;
}
/** The settings that the optimizer of this kind has. */
export type OptimizerSettings =
  | (Pick<Optimizer, "lr" | "weightDecay" | "momentum" | "nesterov" | "clip"> & Rhythm & { readonly kind: "sgd" })
  | (Pick<Optimizer, "lr" | "weightDecay" | "beta1" | "beta2" | "eps" | "clip"> &
      Rhythm & { readonly kind: "adam" | "adamw" });
interface Rhythm {
  /** Set if the weights move in each step whose number this divides. */
  readonly every?: number;
}

export interface StepCost {
  readonly flops: number;
  /** Over the whole stage. */
  readonly total: number;
  /** Set if loops may end before their bounds: the bounds are counted. */
  readonly atMost?: true;
  /** From liveness in emission order, times the engine's factors: lowest and highest. */
  readonly peakBytes: readonly [number, number];
  /** Undefined if the engine computes on the processor. */
  readonly kernels?: DeviceKernels;
}
/** Ops of the tensor IR that a device has no kernels for. */
export interface DeviceKernels {
  /** Written in other ops, on the device. */
  readonly decomposed: readonly string[];
  /** Computed by the processor: their operands come down, and their results go up, at each use. */
  readonly processor: readonly string[];
}
