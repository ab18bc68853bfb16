/** What a stage driver gets from its worker. */
import type { RunEvent } from "../events/events.js";
import type { PlacedJob } from "./job.js";
import { patienceFor } from "./patience.js";

type PlacedStageEvent = Extract<
  RunEvent,
  { type: "stage.start" | "stage.progress" | "stage.step" | "stage.validate" | "stage.note" }
>;
/** An event as a driver says it: the time and the stage are filled in. */
export type StageEvent = PlacedStageEvent extends infer E
  ? E extends unknown
    ? Omit<E, "time" | "stage">
    : never
  : never;

export interface StageContext {
  readonly job: PlacedJob;
  readonly emit: (event: StageEvent) => void;
  readonly progress: ProgressTracker;
}

/** Says how far a long loop inside a stage has come, which is minutes between two other lines. */
export function roundProgress({ emit }: StageContext, phase: string): (done: number, most: number) => void {
  return (done, total) => emit({ type: "stage.progress", phase, done, total, unit: "rounds" });
}

/** Thrown where a driver notices, between two steps, that it has been asked to stop. */
export class Stopped extends Error {
  constructor() {
    super("stopped");
    this.name = "Stopped";
  }
}

/** Counts progress for the watchdog, and hears the word to stop. */
export class ProgressTracker {
  private longest = 0;
  private last = performance.now();
  private readonly report: (patience: number) => void;
  private readonly stopRequested: () => boolean;

  constructor(report: (patience: number) => void, stopRequested: () => boolean) {
    this.report = report;
    this.stopRequested = stopRequested;
  }

  /** What comes now cannot be compared with steps (loading a library, building a graph): start measuring after it. */
  endPreparation(): void {
    this.last = performance.now();
    this.report(0);
    this.check();
  }

  /** One unit of work is done. Throws `Stopped` where the run is to end. */
  step(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.last);
    this.last = now;
    this.report(patienceFor(this.longest));
    this.check();
  }

  get stopping(): boolean {
    return this.stopRequested();
  }

  private check(): void {
    if (this.stopRequested()) throw new Stopped();
  }
}

/**
 * Lets at most ten events of a kind through in a second, and always the last of a series. Whoever reads them draws
 * no more often; validations and notes are rare and pass.
 */
export function throttled(emit: (event: StageEvent) => void, now: () => number = () => performance.now()): typeof emit {
  const last = new Map<string, number>();
  return (event) => {
    const key = event.type === "stage.progress" ? `progress ${event.phase}` : event.type;
    const final =
      event.type === "stage.step"
        ? event.step === event.steps
        : event.type !== "stage.progress" || event.done === event.total;
    const time = now();
    if (!final && time - (last.get(key) ?? Number.NEGATIVE_INFINITY) < 100) return;
    last.set(key, time);
    emit(event);
  };
}
