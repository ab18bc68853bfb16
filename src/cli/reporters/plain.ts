/** Implements `--reporter plain`: it writes lines to stderr for logs and CI, and redraws nothing. */
import { printableTexts } from "../../common/printable.js";
import type { EngineChoice } from "../../runtime/engines/select.js";
import type { Result, RunEvent } from "../../runtime/events/events.js";
import { count, duration, engineAndDevice, interval, percent, plural, rate, seedsText } from "../view/format.js";
import { initialState, interrupted, reduce } from "../view/model.js";
import { effectOfStop } from "../view/unfinished.js";
import type { Reporter, Streams } from "./reporter.js";

/** The time between two lines of one kind for a stage, because steps and progress come faster than a log should grow. */
const everyMs = 10_000;

export function plainReporter({ stderr }: Pick<Streams, "stderr">): Reporter {
  let state = initialState;
  /** The last text. It is not repeated, because each row of an evaluation ends with the same text. */
  let written: string | undefined;
  const lastLine = new Map<string, number>();

  const isDue = (key: string, time: number): boolean => {
    const last = lastLine.get(key);
    if (last !== undefined && time - last < everyMs) return false;
    lastLine.set(key, time);
    return true;
  };
  return {
    event(given) {
      const event = printableTexts(given);
      const text = describe(event, isDue);
      state = reduce(state, event);
      if (text === undefined || text === written) return;
      written = text;
      const elapsed = state.startedAt === undefined ? 0 : (event.time - state.startedAt) / 1000;
      stderr.write(`${duration(elapsed).padStart(7)}  ${text}\n`);
    },
    interrupted() {
      state = interrupted(state);
      const parts = ["stopping after this step", "finished stages are kept", effectOfStop(state)];
      stderr.write(
        state.interrupt === "stopping"
          ? `${[...parts, "press Ctrl-C again to abort"].filter((part) => part !== undefined).join("; ")}\n`
          : "aborting\n",
      );
    },
    async close() {},
  };
}

function accuracies(results: readonly Result[]): string {
  const texts = results
    .filter(({ metric }) => metric === "accuracy")
    .map(({ row, mean, ci95 }) => `${row === undefined ? "" : `${row} `}${interval(mean, ci95)}`);
  return texts.length === 0 ? "" : `  accuracy ${texts.join(", ")}`;
}

/** Returns a line with the engine and the reason for it if fslc chose the engine, and otherwise an empty text. */
function choiceLine(engine: EngineChoice | undefined): string {
  return engine?.why === undefined ? "" : `\n         engine ${engineAndDevice(engine.name, engine)}: ${engine.why}`;
}

/** Returns the seed of a run or, for a sweep, its variants and seeds. */
function variantsText({ seed, sweep }: Extract<RunEvent, { readonly type: "run.start" }>): string {
  if (sweep === undefined) return `seed ${seed}`;
  const seeds = `${sweep.seeds.length > 1 ? "seeds" : "seed"} ${seedsText(sweep.seeds)}`;
  return `${plural(sweep.variants.length, "variant")}, ${seeds}`;
}

function describe(event: RunEvent, due: (key: string, time: number) => boolean): string | undefined {
  switch (event.type) {
    case "run.start":
      return `fslc ${event.version}  ${event.file}  ${variantsText(event)}  run ${event.run}${choiceLine(event.engine)}`;
    case "stage.start":
      return event.engine === undefined
        ? `${event.stage}: start`
        : `${event.stage}: start on ${engineAndDevice(event.engine.engine, event.engine)}, threads ${event.engine.threads}`;
    case "stage.cached":
      return `${event.stage}: served from the store${accuracies(event.results)}`;
    case "stage.progress": {
      const ended = event.total !== undefined && event.done >= event.total;
      if (!ended && !due(`${event.stage} ${event.phase}`, event.time)) return undefined;
      return `${event.stage}: ${event.phase} ${count(event.done)}${event.total === undefined ? "" : ` of ${count(event.total)}`} ${event.unit}`;
    }
    case "stage.step": {
      if (event.step < event.steps && !due(`${event.stage} step`, event.time)) return undefined;
      const accuracy = event.accuracy === undefined ? "" : `  accuracy ${percent(event.accuracy, 1)} %`;
      return `${event.stage}: epoch ${event.epoch}  step ${count(event.step)} of ${count(event.steps)}  loss ${event.loss.toPrecision(4)}${accuracy}  ${rate(event.itemsPerSecond)} ${event.unit}/s`;
    }
    case "stage.validate":
      return `${event.stage}: epoch ${event.epoch}  validation ${interval(event.accuracy, event.ci95)} over ${count(event.episodes)} episodes${event.best ? "  (best)" : ""}`;
    case "stage.note":
      return `${event.stage}: ${event.code === undefined ? "" : `warning ${event.code}: `}${event.message}`;
    case "stage.done":
      return `${event.stage}: done in ${duration(event.seconds)}${accuracies(event.results)}`;
    case "stage.failed":
      return `${event.stage}: failed with ${event.code}: ${event.message}${event.at === undefined ? "" : ` (${event.at})`}`;
    case "run.done":
      return `run ${event.status} in ${duration(event.seconds)}`;
    default:
      return event satisfies never;
  }
}
