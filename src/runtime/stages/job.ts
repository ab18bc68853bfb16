/** The unit of work that the scheduler hands out, and how it ends. The scheduler, executors and stages exchange these. */
import type { Canonical } from "../../compiler/stages/canonical/value.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import type { EngineChoice } from "../engines/select.js";
import type { Failure } from "../events/failure.js";
import type { Project } from "../system/project.js";
import type { ThreadBudget } from "../system/threads.js";
import type { Resident } from "./question.js";

/** One node of the stage graph to run, with everything that is known before a machine is chosen. It survives structured cloning. */
export interface Job {
  /** The id of the node in the graph of the run. Events and messages name it. */
  readonly node: string;
  /** The id of the node in the graph of `experiment`. It is another one if several variants of an experiment run together. */
  readonly target: string;
  readonly experiment: Experiment;
  readonly project: Project;
  /** The folder of the run, for logs and for details of bugs. */
  readonly runDir: string;
  /** A folder for files that only the jobs of this run need. It is made when it is needed, and the run removes it. */
  readonly scratch: string;
  readonly seed: number;
  /** The key in the store. It is empty for an ingest. */
  readonly key: string;
  /** The value whose hash is the key. It is stored so that a later plan can say what changed. */
  readonly content: Canonical;
  /** True if a stored result with this key and exactly the numerics of the opened engine is to be used instead of computing. */
  readonly reuseExact: boolean;
  /** The number of this attempt in the run: 1, and more after failures that the run retries. */
  readonly attempt: number;
  /** True if unfinished work of the stage is thrown away too, because the user wants it computed from its start. */
  readonly fresh: boolean;
  /** True if the stage is to leave a profile of its time in the folder of the run. */
  readonly profile: boolean;
  /** The pack folders of the datasets that the job reads, by dataset id. */
  readonly packs: Readonly<Record<string, string>>;
  /** The classifier that the worker keeps loaded to answer questions, in place of running the stage. Nothing is stored then. */
  readonly resident?: Resident;
  /** The part of the episodes of each row to score, for an evaluation that several jobs divide among themselves. Nothing is stored then. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** The stored stages that provide weights to this one, by stage id. */
  readonly inputs: Readonly<Record<string, { readonly key: string; readonly dir: string; readonly output: string }>>;
}

/** A job together with the engine and the threads that its executor gives it. */
export interface PlacedJob extends Job {
  readonly engine: Pick<EngineChoice, "name" | "device" | "adapter" | "precision">;
  readonly threads: ThreadBudget;
}

/** The outcome of a job. */
export type Outcome =
  /** The stage is in the store, in `dir`. `reused` is true if nothing was computed. */
  | { readonly kind: "stored"; readonly dir: string; readonly reused: boolean }
  /** The dataset of an ingest is packed. */
  | { readonly kind: "packed" }
  /** The part of the episodes is kept, for the job that stores the evaluation. */
  | { readonly kind: "shard" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly failure: Failure };
