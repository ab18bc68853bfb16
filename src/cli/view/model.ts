/**
 * Keeps the state of a run that every view shows. `reduce(state, event)` returns the next state and is pure: it reads no
 * clock, and all times are those of the events, in milliseconds.
 */
import type { Numerics } from "../../runtime/engines/engine.js";
import type { EngineChoice } from "../../runtime/engines/select.js";
import type { Result, RunEvent, StageOutline } from "../../runtime/events/events.js";
import { append, emptySeries, type Series } from "./series.js";

export type StageStatus = "waiting" | "running" | "done" | "cached" | "failed" | "stopped";

export interface Training {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly lr: number;
  readonly itemsPerSecond: number;
  readonly unit: "episodes" | "images";
  readonly loss: number;
  readonly accuracy: number | undefined;
  readonly lossCurve: Series;
  readonly accuracyCurve: Series;
  /** The first step of this attempt, at which the estimate of the remaining time starts. */
  readonly first: { readonly step: number; readonly time: number };
  readonly lastTime: number;
}
export interface Validation {
  readonly epoch: number;
  readonly accuracy: number;
  readonly ci95: number;
  readonly episodes: number;
}
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
  readonly since: number;
}
/** A warning about a stage, with its code for `fslc explain`. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

export interface StageState {
  readonly outline: StageOutline;
  readonly status: StageStatus;
  readonly attempt: number;
  readonly startedAt: number | undefined;
  readonly seconds: number | undefined;
  /** The progress of the preparation or evaluation that goes on now. */
  readonly progress: Progress | undefined;
  readonly training: Training | undefined;
  readonly validation: Validation | undefined;
  readonly best: Validation | undefined;
  /** The accuracies of all validations, and the epoch of the first. */
  readonly validations: { readonly curve: Series; readonly firstEpoch: number };
  readonly note: string | undefined;
  /** The warnings about the stage, each once. */
  readonly warnings: readonly Warning[];
  readonly results: readonly Result[];
  /** The numerics of the engine that computes the stage or has computed it. An ingest has none. */
  readonly numerics: Numerics | undefined;
  readonly failure: { readonly code: string; readonly message: string; readonly fix: string | undefined } | undefined;
}

export interface RunState {
  /** True if another process computes the run, so that Ctrl-C ends only the watching. */
  readonly watched?: true;
  readonly run: string | undefined;
  readonly file: string;
  readonly version: string;
  readonly seeds: readonly number[];
  /** The number of variants of the experiment. */
  readonly variants: number;
  readonly startedAt: number | undefined;
  /** The numerics of the stage that started last. */
  readonly engine: Numerics | undefined;
  /** The engine that was chosen for the stages that are not in the store. */
  readonly choice: EngineChoice | undefined;
  readonly stages: readonly StageState[];
  readonly status: "starting" | "running" | "done" | "failed" | "interrupted";
  readonly seconds: number | undefined;
  readonly results: readonly Result[];
  /** The effect of the Ctrl-C presses so far. */
  readonly interrupt: "none" | "stopping" | "aborting";
}

export const initialState: RunState = {
  run: undefined,
  file: "",
  version: "",
  seeds: [],
  variants: 1,
  startedAt: undefined,
  engine: undefined,
  choice: undefined,
  stages: [],
  status: "starting",
  seconds: undefined,
  results: [],
  interrupt: "none",
};

/** Returns the state of a stage that has not started. */
export function waitingStage(outline: StageOutline): StageState {
  return {
    outline,
    status: "waiting",
    attempt: 0,
    startedAt: undefined,
    seconds: undefined,
    progress: undefined,
    training: undefined,
    validation: undefined,
    best: undefined,
    validations: { curve: emptySeries, firstEpoch: 0 },
    note: undefined,
    warnings: [],
    results: [],
    numerics: undefined,
    failure: undefined,
  };
}

type StageEvent = Extract<RunEvent, { readonly stage: string }>;

