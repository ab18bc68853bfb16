/**
 * Runs a stage graph in dependency order. A stage is served from the store if the store holds it; otherwise an executor
 * runs it. A finished stage is stored before its dependents start, so nothing that happens later can lose it.
 */

import { keyContent, stageKey } from "../../compiler/stages/key.js";
import { inputsOf, type VariantGraph, type VariantNode } from "../../compiler/stages/variants.js";
import type { DataDigests, Dataset, Stage } from "../../compiler/typed/tree.js";
import type { NodeEvent, Result, RunEvent } from "../events/events.js";
import { describeFailure, type Failure, locate } from "../events/failure.js";
import { nodeHost } from "../host/host.js";
import type { Job, Outcome } from "../stages/job.js";
import type { ReportData } from "../store/manifest.js";
import { saveResults, withCurrentNames } from "../store/run-results.js";
import { type AcceptedNumerics, findSoundEntry, readEntry, type StoreEntry } from "../store/store.js";
import { afterCollection, recordUse } from "../store/uses.js";
import { acquireLock } from "../system/lock.js";
import { type Project, projectPaths, toFileName } from "../system/project.js";
import type { Executor, RunningJob } from "../worker/executor.js";

/** Finds the pack of a dataset, or undefined if the dataset has no up-to-date pack and must be ingested. */
export type PackLookup = (dataset: Dataset) => Promise<PackLocation | undefined>;

export interface PackLocation {
  readonly digests: DataDigests;
  readonly dir: string;
  /** The findings about the images that make results doubtful. Each run repeats them. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
}

export interface ScheduleOptions {
  readonly graph: VariantGraph;
  readonly project: Project;
  readonly runDir: string;
  /** A folder for files that only the jobs of this run need. */
  readonly scratch: string;
  /** The engine and the kind of device that stored entries must come from, as far as the user named them. */
  readonly acceptedNumerics: Pick<AcceptedNumerics, "engine" | "device" | "precision">;
  /** True if only entries with exactly the numerics of this machine are accepted (`--exact`). */
  readonly exact: boolean;
  /** True if each stage that is computed leaves a profile of its time in `runDir`. */
  readonly profile: boolean;
  /** The ids of nodes that run although the store has them. */
  readonly force: ReadonlySet<string>;
  readonly onFailure: FailurePolicy;
  readonly findPack: PackLookup;
}

/** The reaction to a stage that fails. */
export interface FailurePolicy {
  /** The number of times that it is tried again, from its last checkpoint. */
  readonly retries: number;
  /** True if the other stages stop too. Otherwise those that do not need it go on. */
  readonly stops: boolean;
}

type NewEvent = NodeEvent extends infer E ? (E extends unknown ? Omit<E, "time"> : never) : never;

export interface StageFailure extends Failure {
  readonly stage: string;
  /** The place in the experiment, for example `examples/birds.fsl:12:3`, or undefined if no place is known. */
  readonly at: string | undefined;
}

export type StageReport = ReportData & { readonly stage: string };

export interface ScheduleSummary {
  readonly status: "done" | "failed" | "interrupted";
  /** The results of the evaluations, in stage order. */
  readonly results: readonly Result[];
  /** The further reports of the evaluations, in stage order. */
  readonly reports: readonly StageReport[];
  /** The paths, in the folder of the run, of the files that evaluations were asked to report. */
  readonly files: readonly string[];
  readonly failures: readonly StageFailure[];
}

/** The outcome of one node of the graph. */
type NodeOutcome =
  | { readonly kind: "finished" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly failure: Failure };

const finished: NodeOutcome = { kind: "finished" };
const stopped: NodeOutcome = { kind: "stopped" };

/** The work of a node, with the key under which its output is stored. */
interface Task extends Pick<Job, "key" | "content"> {
  readonly node: VariantNode;
}

/** The output of a finished stage, for the summary. */
interface StageOutput {
  readonly results: readonly Result[];
  readonly reports: readonly StageReport[];
  readonly files: readonly string[];
}

