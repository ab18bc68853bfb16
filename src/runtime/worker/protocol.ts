/** What the scheduler and a worker process say to each other, and what a worker's threads share. */
import type { Canonical } from "../../compiler/stages/canonical.js";
import type { Experiment } from "../../compiler/typed.js";
import type { Choice } from "../engines/select.js";
import type { RunEvent } from "../events.js";
import type { Failure } from "../failure.js";
import type { Project } from "../project.js";
import type { ThreadBudget } from "../threads.js";

/** One stage to run: all that a worker needs to know. Survives structured cloning. */
export interface Job {
  /** Id of the node in the stage graph. */
  readonly node: string;
  readonly experiment: Experiment;
  readonly project: Project;
  /** The run's folder, for logs and details of bugs. */
  readonly runDir: string;
  readonly seed: number;
  readonly threads: ThreadBudget;
  readonly engine: Pick<Choice, "name" | "device" | "adapter">;
  /** Key in the store; empty for an ingest. */
  readonly key: string;
  /** What the key is a hash of: stored, so that a later plan can say what has changed. */
  readonly content: Canonical;
  /** Serve from the store if it holds this key with exactly the numerics that the engine turns out to have. */
  readonly reuseExact: boolean;
  /** Folders of the packs of the datasets that it reads, by dataset id. */
  readonly packs: Readonly<Record<string, string>>;
  /** Stored stages that this one takes weights from, by stage id. */
  readonly inputs: Readonly<Record<string, { readonly key: string; readonly dir: string }>>;
}

export type Outcome =
  /** `dir`: its entry in the store. `reused`: nothing was computed. */
  | { readonly kind: "stored"; readonly dir: string; readonly reused: boolean }
  /** An ingest is done. */
  | { readonly kind: "packed" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly failure: Failure };

export type ToWorker = { readonly type: "job"; readonly job: Job } | { readonly type: "stop" };
export type FromWorker =
  | { readonly type: "event"; readonly event: RunEvent }
  /** `progress` grows with each step; no growth within `patience` ms means that the worker hangs. */
  | { readonly type: "beat"; readonly progress: number; readonly patience: number }
  | { readonly type: "outcome"; readonly outcome: Outcome };

/** What the engine thread tells the control thread. */
export type FromThread = Extract<FromWorker, { type: "event" | "outcome" }>;
export interface ThreadData {
  readonly job: Job;
  /** Int32 words of `Shared`. */
  readonly shared: SharedArrayBuffer;
}
/** Words shared by the threads of a worker: neither side can wait for the other's event loop. */
export const Shared = { stop: 0, progress: 1, patience: 2, length: 3 } as const;
