/**
 * Runs a stage graph: in order of need, each stage served from the store where that holds it, else in a worker. What a
 * stage has finished is stored before the next one starts, so nothing that happens later can lose it.
 */

import type { StageGraph, StageNode } from "../../compiler/stages/graph.js";
import { keyContent, stageKey } from "../../compiler/stages/key.js";
import type { Dataset, Experiment, Stage } from "../../compiler/typed/tree.js";
import type { Choice } from "../engines/select.js";
import type { NodeEvent, Result, RunEvent } from "../events/events.js";
import { describeFailure, type Failure, locate } from "../events/failure.js";
import { nodeHost } from "../host/host.js";
import type { Job, Outcome } from "../stages/job.js";
import type { ReportData } from "../store/manifest.js";
import { saveResults, withCurrentNames } from "../store/run-results.js";
import { type AcceptedNumerics, findEntry, readEntry, type StoreEntry } from "../store/store.js";
import { acquireLock } from "../system/lock.js";
import { type Project, projectPaths, toFileName } from "../system/project.js";
import type { ThreadBudget } from "../system/threads.js";

/** What the scheduler asks of the world: swapped in tests. */
export interface World {
  /** The pack of a dataset that is there and up to date; undefined where it has to be ingested. */
  packed(dataset: Dataset): Promise<PackPlace | undefined>;
  /** Starts a worker. */
  work(job: Job, onEvent: (event: RunEvent) => void): { outcome: Promise<Outcome>; stop(): void; abort(): void };
}

export interface PackPlace {
  readonly digest: string;
  readonly dir: string;
}

export interface ScheduleOptions {
  readonly experiment: Experiment;
  readonly graph: StageGraph;
  readonly project: Project;
  readonly runDir: string;
  readonly seed: number;
  readonly threads: ThreadBudget;
  /** Which stored entries are accepted: those of the engine and the kind of device that the user named. */
  readonly acceptedNumerics: Pick<AcceptedNumerics, "engine" | "device">;
  /** Only entries of exactly this machine's numerics serve (`--exact`). */
  readonly exact: boolean;
  /** Ids of stages to run although the store has them. */
  readonly force: ReadonlySet<string>;
  readonly world: World;
}

type NewEvent = NodeEvent extends infer E ? (E extends unknown ? Omit<E, "time"> : never) : never;

export interface StageFailure extends Failure {
  readonly stage: string;
  /** `examples/birds.fsl:12:3`: the place in the experiment, where there is one. */
  readonly at: string | undefined;
}

export type StageReport = ReportData & { readonly stage: string };

export interface ScheduleSummary {
  readonly status: "done" | "failed" | "interrupted";
  /** Of the evaluations, in stage order. */
  readonly results: readonly Result[];
  /** What the evaluations counted beyond their results, in the same order. */
  readonly reports: readonly StageReport[];
  /** Paths of the files that evaluations were asked to report, in the run's folder. */
  readonly files: readonly string[];
  readonly failures: readonly StageFailure[];
}

export class Scheduler {
  private readonly options: ScheduleOptions;
  private readonly onEvent: (event: RunEvent) => void;
  private readonly entries = new Map<string, StoreEntry>();
  private readonly packs = new Map<string, PackPlace>();
  private readonly results: Result[] = [];
  private readonly reports: StageReport[] = [];
  private readonly files: string[] = [];
  private readonly failures: StageFailure[] = [];
  private readonly unfinished = new Set<string>();
  private readonly stopping = new AbortController();
  private worker: ReturnType<World["work"]> | undefined;

  constructor(options: ScheduleOptions, emit: (event: RunEvent) => void) {
    this.options = options;
    this.onEvent = emit;
  }

  /** Ends after the current step; what has finished is kept. */
  stop(): void {
    this.stopping.abort();
    this.worker?.stop();
  }

  /** Ends now. */
  abort(): void {
    this.stopping.abort();
    this.worker?.abort();
  }

  /** Stages that the store does not serve are computed with `engine`. */
  async run(engine: Choice): Promise<ScheduleSummary> {
    let interrupted = false;
    for (const node of this.options.graph.nodes) {
      interrupted = this.stopped();
      if (interrupted) break;
      const missing = node.needs.find((id) => this.unfinished.has(id));
      if (missing !== undefined) {
        this.unfinished.add(node.id);
        this.emit({ type: "stage.note", stage: node.id, message: `not run: it needs \`${missing}\`` });
        continue;
      }
      const place = { stage: node.id, engine: engine.name, dir: this.options.runDir };
      const failure = await this.node(node, engine).catch((error: unknown) => describeFailure(error, place));
      if (failure === undefined) continue;
      this.unfinished.add(node.id);
      interrupted = this.stopped();
      if (interrupted) break;
      const { code, message, fix, span } = failure;
      const at = span === undefined ? undefined : locate(span, nodeHost(this.options.project).readFile);
      const event = { stage: node.id, code, message, fix, at };
      this.failures.push(span === undefined ? event : { ...event, span });
      this.emit({ type: "stage.failed", ...event });
    }
    // A stop that came too late to leave anything undone interrupts nothing.
    const status = interrupted ? "interrupted" : this.failures.length > 0 ? "failed" : "done";
    return { status, results: this.results, reports: this.reports, files: this.files, failures: this.failures };
  }

  /** Gives the failure, if any. A stopped node gives one too; the caller knows. */
  private async node(node: StageNode, engine: Choice): Promise<Failure | undefined> {
    return node.kind === "ingest" ? this.ingest(node.id, node.dataset, engine) : this.stage(node, engine);
  }