export class Scheduler {
  private readonly options: ScheduleOptions;
  private readonly onEvent: (event: RunEvent) => void;
  private readonly entries = new Map<string, StoreEntry>();
  private readonly packs = new Map<string, PackLocation>();
  private readonly outputs = new Map<string, StageOutput>();
  private readonly failures: StageFailure[] = [];
  private readonly unfinished = new Set<string>();
  /** The number of times that a node has failed. What it has done since it was forced is not thrown away then. */
  private readonly failed = new Map<string, number>();
  private readonly stopping = new AbortController();
  private readonly running = new Set<RunningJob>();
  /** True once a stop has left a node undone. */
  private interrupted = false;
  /** True if a failure has stopped the run, and not the user. */
  private stoppedByFailure = false;

  constructor(options: ScheduleOptions, onEvent: (event: RunEvent) => void) {
    this.options = options;
    this.onEvent = onEvent;
  }

  /** Ends the run after the current step of each running job. Finished stages are kept. */
  stop(): void {
    this.stopping.abort();
    for (const job of this.running) job.stop();
  }

  /** Ends the run immediately. Finished stages are kept. */
  abort(): void {
    this.stopping.abort();
    for (const job of this.running) job.abort();
  }

  /** Runs the graph. `executor` runs the nodes that the store does not serve, at most `capacity` of them at a time. */
  async run(executor: Executor): Promise<ScheduleSummary> {
    const waiting = new Set(this.options.graph.nodes);
    const active = new Map<string, Promise<void>>();
    while (waiting.size > 0 || active.size > 0) {
      const next = this.isStopping() || active.size >= executor.capacity ? undefined : nextReady(waiting, active);
      if (next !== undefined) {
        waiting.delete(next);
        active.set(
          next.id,
          this.runNode(next, executor).finally(() => active.delete(next.id)),
        );
      } else if (active.size > 0) await Promise.race(active.values());
      else {
        this.interrupted = true;
        break;
      }
    }
    return this.summarize();
  }

  private summarize(): ScheduleSummary {
    const outputs = this.options.graph.nodes.flatMap(({ id }) => this.outputs.get(id) ?? []);
    return {
      // A stop that came too late to leave anything undone interrupts nothing.
      status: this.interrupted && !this.stoppedByFailure ? "interrupted" : this.failures.length > 0 ? "failed" : "done",
      results: outputs.flatMap(({ results }) => results),
      reports: outputs.flatMap(({ reports }) => reports),
      files: outputs.flatMap(({ files }) => files),
      failures: this.failures,
    };
  }

  private async runNode(node: VariantNode, executor: Executor): Promise<void> {
    const missing = node.needs.find((id) => this.unfinished.has(id));
    if (missing !== undefined) {
      this.unfinished.add(node.id);
      this.emit({ type: "stage.note", stage: node.id, message: `not run: it needs \`${missing}\`` });
      return;
    }
    const outcome = await this.tryToFinish(node, executor);
    if (outcome.kind === "finished") return;
    this.unfinished.add(node.id);
    // A job that is aborted may end as a failure. It is not reported, because the user asked for it.
    if (outcome.kind === "stopped" || this.isStopping()) this.interrupted = true;
    else {
      this.reportFailure(node.id, outcome.failure);
      if (!this.options.onFailure.stops) return;
      this.stoppedByFailure = true;
      this.stop();
    }
  }

  /** Finishes a node, again after a failure if the run is to do so. */
  private async tryToFinish(node: VariantNode, executor: Executor): Promise<NodeOutcome> {
    const { retries } = this.options.onFailure;
    for (let retry = 1; ; retry++) {
      const outcome = await this.finish(node, executor).catch((error: unknown): NodeOutcome => {
        const place = { stage: node.id, engine: executor.engine.name, dir: this.options.runDir };
        return { kind: "failed", failure: describeFailure(error, place) };
      });
      if (outcome.kind !== "failed" || retry > retries || this.isStopping()) return outcome;
      this.failed.set(node.id, retry);
      const { code, message } = outcome.failure;
      this.emit({
        type: "stage.note",
        stage: node.id,
        message: `it failed (${code}: ${message}) and is tried again, ${retry} of ${retries}`,
      });
    }
  }

