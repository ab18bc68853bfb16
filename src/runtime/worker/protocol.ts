/** What the scheduler and a worker process say to each other, and what a worker's threads share. */
import type { RunEvent } from "../events/events.js";
import type { Outcome, PlacedJob } from "../stages/job.js";

export type ToWorker = { readonly type: "job"; readonly job: PlacedJob } | { readonly type: "stop" };
export type FromWorker =
  | { readonly type: "event"; readonly event: RunEvent }
  /** `progress` grows with each step; no growth within `patience` ms means that the worker hangs. */
  | { readonly type: "beat"; readonly progress: number; readonly patience: number }
  | { readonly type: "outcome"; readonly outcome: Outcome };

/** What the engine thread tells the control thread. */
export type FromThread = Extract<FromWorker, { type: "event" | "outcome" }>;
export interface ThreadData {
  readonly job: PlacedJob;
  /** Int32 words of `Shared`. */
  readonly shared: SharedArrayBuffer;
}
/** Words shared by the threads of a worker: neither side can wait for the other's event loop. */
export const Shared = { stop: 0, progress: 1, patience: 2, length: 3 } as const;
