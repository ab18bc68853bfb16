/** Runs an experiment: creates the run's folder, starts the scheduler, and provides all events as one stream. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { VariantNode } from "../../compiler/stages/variants.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import { describeFindings, digestsOf, findPack } from "../data/index.js";
import { Channel } from "../events/channel.js";
import type { RunEvent, StageEnd, StageOutline } from "../events/events.js";
import { describeFailure } from "../events/failure.js";
import { type PackLookup, Scheduler, type ScheduleSummary } from "../scheduler/scheduler.js";
import { version } from "../system/package.js";
import { type Project, projectPaths } from "../system/project.js";
import { temporaryPath } from "../system/temporary.js";
import type { Executor } from "../worker/executor.js";
import { openProcessExecutor } from "../worker/process-executor.js";
import { openSlurmExecutor } from "../worker/slurm/executor.js";
import { writeSources } from "./inputs.js";
import { sweepLeftovers } from "./leftovers.js";
import { planPrepared } from "./plan.js";
import { type PreparedRun, prepareRun, RefusedError, type RunOptions } from "./preflight.js";
import { watchRequests } from "./requests.js";
import { createRunFolder, newRunId, type RunFolder } from "./run-folder.js";
import { describeSweep, protocolOf } from "./sweep.js";

export interface RunSummary extends ScheduleSummary {
  readonly run: string;
  readonly seconds: number;
}

export interface Run {
  readonly id: string;
  /** The run's folder, with events.ndjson, plan.json and logs. */
  readonly dir: string;
  /** All events from `run.start` to `run.done`, for a single reader. */
  readonly events: AsyncIterable<RunEvent>;
  /** Resolves after the last event. It never rejects: a failure is in the summary. */
  readonly done: Promise<RunSummary>;
  /** Ends the run after the current step. Finished stages are kept, and the status of the summary is `interrupted`. */
  stop(): void;
  /** Ends the run immediately. Finished stages are kept. */
  abort(): void;
}

/** The places that a run depends on. Tests replace them. */
export interface RunEnvironment {
  readonly findPack: PackLookup;
  /** Opens the executor, which chooses the engine. It rejects if the engine is not available, and the run fails. */
  openExecutor(): Promise<Executor>;
}

/**
 * Starts a run of an experiment, or one run of several experiments, which differ in their parameters only. An engine or device that is not available on this machine fails the run, unless `chooseEngine` was
 * called before and its choice is in `options`.
 *
 * @throws RefusedError with all diagnostics if the experiment or an option is refused. Nothing has started then.
 */
export function run(experiments: Experiment | readonly Experiment[], options: RunOptions): Run {
  const preparation = prepareRun(experiments, options);
  if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
  return startRun(preparation.prepared, localEnvironment(preparation.prepared));
}

/** The environment of a run: the packs in the project's data folder, and worker processes of this machine or jobs of its cluster. */
export function localEnvironment(prepared: PreparedRun): RunEnvironment {
  const { project, asked, cluster } = prepared;
  return {
    findPack: localPacks(project),
    openExecutor: async () =>
      cluster === undefined ? await openProcessExecutor(prepared) : openSlurmExecutor({ project, asked, ...cluster }),
  };
}

function localPacks(project: Project): PackLookup {
  const at = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  return async (dataset) => {
    const pack = await findPack(dataset, at);
    if (pack === undefined) return undefined;
    const { dir, findings } = pack;
    return { digests: digestsOf(pack, dataset), dir, warnings: describeFindings(findings, dataset) };
  };
}

