/**
 * The folder of a job that runs on another machine with the same file system: the job, its events and its status. The worker writes
 * events and status, and the run reads them, so neither needs to be there when the other one is.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineRequest } from "../engines/select.js";
import type { RunEvent } from "../events/events.js";
import type { Job, Outcome } from "../stages/job.js";
import { linesFrom } from "../system/lines.js";
import { temporaryPath } from "../system/temporary.js";
import type { JobName } from "./slurm/commands.js";

/** A job with what its worker needs to choose the engine. */
export interface RemoteJob {
  readonly job: Job;
  readonly asked: EngineRequest;
}

/** The state of the worker. It is written again and again, so that readers see that the worker lives. */
export interface JobStatus {
  /** Grows with each writing. */
  readonly beat: number;
  readonly host: string;
  /** The end of the job, once there is one. */
  readonly outcome?: Outcome;
}

/** The place of a job in Slurm. The id is known once Slurm has taken the job. */
export interface Submitted extends JobName {
  readonly id?: string;
  /** The folder of the script and the output. */
  readonly batch: string;
}

export class JobFolder {
  /** The end of the events that were read. */
  private read = 0;

  constructor(readonly dir: string) {}

  /** Makes the folder for a new start of a job. What an earlier start has left is removed. */
  create(remote: RemoteJob): void {
    rmSync(this.dir, { recursive: true, force: true });
    this.read = 0;
    mkdirSync(this.dir, { recursive: true });
    this.write("job.json", remote);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  readJob(): RemoteJob {
    return JSON.parse(readFileSync(join(this.dir, "job.json"), "utf8")) as RemoteJob;
  }

  writeSubmitted(submitted: Submitted): void {
    this.write("submitted.json", submitted);
  }

  readSubmitted(): Submitted | undefined {
    return this.readJson("submitted.json") as Submitted | undefined;
  }

  writeStatus(status: JobStatus): void {
    this.write("status.json", status);
  }

  readStatus(): JobStatus | undefined {
    return this.readJson("status.json") as JobStatus | undefined;
  }

  append(event: RunEvent): void {
    appendFileSync(join(this.dir, "events.ndjson"), `${JSON.stringify(event)}\n`);
  }

  /** Returns the events that were written since the last call. */
  newEvents(): RunEvent[] {
    const { lines, end } = linesFrom(join(this.dir, "events.ndjson"), this.read);
    this.read = end;
    return lines.map((line) => JSON.parse(line) as RunEvent);
  }

  private write(name: string, value: unknown): void {
    const path = join(this.dir, name);
    const beside = temporaryPath(path);
    writeFileSync(beside, JSON.stringify(value));
    renameSync(beside, path);
  }

  private readJson(name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.dir, name), "utf8"));
    } catch {
      return undefined; // It is not written yet, or the folder is gone.
    }
  }
}

/** Removes the folder of a script if no job of it is left. */
export function removeBatch(batch: string): void {
  try {
    const jobs = JSON.parse(readFileSync(join(batch, tasksFile), "utf8")) as readonly string[];
    if (!jobs.some((dir) => existsSync(dir))) rmSync(batch, { recursive: true, force: true });
  } catch {
    // Another run was faster.
  }
}

/** The file, in the folder of a script, with the folder of the job of each index. */
export const tasksFile = "tasks.json";

/** Writes the folder of a script with its jobs. */
export function writeBatch(batch: string, jobs: readonly string[], script: string): string {
  mkdirSync(batch, { recursive: true });
  writeFileSync(join(batch, tasksFile), JSON.stringify(jobs));
  const path = join(batch, "job.sh");
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}
