/** What `fslc plan` knows, as plain JSON-safe data. Sizes are in numbers, memory in bytes, work in floating-point operations. */

export interface PlanReport {
  readonly file: string;
  readonly seed: number;
  readonly engine: string;
  readonly device: string;
  /** The name of the card. */
  readonly adapter?: string;
  /** Why this engine and device, where they were fslc's to choose. */
  readonly why?: string;
  /** In the order in which they run. */
  readonly stages: readonly StagePlan[];
}

export type StagePlan = IngestPlan | TrainingPlan | EvaluatePlan;

interface StagePlanBase {
  readonly id: string;
  readonly name: string;
  readonly needs: readonly string[];
  /** The key in the store; `pending` until its inputs exist. An ingest has its data's digest once that is known. */
  readonly key: string | "pending";
  readonly status: StageStatus;
  /** Why it cannot run although it checks, one message each. */
  readonly blockers: readonly string[];
}
export type StageStatus =
  | { readonly cached: true /** What computed it: engine, version, device. */; readonly by: string }
  | {
      readonly cached: false;
      readonly why: string;
      /** The fields in which it differs from the most similar stored stage of its kind, in brief: parts of it where many differ. */
      readonly differs: readonly string[];
    };

export interface IngestPlan extends StagePlanBase {
  readonly kind: "ingest";
  readonly source: string;
  readonly image: string;
  readonly train: readonly string[];
  readonly eval: readonly string[];
  readonly splits: readonly SplitPlan[];
}
export interface SplitPlan {
  readonly split: string;
  readonly classes: number;
  readonly images: number;
  readonly smallest: string;
}

export interface TrainingPlan extends StagePlanBase {
  readonly kind: "pretrain" | "meta";
  /** `5-way 5-shot, 15 queries a class from birds.train`, or `birds.train`. */
  readonly data: string;
  readonly networks: readonly NetworkPlan[];
  readonly norms: readonly NormPlan[];
  readonly optimizer: readonly OptimizerGroupPlan[];
  readonly schedule: string;
  readonly epochs: number;
  /** Undefined where nobody has counted the images. */
  readonly steps: number | undefined;
  /** What one step holds: `4 episodes`, `64 images`, `64 images in 4 parts`. */
  readonly perStep: string;
  readonly validation: string | undefined;
  /** Decay of the average of the weights that is validated and stored. */
  readonly ema: number | undefined;
  readonly cost: StepCost | undefined;
}
export interface EvaluatePlan extends StagePlanBase {
  readonly kind: "evaluate";
  readonly networks: readonly NetworkPlan[];
  readonly rows: readonly { readonly label: string; readonly episodes: string; readonly count: number }[];
  readonly report: readonly string[];
  /** Whether each image is embedded once, and why (not). */
  readonly embed: { readonly once: boolean; readonly why: string };
  /** The split that values are fitted from; undefined where none are. */
  readonly fitFrom?: string;
  /** Of embedding one image, and of classifying one episode. */
  readonly cost: { readonly image: StepCost; readonly episode: StepCost } | undefined;
}

export interface NetworkPlan {
  readonly slot: "encoder" | "head" | "metric" | "learn";
  readonly name: string;
  /** `teacher.encoder` where a finished stage fills it. */
  readonly from: string | undefined;
  readonly frozen: boolean;
  readonly input: string;
  readonly layers: readonly LayerPlan[];
  /** Of a metric that sees the queries of an episode together: that it does, and what it relies on (`balanced`). */
  readonly transductive?: true;
  readonly assumes?: readonly string[];
  /** Learned tensors of a metric, beside its modules' layers; of values for each weight of networks, their number. */
  readonly learned: readonly { readonly path: string; readonly shape: readonly number[] }[];
  /** Undefined where it depends on the number of classes, and nobody has counted them. */
  readonly parameters?: number;
}
export interface LayerPlan {
  readonly path: string;
  /** `conv 3×3, stride 2`. Layers inside residual and parallel ones are listed after them, one deeper. */
  readonly what: string;
  readonly depth: number;
  /** Axes without batch: `channel=64 height=42 width=42`. */
  readonly output: string;
  /** The name of the output that its value is. */
  readonly as: string | undefined;
  /** Undefined as that of its network. */
  readonly parameters?: number;
}
/** One batch norm's statistics: what they are taken over while training, and at test. */
export interface NormPlan {
  readonly path: string;
  readonly training: string;
  readonly test: string;
}
export interface OptimizerGroupPlan {
  /** `adam lr=0.001 weight_decay=0`, or `frozen`. */
  readonly settings: string;
  readonly weights: readonly string[];
  /** Undefined as that of a network. */
  readonly parameters?: number;
}
export interface StepCost {
  readonly flops: number;
  /** Over the whole stage. */
  readonly total: number;
  /** Loops may end before their bounds, which are what is counted. */
  readonly atMost?: true;
  /** From liveness in emission order, times the engine's factors: lowest and highest. */
  readonly peakBytes: readonly [number, number];
  /** Undefined where the engine computes on the processor. */
  readonly kernels?: DeviceKernels;
}
/** Ops of the tensor IR that a device has no kernels for. */
export interface DeviceKernels {
  /** Written in other ops, on the device. */
  readonly decomposed: readonly string[];
  /** Computed by the processor: their operands come down, and their results go up, at each use. */
  readonly processor: readonly string[];
}