/** Starts a run that has been prepared. Another process may have chosen its id. */
export function startRun(prepared: PreparedRun, environment: RunEnvironment, id: string = newRunId(new Date())): Run {
  sweepLeftovers(prepared.project);
  const folder = createRunFolder(prepared.project, id);
  const channel = new Channel<RunEvent>();
  const ended: StageEnd[] = [];
  let logFailure: LogFailure | undefined;
  const emit = (event: RunEvent): void => {
    channel.push(event);
    if (event.type === "stage.cached") ended.push({ id: event.stage, key: event.key, from: "store" });
    if (event.type === "stage.done") ended.push({ id: event.stage, key: event.key, from: "run" });
    // After a failed write nothing more is written: a log with a hole would look complete.
    if (logFailure !== undefined) return;
    try {
      folder.append(event);
    } catch (error) {
      // Nothing can catch an error here, in the handler of a worker's message: `executeRun` reports it later.
      logFailure = { error };
      scheduler.abort();
    }
  };
  const scratch = temporaryPath(join(prepared.project.home, "scratch"));
  const { findPack } = environment;
  const scheduler = new Scheduler({ ...prepared, runDir: folder.dir, scratch, findPack }, emit);
  const requests = watchRequests(folder.dir, scheduler);
  const active: ActiveRun = { prepared, folder, scheduler, emit, ended, logFailure: () => logFailure };
  return {
    id: folder.id,
    dir: folder.dir,
    events: channel,
    done: executeRun(active, environment).finally(() => {
      rmSync(scratch, { recursive: true, force: true });
      channel.close();
      requests.close();
      folder.close();
    }),
    stop: () => scheduler.stop(),
    abort: () => scheduler.abort(),
  };
}

/** An event could not be written to the run's folder. */
interface LogFailure {
  readonly error: unknown;
}

interface ActiveRun {
  readonly prepared: PreparedRun;
  readonly folder: RunFolder;
  readonly scheduler: Scheduler;
  readonly emit: (event: RunEvent) => void;
  /** The stages that have finished so far. */
  readonly ended: readonly StageEnd[];
  readonly logFailure: () => LogFailure | undefined;
}

async function executeRun(active: ActiveRun, environment: RunEnvironment): Promise<RunSummary> {
  const { prepared, folder, emit, ended } = active;
  const started = performance.now();
  const opened = await tryOpen(environment);
  const engine = "executor" in opened ? opened.executor.engine : undefined;
  let summary: ScheduleSummary;
  try {
    emit({
      time: Date.now(),
      type: "run.start",
      run: folder.id,
      file: prepared.experiment.file,
      version,
      seed: prepared.seed,
      inputs: prepared.inputs,
      engine,
      stages: prepared.graph.nodes.map(outline),
      ...describeSweep(prepared.graph),
    });
    writeSources(
      folder,
      prepared.graph.variants.map(({ experiment }) => experiment),
    );
    if ("problem" in opened) throw opened.problem;
    summary = await schedule(active, opened.executor);
  } catch (error) {
    summary = failedRun(error, engine?.name ?? prepared.asked.engine ?? "none", folder.dir);
  }
  const seconds = (performance.now() - started) / 1000;
  const { status, results } = summary;
  emit({ time: Date.now(), type: "run.done", status, results, seconds, stages: ended });
  return { run: folder.id, seconds, ...summary };
}

function outline({ id, kind, name, needs, of }: VariantNode): StageOutline {
  const { stage } = of.kind === "evaluate" ? of : { stage: undefined };
  return { id, kind, name, needs, ...(stage?.kind === "evaluate" ? { protocols: stage.rows.map(protocolOf) } : {}) };
}

async function tryOpen({ openExecutor }: RunEnvironment): Promise<{ executor: Executor } | { problem: unknown }> {
  try {
    return { executor: await openExecutor() };
  } catch (problem) {
    return { problem };
  }
}

/** Writes the plan and runs the stage graph. Throws if the plan or an event cannot be written. */
async function schedule(
  { prepared, folder, scheduler, logFailure }: ActiveRun,
  executor: Executor,
): Promise<ScheduleSummary> {
  const plan = await planPrepared(prepared, executor.engine, { costs: false });
  folder.write("plan.json", `${JSON.stringify(plan, null, 2)}\n`);
  const summary = await scheduler.run(executor);
  const failure = logFailure();
  if (failure !== undefined) throw failure.error;
  return summary;
}

/** The summary of a run that failed outside of its stages. */
function failedRun(error: unknown, engine: string, dir: string): ScheduleSummary {
  const { code, message, fix } = describeFailure(error, { stage: "run", engine, dir });
  return {
    status: "failed",
    results: [],
    reports: [],
    files: [],
    failures: [{ stage: "run", code, message, fix, at: undefined }],
  };
}
