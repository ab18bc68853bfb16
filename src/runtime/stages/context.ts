/** The context in which a stage runs: its job, its engine and data, and how it reports to its worker. */
import type { Pack } from "../data/contract.js";
import type { Engine } from "../engines/engine.js";
import type { RunEvent } from "../events/events.js";
import type { Recorder } from "../profile/recorder.js";
import type { Checkpoints } from "../store/checkpoints.js";
import type { PlacedJob } from "./job.js";
import { patienceFor } from "./patience.js";
import type { Answer, Question } from "./question.js";

type EmittedEvent = Extract<
  RunEvent,
  { type: "stage.start" | "stage.progress" | "stage.step" | "stage.validate" | "stage.note" }
>;
/** An event that a stage emits. The worker adds the time and the id of the stage. */
export type StageEvent = EmittedEvent extends infer E ? (E extends unknown ? Omit<E, "time" | "stage"> : never) : never;

/** Answers the questions that a worker gets, one after another, for as long as it lives. */
export type AnswerQuestions = (answer: (question: Question) => Promise<Answer>) => Promise<never>;

/** The part of the context that every job gets from its worker. */
export interface JobContext {
  readonly job: PlacedJob;
  readonly emit: (event: StageEvent) => void;
  readonly progress: ProgressTracker;
  /** Records where the time goes, if the user wants to know. */
  readonly recorder?: Recorder;
}

/** Runs `work`, and records its time under the name of a phase if the job is profiled. */
export function timed<T>(
  { recorder }: Pick<JobContext, "recorder">,
  phase: string,
  work: () => Promise<T>,
): Promise<T> {
  return recorder === undefined ? work() : recorder.time(phase, work);
}

/** The context of a stage. It adds an open engine, the packs of the datasets by dataset id, and the stage's checkpoints. An ingest needs none. */
export interface StageContext extends JobContext {
  readonly engine: Engine;
  readonly checkpoints: Checkpoints;
  readonly packs: ReadonlyMap<string, Pack>;
}

/** Returns a listener that reports the rounds of a long loop as progress. Such a loop may take minutes. */
export function roundProgress({ emit }: JobContext, phase: string): (done: number, bound: number) => void {
  return (done, total) => emit({ type: "stage.progress", phase, done, total, unit: "rounds" });
}

/** Thrown between two steps of a job that has been asked to stop. */
export class StoppedError extends Error {
  constructor() {
    super("stopped");
    this.name = "StoppedError";
  }
}

/** Reports progress to the watchdog, and ends the job if a stop was requested. */
export class ProgressTracker {
  private longest = 0;
  private last = performance.now();
  private readonly report: (patience: number) => void;
  private readonly isStopRequested: () => boolean;

  /** `report` receives, for each unit of work, how long the next one may take in ms; 0 means that no unit was measured yet. */
  constructor(report: (patience: number) => void, isStopRequested: () => boolean) {
    this.report = report;
    this.isStopRequested = isStopRequested;
  }

  /**
   * Marks the end of a preparation, such as loading a library or building a graph. Its duration says nothing about the
   * duration of a step, so it is not measured.
   *
   * @throws StoppedError if a stop was requested.
   */
  endPreparation(): void {
    this.last = performance.now();
    this.report(0);
    this.check();
  }

  /**
   * Counts one finished unit of work.
   *
   * @throws StoppedError if a stop was requested.
   */
  step(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.last);
    this.last = now;
    this.report(patienceFor(this.longest));
    this.check();
  }

  /** Marks that nothing is to be done until the next question, however long that takes. */
  rest(): void {
    this.report(Number.POSITIVE_INFINITY);
  }

  get stopRequested(): boolean {
    return this.isStopRequested();
  }

  private check(): void {
    if (this.isStopRequested()) throw new StoppedError();
  }
}

/**
 * Returns an `emit` that passes on at most ten events of a kind per second, and always the last of a series. Readers
 * draw no more often. Validations and notes are rare and always pass.
 */
export function throttled(emit: (event: StageEvent) => void, now: () => number = () => performance.now()): typeof emit {
  const last = new Map<string, number>();
  return (event) => {
    const key = event.type === "stage.progress" ? `progress ${event.phase}` : event.type;
    const time = now();
    if (!isLast(event) && time - (last.get(key) ?? Number.NEGATIVE_INFINITY) < 100) return;
    last.set(key, time);
    emit(event);
  };
}

/** Returns true for the last event of a series, and for an event that belongs to no series. */
function isLast(event: StageEvent): boolean {
  if (event.type === "stage.step") return event.step === event.steps;
  return event.type !== "stage.progress" || event.done === event.total;
}
