/** Runs an experiment: a run folder, a scheduler, and the events of both as one stream. */
import type { Experiment } from "../../compiler/typed/tree.js";
import { findPack } from "../data/index.js";
import { type Choice, chooseEngine } from "../engines/select.js";
import { Channel } from "../events/channel.js";
import type { RunEvent } from "../events/events.js";
import { describeFailure, type Failure } from "../events/failure.js";
import { Scheduler, type ScheduleSummary, type World } from "../scheduler/scheduler.js";
import { version } from "../system/package.js";
import { projectPaths } from "../system/project.js";
import { runInWorker } from "../worker/client.js";
import { planPrepared } from "./plan.js";
import { type PreparedRun, prepareRun, RefusedError, type RunOptions } from "./preflight.js";
import { createRunFolder, type RunFolder } from "./run-folder.js";

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

/**
 * Starts a run. @throws RefusedError before anything starts, with every diagnostic. An engine or device that turns out not to be
 * on this machine fails the run, unless `chooseEngine` was asked before.
 */
export function run(experiment: Experiment, options: RunOptions): Run {
  const preparation = prepareRun(experiment, options);
  if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
  return startRun(preparation.prepared, realWorld(preparation.prepared));
}

/** The same over a world of the caller's making. */
export function startRun(prepared: PreparedRun, world: World): Run {
  const folder = createRunFolder(projectPaths.runs(prepared.project), new Date());
  const channel = new Channel<RunEvent>();
  let unwritten: { readonly error: unknown } | undefined;
  const emit = (event: RunEvent): void => {
    channel.push(event);
    if (unwritten !== undefined) return; // A log with a hole would read as a whole one; one that breaks off does not.
    try {
      folder.append(event);
    } catch (error) {
      // Events come from a worker's messages, where nobody catches: `executeRun` reports it once the worker is gone.
      unwritten = { error };
      scheduler.abort();
    }
  };
  const scheduler = new Scheduler({ ...prepared, runDir: folder.dir, world }, emit);
  return {
    id: folder.id,
    dir: folder.dir,
    events: channel,
    done: executeRun(prepared, folder, scheduler, emit, () => unwritten).finally(() => {
      channel.close();
      folder.close();
    }),
    stop: () => scheduler.stop(),
    abort: () => scheduler.abort(),
  };
}

async function executeRun(
  prepared: PreparedRun,
  folder: RunFolder,
  scheduler: Scheduler,
  emit: (event: RunEvent) => void,
  unwritten: () => { readonly error: unknown } | undefined,
): Promise<RunSummary> {
  const { experiment, graph, seed, asked } = prepared;
  const started = performance.now();
  let summary: ScheduleSummary;
  const chosen = await chosenEngine(prepared);
  const engine = "choice" in chosen ? chosen.choice : undefined;
  try {
    emit({
      time: Date.now(),
      type: "run.start",
      run: folder.id,
      file: experiment.file,
      version,
      seed,
      engine,
      stages: graph.nodes.map(({ id, kind, name, needs }) => ({ id, kind, name, needs })),
    });
    if ("problem" in chosen) throw chosen.problem;
    folder.write("plan.json", `${JSON.stringify(await planPrepared(prepared, chosen.choice, false), null, 2)}\n`);
    summary = await scheduler.run(chosen.choice);
    const lost = unwritten();
    if (lost !== undefined) throw lost.error;
  } catch (error) {
    const place = { stage: "run", engine: engine?.name ?? asked.engine ?? "none", dir: folder.dir };
    const failure: Failure = describeFailure(error, place);
    const { code, message, fix } = failure;
    summary = {
      status: "failed",
      results: [],
      reports: [],
      files: [],
      failures: [{ stage: "run", code, message, fix, at: undefined }],
    };
  }
  const seconds = (performance.now() - started) / 1000;
  const { status, results } = summary;
  emit({ time: Date.now(), type: "run.done", status, results, seconds });
  return { run: folder.id, seconds, ...summary };
}

async function chosenEngine({
  choice,
  asked,
  project,
}: PreparedRun): Promise<{ choice: Choice } | { problem: unknown }> {
  try {
    return { choice: choice ?? (await chooseEngine(asked, project.dir)) };
  } catch (problem) {
    return { problem };
  }
}

/** Packs as the data room keeps them, workers as processes. */
export function realWorld({ project }: PreparedRun): World {
  const at = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  return {
    packed: (dataset) => findPack(dataset, at),
    work: (job, onEvent) => runInWorker(job, onEvent),
  };
}
