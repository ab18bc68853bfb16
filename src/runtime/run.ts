/** Runs an experiment: a run folder, a scheduler, and the events of both as one stream. */
import type { Experiment } from "../compiler/typed.js";
import { Channel } from "./channel.js";
import { findPack } from "./data/index.js";
import type { RunEvent } from "./events.js";
import { describeFailure, type Failure } from "./failure.js";
import { version } from "./package.js";
import { planSettled } from "./plan.js";
import { RefusedError, type RunOptions, type Settled, settle } from "./preflight.js";
import { places } from "./project.js";
import { createRunFolder, type RunFolder } from "./run-folder.js";
import { Scheduler, type ScheduleSummary, type World } from "./scheduler/scheduler.js";
import { runInWorker } from "./worker/client.js";

export interface RunSummary extends ScheduleSummary {
  readonly run: string;
  readonly seconds: number;
}

export interface Run {
  readonly id: string;
  /** The run's folder: events.ndjson, plan.json, logs. */
  readonly dir: string;
  /** Every event, from `run.start` to `run.done`. For one reader. */
  readonly events: AsyncIterable<RunEvent>;
  /** Settles after the last event. Never rejects: a failure is in the summary. */
  readonly done: Promise<RunSummary>;
  /** Ends after the current step; finished stages are kept, the summary says `interrupted`. */
  stop(): void;
  /** Ends now; finished stages are kept. */
  abort(): void;
}

/** Starts a run. @throws RefusedError before anything starts, with every diagnostic. */
export function run(experiment: Experiment, options: RunOptions): Run {
  const settling = settle(experiment, options);
  if ("diagnostics" in settling) throw new RefusedError(settling.diagnostics);
  return start(settling.settled, realWorld(settling.settled));
}

/** The same over a world of the caller's making. */
export function start(settled: Settled, world: World): Run {
  const folder = createRunFolder(places.runs(settled.project), new Date());
  const channel = new Channel<RunEvent>();
  let unwritten: { readonly error: unknown } | undefined;
  const emit = (event: RunEvent): void => {
    channel.push(event);
    if (unwritten !== undefined) return; // A log with a hole would read as a whole one; one that breaks off does not.
    try {
      folder.append(event);
    } catch (error) {
      // Events come from a worker's messages, where nobody catches: `conduct` tells it once the worker is gone.
      unwritten = { error };
      scheduler.abort();
    }
  };
  const scheduler = new Scheduler({ ...settled, runDir: folder.dir, world }, emit);
  return {
    id: folder.id,
    dir: folder.dir,
    events: channel,
    done: conduct(settled, folder, scheduler, emit, () => unwritten).finally(() => {
      channel.close();
      folder.close();
    }),
    stop: () => scheduler.stop(),
    abort: () => scheduler.abort(),
  };
}

async function conduct(
  settled: Settled,
  folder: RunFolder,
  scheduler: Scheduler,
  emit: (event: RunEvent) => void,
  unwritten: () => { readonly error: unknown } | undefined,
): Promise<RunSummary> {
  const { experiment, graph, seed, engine } = settled;
  const started = performance.now();
  let summary: ScheduleSummary;
  try {
    emit({
      time: Date.now(),
      type: "run.start",
      run: folder.id,
      file: experiment.file,
      version,
      seed,
      stages: graph.nodes.map(({ id, kind, name, needs }) => ({ id, kind, name, needs })),
    });
    folder.write("plan.json", `${JSON.stringify(await planSettled(settled, false), null, 2)}\n`);
    summary = await scheduler.run();
    const lost = unwritten();
    if (lost !== undefined) throw lost.error;
  } catch (error) {
    const failure: Failure = describeFailure(error, { stage: "run", engine: engine.name, dir: folder.dir });
    const { code, message, mend } = failure;
    summary = {
      status: "failed",
      results: [],
      reports: [],
      files: [],
      failures: [{ stage: "run", code, message, mend, at: undefined }],
    };
  }
  const seconds = (performance.now() - started) / 1000;
  const { status, results } = summary;
  emit({ time: Date.now(), type: "run.done", status, results, seconds });
  return { run: folder.id, seconds, ...summary };
}

/** Packs as the data room keeps them, workers as processes. */
export function realWorld({ project }: Settled): World {
  const at = { cacheDir: places.data(project), projectDir: project.dir };
  return {
    packed: (dataset) => findPack(dataset, at),
    work: (job, onEvent) => runInWorker(job, onEvent),
  };
}