  private reportFailure(stage: string, { code, message, fix, span }: Failure): void {
    const at = span === undefined ? undefined : locate(span, nodeHost(this.options.project).readFile);
    const failure = { stage, code, message, fix, at };
    this.failures.push(span === undefined ? failure : { ...failure, span });
    this.emit({ type: "stage.failed", ...failure });
  }

  private finish(node: VariantNode, executor: Executor): Promise<NodeOutcome> {
    return node.of.kind === "ingest"
      ? this.finishIngest(node, node.of.dataset, executor)
      : this.finishStage(node, node.of.stage, executor);
  }

  private async finishIngest(node: VariantNode, dataset: Dataset, executor: Executor): Promise<NodeOutcome> {
    const { findPack, project, runDir } = this.options;
    await afterCollection(project, this.stopping.signal);
    const { id } = node;
    const ready = await findPack(dataset);
    if (ready !== undefined) {
      this.packs.set(id, ready);
      recordUse(runDir, ready.digests.whole);
      this.warnAbout(id, ready);
      this.emit({ type: "stage.cached", stage: id, key: ready.digests.whole, numerics: undefined, results: [] });
      return finished;
    }
    const lock = await this.lock(id, `data-${toFileName(dataset.id)}`);
    if (lock === undefined) return stopped;
    try {
      const started = performance.now();
      const outcome = await this.execute({ node, key: "", content: null }, executor);
      if (outcome.kind === "failed" || outcome.kind === "stopped") return outcome;
      const pack = await findPack(dataset);
      if (pack === undefined) throw new Error(`the dataset ${dataset.id} is still not packed after its ingest`);
      this.packs.set(id, pack);
      recordUse(runDir, pack.digests.whole);
      this.warnAbout(id, pack);
      const seconds = (performance.now() - started) / 1000;
      this.emit({ type: "stage.done", stage: id, key: pack.digests.whole, seconds, results: [] });
      return finished;
    } finally {
      lock.release();
    }
  }

  private warnAbout(stage: string, { warnings = [] }: PackLocation): void {
    for (const { code, message } of warnings) this.emit({ type: "stage.note", stage, code, message });
  }

  private async finishStage(node: VariantNode, stage: Stage, executor: Executor): Promise<NodeOutcome> {
    const { id } = node;
    const { key, content } = this.keyOf(node, stage);
    recordUse(this.options.runDir, key);
    await afterCollection(this.options.project, this.stopping.signal);
    const forced = this.options.force.has(id);
    if (!forced && this.serveFromStore(id, stage, key)) return finished;
    const lock = await this.lock(id, key);
    if (lock === undefined) return stopped;
    try {
      // The previous holder of the lock may have stored the stage in the meantime.
      if (!forced && this.serveFromStore(id, stage, key)) return finished;
      const started = performance.now();
      const outcome = await this.execute({ node, key, content }, executor);
      if (outcome.kind === "failed" || outcome.kind === "stopped") return outcome;
      if (outcome.kind !== "stored") throw new Error(`the stage ${id} ended as ${outcome.kind}`);
      const read = readEntry(outcome.dir);
      if ("problem" in read) throw new Error(`the entry just stored in ${outcome.dir} is damaged: ${read.problem}`);
      if (outcome.reused) this.finishFromEntry(id, stage, key, read.entry);
      else {
        const results = this.recordOutput(id, stage, read.entry);
        const seconds = (performance.now() - started) / 1000;
        this.emit({ type: "stage.done", stage: id, key, seconds, results });
      }
      return finished;
    } finally {
      lock.release();
    }
  }

