/** Defines a tracker, which passes the numbers of a run on to another program while the run goes on. */
import type { Result, RunEvent } from "../../runtime/events/events.js";

/** Receives every event of a run in order and is closed after the last one. An error that it throws ends it, not the run. */
export interface Tracker {
  /** The words for it in messages. */
  readonly name: string;
  event(event: RunEvent): void;
  /** Passes on what is left. */
  close(): Promise<void>;
}

/** A number at a step of a stage. Results have no step. Accuracies are fractions. */
export interface Scalar {
  readonly stage: string;
  /** A path such as `train/loss`. */
  readonly name: string;
  readonly value: number;
  readonly step: number;
}

/** Returns the numbers that an event brings. */
export function scalarsOf(event: RunEvent): Scalar[] {
  switch (event.type) {
    case "stage.step": {
      const { stage, step, loss, accuracy, lr } = event;
      const numbers = { loss, ...(accuracy === undefined ? {} : { accuracy }), learning_rate: lr };
      return Object.entries(numbers).map(([name, value]) => ({ stage, name: `train/${name}`, value, step }));
    }
    case "stage.validate": {
      const { stage, step, accuracy, ci95 } = event;
      return Object.entries({ accuracy, ci95 }).map(([name, value]) => ({
        stage,
        name: `validate/${name}`,
        value,
        step,
      }));
    }
    case "stage.done":
    case "stage.cached":
      return event.results.flatMap((result) => scalarsOfResult(event.stage, result));
    default:
      return [];
  }
}

function scalarsOfResult(stage: string, { row = "", metric, mean, ci95 }: Result): Scalar[] {
  const name = ["result", ...(row === "" ? [] : [row]), metric].join("/");
  return [
    { stage, name, value: mean, step: 0 },
    { stage, name: `${name}_ci95`, value: ci95, step: 0 },
  ];
}