/** Returns the state of a run after an event. */
export function reduce(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case "run.start":
      return {
        ...initialState,
        interrupt: state.interrupt,
        run: event.run,
        file: event.file,
        version: event.version,
        seeds: event.sweep?.seeds ?? [event.seed],
        variants: event.sweep?.variants.length ?? 1,
        choice: event.engine,
        startedAt: event.time,
        stages: event.stages.map(waitingStage),
        status: "running",
      };
    case "run.done":
      return {
        ...state,
        status: event.status,
        seconds: event.seconds,
        results: event.results,
        stages: state.stages.map((s) => (s.status === "running" ? { ...s, status: "stopped" } : s)),
      };
    default: {
      const stages = state.stages.map((s) => (s.outline.id === event.stage ? reduceStage(s, event) : s));
      return event.type === "stage.start"
        ? { ...state, stages, engine: event.engine ?? state.engine }
        : { ...state, stages };
    }
  }
}

function reduceStage(stage: StageState, event: StageEvent): StageState {
  switch (event.type) {
    case "stage.start":
      return {
        ...waitingStage(stage.outline),
        status: "running",
        attempt: event.attempt,
        startedAt: event.time,
        numerics: event.engine,
      };
    case "stage.cached":
      return { ...stage, status: "cached", results: event.results, numerics: event.numerics };
    case "stage.progress": {
      const same = stage.progress?.phase === event.phase ? stage.progress.since : event.time;
      const { phase, done, total, unit } = event;
      return {
        ...stage,
        status: "running",
        startedAt: stage.startedAt ?? event.time,
        progress: { phase, done, total, unit, since: same },
      };
    }
    case "stage.step":
      return { ...stage, status: "running", progress: undefined, training: nextTraining(stage.training, event) };
    case "stage.validate": {
      const { epoch, accuracy, ci95, episodes } = event;
      const validation = { epoch, accuracy, ci95, episodes };
      const { curve, firstEpoch } = stage.validations;
      return {
        ...stage,
        progress: undefined,
        validation,
        best: event.best ? validation : stage.best,
        validations: {
          curve: append(curve, accuracy),
          firstEpoch: stage.validation === undefined ? epoch : firstEpoch,
        },
      };
    }
    case "stage.note":
      return { ...stage, note: event.message, warnings: withWarning(stage.warnings, event) };
    case "stage.done":
      return { ...stage, status: "done", seconds: event.seconds, results: event.results, progress: undefined };
    case "stage.failed":
      return {
        ...stage,
        status: "failed",
        progress: undefined,
        failure: { code: event.code, message: event.message, fix: event.fix },
      };
    default:
      return event satisfies never;
  }
}

/** Returns the warnings with the one of a note, if the note is a warning and a new one. */
function withWarning(
  warnings: readonly Warning[],
  { code, message }: Extract<RunEvent, { readonly type: "stage.note" }>,
): readonly Warning[] {
  if (code === undefined || warnings.some((one) => one.message === message)) return warnings;
  return [...warnings, { code, message }];
}

function nextTraining(
  before: Training | undefined,
  event: Extract<RunEvent, { readonly type: "stage.step" }>,
): Training {
  const { step, steps, epoch, lr, itemsPerSecond, unit, loss, accuracy } = event;
  return {
    step,
    steps,
    epoch,
    lr,
    itemsPerSecond,
    unit,
    loss,
    accuracy,
    lossCurve: append(before?.lossCurve ?? emptySeries, loss),
    accuracyCurve: append(before?.accuracyCurve ?? emptySeries, accuracy ?? Number.NaN),
    first: before?.first ?? { step, time: event.time },
    lastTime: event.time,
  };
}

/** Returns the seconds until the last step of a stage, including validations, or undefined if it is too early for an estimate. */
export function secondsLeft(training: Training): number | undefined {
  const steps = training.step - training.first.step;
  const seconds = (training.lastTime - training.first.time) / 1000;
  if (steps < 1 || seconds < 1) return undefined;
  return ((training.steps - training.step) * seconds) / steps;
}

/** Returns the state of a run after the user pressed Ctrl-C. */
export function interrupted(state: RunState): RunState {
  return { ...state, interrupt: state.interrupt === "none" ? "stopping" : "aborting" };
}