  /** Computes the key of a stage. Everything that the stage needs must be finished. */
  private keyOf(node: VariantNode, stage: Stage): Pick<Job, "key" | "content"> {
    const { experiment, seed, id } = node;
    const digests = inputsOf(
      node,
      (need) => this.entries.get(need)?.manifest.output,
      (ingest) => this.packs.get(ingest)?.digests,
    );
    const inputs = { seed, ...digests };
    const content = keyContent(stage, experiment, inputs);
    const key = stageKey(stage, experiment, inputs);
    if (key === undefined || content === undefined) throw new Error(`the inputs of ${id} have no digests`);
    return { key, content };
  }

  /**
   * Finishes a stage from the store and returns true, if the store holds an accepted entry. With `exact` it returns
   * false: only a worker, which has opened the engine, knows the exact numerics.
   */
  private serveFromStore(id: string, stage: Stage, key: string): boolean {
    const { project, acceptedNumerics, exact } = this.options;
    if (exact) return false;
    const entry = findSoundEntry(projectPaths.store(project), key, acceptedNumerics, (message) =>
      this.emit({ type: "stage.note", stage: id, message }),
    );
    if (entry === undefined) return false;
    this.finishFromEntry(id, stage, key, entry);
    return true;
  }

  private finishFromEntry(id: string, stage: Stage, key: string, entry: StoreEntry): void {
    const results = this.recordOutput(id, stage, entry);
    this.emit({ type: "stage.cached", stage: id, key, numerics: entry.manifest.numerics, results });
  }

  /** Keeps the entry of a finished stage for its dependents and the summary. Returns its results. */
  private recordOutput(id: string, stage: Stage, entry: StoreEntry): readonly Result[] {
    const named = { ...entry, manifest: withCurrentNames(entry.manifest, stage) };
    this.entries.set(id, named);
    const files = saveResults(this.options.runDir, id, named);
    const results = named.manifest.results.map((result) => ({ stage: id, ...result }));
    const reports = named.manifest.reports.map((report) => ({ stage: id, ...report }));
    this.outputs.set(id, { results, reports, files });
    return results;
  }

  private async execute({ node, key, content }: Task, executor: Executor): Promise<Outcome> {
    const { project, runDir, scratch, exact, force, profile } = this.options;
    const { id, experiment, seed } = node;
    const { outputs: inputs, data: packs } = inputsOf(
      node,
      (need) => this.inputAt(need),
      (ingest) => this.packs.get(ingest)?.dir,
    );
    const failures = this.failed.get(id) ?? 0;
    const fresh = force.has(id) && failures === 0;
    const work = { node: id, target: node.of.id, experiment, seed, key, content, packs, inputs };
    const reuseExact = exact && !force.has(id);
    const job = executor.submit(
      { ...work, project, runDir, scratch, reuseExact, attempt: failures + 1, fresh, profile },
      this.onEvent,
    );
    this.running.add(job);
    try {
      return await job.outcome;
    } finally {
      this.running.delete(job);
    }
  }

  private inputAt(id: string): Job["inputs"][string] | undefined {
    const entry = this.entries.get(id);
    return entry && { key: entry.manifest.key, dir: entry.dir, output: entry.manifest.output };
  }

  private lock(id: string, name: string): ReturnType<typeof acquireLock> {
    return acquireLock(projectPaths.locks(this.options.project), name, {
      signal: this.stopping.signal,
      onWait: ({ pid, host }) =>
        this.emit({
          type: "stage.note",
          stage: id,
          message: `process ${pid} on ${host} computes it; waiting for that`,
        }),
    });
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private emit(event: NewEvent): void {
    this.onEvent({ time: Date.now(), ...event });
  }
}

/** Returns the first waiting node whose needs have all ended, or undefined if there is none. */
function nextReady(waiting: ReadonlySet<VariantNode>, active: ReadonlyMap<string, unknown>): VariantNode | undefined {
  const open = new Set([...[...waiting].map(({ id }) => id), ...active.keys()]);
  return [...waiting].find(({ needs }) => !needs.some((id) => open.has(id)));
}
