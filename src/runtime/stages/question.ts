/** The questions to a classifier that a worker keeps loaded, and their answers. They survive structured cloning. */
import type { Dataset, EvaluateStage, Metric, Task } from "../../compiler/typed/tree.js";
import type { Failure } from "../events/failure.js";

/** The parts of a finished stage that classify, with the dataset whose `eval` chain prepares every image. */
export interface Resident extends Pick<EvaluateStage, "encoder" | "metric" | "fitFrom" | "span"> {
  readonly dataset: Dataset;
}

/** Embeddings of several images by output of the encoder [image, …], or their bytes [image, channels, height, width] as `images`. */
export type Given = Readonly<Record<string, Float32Array | Uint8Array>>;

export type Question =
  /** Embeds images: `pixels` u8 [count, channels, height, width]. */
  | { readonly kind: "embed"; readonly pixels: Uint8Array; readonly count: number }
  /** Scores way·query queries against way·shot supports, both class by class, with the metric elaborated for this task. */
  | {
      readonly kind: "score";
      readonly metric: Metric;
      readonly task: Task;
      /** A name that questions with the same metric and task share, so that their program is made once. */
      readonly program: string;
      readonly support: Given;
      readonly query: Given;
    };

export type Answer =
  | { readonly kind: "embedded"; readonly features: Readonly<Record<string, Float32Array>> }
  /** The scores [way·query, way]. */
  | { readonly kind: "scored"; readonly scores: Float32Array }
  | { readonly kind: "failed"; readonly failure: Failure };
