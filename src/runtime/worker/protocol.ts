/** Defines the messages between the scheduler and a worker process, and the memory that the threads of a worker share. */
import type { RunEvent } from "../events/events.js";
import type { Outcome, PlacedJob } from "../stages/job.js";
import type { Answer, Question } from "../stages/question.js";

export type ToWorker = { readonly type: "job"; readonly job: PlacedJob } | { readonly type: "stop" } | Asked;
/** A question to a classifier that stays loaded. Its answer carries the same number. */
export interface Asked {
  readonly type: "question";
  readonly id: number;
  readonly question: Question;
}
export type FromWorker =
  | { readonly type: "event"; readonly event: RunEvent }
  /** A sign of life. `progress` grows with each step. If it does not grow within `patience` ms, the worker hangs. */
  | { readonly type: "beat"; readonly progress: number; readonly patience: number }
  | { readonly type: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly type: "outcome"; readonly outcome: Outcome };

/** The messages from the engine thread to the control thread. */
export type FromThread = Extract<FromWorker, { type: "event" | "answer" | "outcome" }>;
export interface ThreadData {
  readonly job: PlacedJob;
  /** The Int32 words that `Shared` names. */
  readonly shared: SharedArrayBuffer;
}
/** The indices of the shared words. They are shared memory because neither thread can wait for the event loop of the other. */
export const Shared = { stop: 0, progress: 1, patience: 2, length: 3 } as const;
