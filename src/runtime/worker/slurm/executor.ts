/**
 * Runs jobs on a cluster with Slurm. The store and the status file of a job are the truth; Slurm is asked only why a job that should run
 * does not. The nodes see the project, this program and the installed engines at the same paths.
 */
import type { EngineChoice, EngineRequest } from "../../engines/select.js";
import type { RunEvent } from "../../events/events.js";
import type { Job, Outcome } from "../../stages/job.js";
import { type Project, projectPaths } from "../../system/project.js";
import type { Executor, RunningJob } from "../executor.js";
import { queuedJobs } from "./commands.js";
import type { ClusterSettings } from "./settings.js";
import { shardsOf } from "./shards.js";
import { Submitter } from "./submitter.js";
import { SlurmTask } from "./task.js";

export interface SlurmOptions {
  readonly project: Project;
  readonly asked: EngineRequest;
  readonly settings: ClusterSettings;
  /** The cores of each job, if the user named a number. */
  readonly cpus?: number;
}

/** The time between two looks at the queue, in seconds. */
const pollSeconds = 2;

/** Returns the executor of a cluster. */
export function openSlurmExecutor(options: SlurmOptions): Executor {
  const { asked, settings } = options;
  const cpus = options.cpus ?? settings.cpus;
  const cluster = new Cluster(options, cpus);
  return {
    engine: engineOf(asked),
    // Slurm decides how many of them run.
    capacity: Number.POSITIVE_INFINITY,
    submit: (job, onEvent) => cluster.submit(job, onEvent),
  };
}

/** Returns the engine for plans and messages. The worker chooses it on its node by what was asked. */
function engineOf({ engine, device, precision }: EngineRequest): EngineChoice {
  const name = (engine === undefined || engine === "auto" ? "onnx" : engine) as EngineChoice["name"];
  const why = engine === "auto" ? { why: "each node chooses the best engine that it has" } : {};
  return { name, device: device ?? "cpu", ...(precision === "bf16" ? { precision } : {}), ...why };
}

/** Reports the jobs of a divided stage as one: the numbers of each of them say nothing about the whole. */
function shardEvents(stage: string, total: number, onEvent: (event: RunEvent) => void) {
  let done = 0;
  let started = false;
  return {
    onEvent: (event: RunEvent): void => {
      if (event.type === "stage.note" || (event.type === "stage.start" && !started)) onEvent(event);
      started ||= event.type === "stage.start";
    },
    ended: (): void => {
      done++;
      onEvent({ time: Date.now(), type: "stage.progress", stage, phase: "parts", done, total, unit: "jobs" });
    },
  };
}

class Cluster {
  private readonly submitter: Submitter;
  private readonly active = new Set<SlurmTask>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: SlurmOptions,
    private readonly cpus: number | undefined,
  ) {
    this.submitter = new Submitter(options.project, options.settings, cpus);
  }

  /** Runs a job. One with many episodes is divided; the job that follows takes the parts of the others, and computes what they lack. */
  submit(job: Job, onEvent: (event: RunEvent) => void): RunningJob {
    let current: readonly SlurmTask[] = [];
    let stopped = false;
    const run = async (): Promise<Outcome> => {
      const shards = shardsOf(job, this.options.settings.episodes);
      if (shards.length > 0) {
        const message = `its episodes are divided among ${shards.length} jobs`;
        onEvent({ time: Date.now(), type: "stage.note", stage: job.node, message });
        const watch = shardEvents(job.node, shards.length, onEvent);
        current = shards.map((shard) => this.start({ ...job, shard }, watch.onEvent));
        const ends = await Promise.all(current.map(({ outcome }) => outcome.finally(watch.ended)));
        if (stopped || ends.some(({ kind }) => kind === "stopped")) return { kind: "stopped" };
        for (const task of current) task.remove();
      }
      const task = this.start(job, onEvent);
      current = [task];
      const outcome = await task.outcome;
      if (outcome.kind !== "failed") task.remove();
      return outcome;
    };
    const cancel = (): void => {
      stopped = true;
      for (const task of current) task.cancel();
    };
    return { outcome: run(), stop: cancel, abort: cancel };
  }

  private start(job: Job, onEvent: (event: RunEvent) => void): SlurmTask {
    const jobs = projectPaths.jobs(this.options.project);
    const task = new SlurmTask({ job, asked: this.options.asked }, { jobs, cpus: this.cpus }, this.submitter, onEvent);
    this.active.add(task);
    void task.outcome.finally(() => this.active.delete(task));
    this.timer ??= setTimeout(() => void this.poll(), 100);
    return task;
  }

  /** Looks at the queue and at the folders of the jobs, again and again while there are any. */
  private async poll(): Promise<void> {
    // A controller that does not answer says nothing about the jobs: those that run go on, and their folders tell.
    const queue = await queuedJobs().catch(() => undefined);
    for (const task of this.active) await task.look(queue);
    const pause = 1000 * (this.options.settings.pollSeconds ?? pollSeconds);
    this.timer = this.active.size === 0 ? undefined : setTimeout(() => void this.poll(), pause);
  }
}