  private async ingest(id: string, dataset: Dataset, engine: Choice): Promise<Failure | undefined> {
    const ready = await this.options.world.packed(dataset);
    if (ready !== undefined) {
      this.packs.set(dataset.id, ready);
      this.emit({ type: "stage.cached", stage: id, key: ready.digest, numerics: undefined, results: [] });
      return undefined;
    }
    const lock = await this.lock(id, `data-${toFileName(dataset.id)}`);
    if (lock === undefined) return stopped;
    try {
      const started = performance.now();
      const outcome = await this.work({ node: id, key: "", content: null, inputs: {} }, engine);
      if (outcome.kind === "failed") return outcome.failure;
      if (outcome.kind === "stopped") return stopped;
      const pack = await this.options.world.packed(dataset);
      if (pack === undefined) throw new Error(`the dataset ${dataset.id} is still not packed after its ingest`);
      this.packs.set(dataset.id, pack);
      const seconds = (performance.now() - started) / 1000;
      this.emit({ type: "stage.done", stage: id, key: pack.digest, seconds, results: [] });
      return undefined;
    } finally {
      lock.release();
    }
  }

  private async stage(node: Exclude<StageNode, { kind: "ingest" }>, engine: Choice): Promise<Failure | undefined> {
    const { experiment, seed, force } = this.options;
    const outputs = Object.fromEntries([...this.entries].map(([id, { manifest }]) => [id, manifest.output]));
    const data = Object.fromEntries([...this.packs].map(([id, { digest }]) => [id, digest]));
    const inputs = { seed, outputs, data };
    const content = keyContent(node.stage, experiment, inputs);
    const key = stageKey(node.stage, experiment, inputs);
    if (key === undefined || content === undefined) throw new Error(`the inputs of ${node.id} have no digests`);
    const forced = force.has(node.id);
    if (!forced && this.serve(node.stage, key)) return undefined;
    const lock = await this.lock(node.id, key);
    if (lock === undefined) return stopped;
    try {
      // Whoever held the lock may have stored it meanwhile.
      if (!forced && this.serve(node.stage, key)) return undefined;
      const started = performance.now();
      const outcome = await this.work({ node: node.id, key, content, inputs: this.inputs(node.needs) }, engine);
      if (outcome.kind === "failed") return outcome.failure;
      if (outcome.kind !== "stored") return stopped;
      const entry = readEntry(outcome.dir);
      if ("problem" in entry) throw new Error(`the entry just stored in ${outcome.dir} is damaged: ${entry.problem}`);
      if (outcome.reused) this.cached(node.stage, key, entry.entry);
      else {
        const results = this.take(node.stage, entry.entry);
        this.emit({
          type: "stage.done",
          stage: node.id,
          key,
          seconds: (performance.now() - started) / 1000,
          results,
        });
      }
      return undefined;
    } finally {
      lock.release();
    }
  }

  /** Serves a stage from the store if that holds what is allowed. With `exact`, only a worker can tell. */
  private serve(stage: Stage, key: string): boolean {
    const { project, acceptedNumerics, exact } = this.options;
    if (exact) return false;
    const entry = findEntry(projectPaths.store(project), key, acceptedNumerics, (dir, problem) =>
      this.emit({ type: "stage.note", stage: stage.id, message: `the stored ${dir} is not used: ${problem}` }),
    );
    if (entry === undefined) return false;
    this.cached(stage, key, entry);
    return true;
  }

  private cached(stage: Stage, key: string, entry: StoreEntry): void {
    const results = this.take(stage, entry);
    this.emit({ type: "stage.cached", stage: stage.id, key, numerics: entry.manifest.numerics, results });
  }

  private take(stage: Stage, entry: StoreEntry): Result[] {
    const { id } = stage;
    const named = { ...entry, manifest: withCurrentNames(entry.manifest, stage) };
    this.entries.set(id, named);
    if (stage.kind === "evaluate") this.files.push(...saveResults(this.options.runDir, id, named));
    const results = named.manifest.results.map((result) => ({ stage: id, ...result }));
    this.results.push(...results);
    this.reports.push(...named.manifest.reports.map((report) => ({ stage: id, ...report })));
    return results;
  }

  private inputs(needs: readonly string[]): Job["inputs"] {
    return Object.fromEntries(
      needs.flatMap((need) => {
        const entry = this.entries.get(need);
        return entry === undefined ? [] : [[need, { key: entry.manifest.key, dir: entry.dir }] as const];
      }),
    );
  }

  private async work(task: Pick<Job, "node" | "key" | "content" | "inputs">, engine: Choice): Promise<Outcome> {
    const { experiment, project, runDir, seed, threads, exact, force, world } = this.options;
    const packs = Object.fromEntries([...this.packs].map(([dataset, { dir }]) => [dataset, dir]));
    const reuseExact = exact && !force.has(task.node);
    this.worker = world.work(
      { ...task, experiment, project, runDir, seed, threads, engine, reuseExact, packs },
      this.onEvent,
    );
    try {
      return await this.worker.outcome;
    } finally {
      this.worker = undefined;
    }
  }

  private lock(id: string, name: string): ReturnType<typeof acquireLock> {
    return acquireLock(projectPaths.locks(this.options.project), name, {
      signal: this.stopping.signal,
      onWait: ({ pid, host }) =>
        this.emit({
          type: "stage.note",
          stage: id,
          message: `another run computes it (process ${pid} on ${host}); waiting for that`,
        }),
    });
  }

  private stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private emit(event: NewEvent): void {
    this.onEvent({ time: Date.now(), ...event });
  }
}

/** Stands for "not finished because it was stopped"; never shown. */
const stopped: Failure = { code: "", message: "stopped", fix: undefined };
