/** One stage to run, and how it ended: what the scheduler, an executor and the stages exchange. */
import type { Canonical } from "../../compiler/stages/canonical/value.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import type { Choice } from "../engines/select.js";
import type { Failure } from "../events/failure.js";
import type { Project } from "../system/project.js";
import type { ThreadBudget } from "../system/threads.js";

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
