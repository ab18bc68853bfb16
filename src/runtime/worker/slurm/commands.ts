/** Calls the commands of Slurm: it submits, lists, explains and cancels jobs. Nothing else knows their options and their output. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ClusterSettings } from "./settings.js";

const call = promisify(execFile);

/** A job of Slurm as a run knows it: the name of its array and its index there. */
export interface JobName {
  readonly name: string;
  readonly index: number;
}

export const nameText = ({ name, index }: JobName): string => `${name} ${index}`;

/** A job that waits or runs. */
export interface QueuedJob extends JobName {
  /** `12_0`, as the commands of Slurm take it. */
  readonly id: string;
  /** `PENDING`, `RUNNING`, … */
  readonly state: string;
}

/** The end of a job, as Slurm remembers it for some minutes. */
export interface EndedJob {
  readonly state: string;
  /** `0:9` for a job that was killed by signal 9. */
  readonly exitCode: string;
}

/** Thrown if a command of Slurm fails. Its message is what the command wrote. */
export class SlurmError extends Error {}

async function slurm(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await call(command, args, { maxBuffer: 64 * 2 ** 20 })).stdout;
  } catch (error) {
    const { stderr, code } = error as { readonly stderr?: string; readonly code?: unknown };
    if (code === "ENOENT") throw new SlurmError(`the command ${command} is not on this machine`);
    const text = stderr?.trim().replace(/^\w+: (?:error: )?/gm, "") ?? "";
    throw new SlurmError(text === "" ? `${command} ended with ${String(code)}` : text.replace(/\s*\n\s*/g, "; "));
  }
}

/** A script to be run once for each index of an array. */
export interface Submission {
  readonly name: string;
  readonly count: number;
  /** The paths of the script, and of a folder for the output of each job. */
  readonly script: string;
  readonly output: string;
  /** The cores of each job, if the run or the settings asks for a number. */
  readonly cpus: number | undefined;
}

/** Submits an array of jobs and returns its id. @throws SlurmError if Slurm refuses it. */
export async function submitArray(
  { name, count, script, output, cpus }: Submission,
  settings: ClusterSettings,
): Promise<string> {
  const { partition, account, qos, gres, time, memory, limit, args = [] } = settings;
  const named = { partition, account, qos, gres, time, mem: memory, "cpus-per-task": cpus };
  const out = await slurm("sbatch", [
    "--parsable",
    `--job-name=${name}`,
    `--array=0-${count - 1}${limit === undefined ? "" : `%${limit}`}`,
    `--output=${output}/%a.log`,
    "--open-mode=append",
    // Two minutes before its time ends or it is preempted, a job writes a checkpoint and goes back into the queue.
    "--signal=B:USR1@120",
    "--requeue",
    ...Object.entries(named).flatMap(([option, value]) => (value === undefined ? [] : [`--${option}=${value}`])),
    ...args,
    script,
  ]);
  return out.trim().split(";")[0] ?? "";
}

/** Returns the jobs of this user that wait or run, by the text of their name. @throws SlurmError if Slurm does not answer. */
export async function queuedJobs(): Promise<ReadonlyMap<string, QueuedJob>> {
  const out = await slurm("squeue", ["--me", "-h", "-r", "-o", "%i|%T|%K|%j"]);
  return new Map(
    out.split("\n").flatMap((line) => {
      const [id, state, index, name] = line.split("|");
      if (id === undefined || state === undefined || name === undefined) return [];
      const job = { id, state, index: Number(index), name };
      return [[nameText(job), job] as const];
    }),
  );
}

/** Returns how a job ended, or undefined if Slurm has forgotten it. */
export async function endOf(id: string): Promise<EndedJob | undefined> {
  const out = await slurm("scontrol", ["-o", "show", "job", id]).catch(() => "");
  const state = /\bJobState=(\w+)/.exec(out)?.[1];
  const exitCode = /\bExitCode=(\d+:\d+)/.exec(out)?.[1];
  return state === undefined || exitCode === undefined ? undefined : { state, exitCode };
}

/** Cancels a job: it gets SIGTERM, writes a checkpoint, and is killed if it takes too long. A job that has ended is no error. */
export async function cancelJob(id: string): Promise<void> {
  await slurm("scancel", [id]).catch(() => "");
}

/** Puts the job of this process back into the queue. @throws SlurmError if Slurm refuses it. */
export async function requeueThisJob(): Promise<void> {
  await slurm("scontrol", ["requeue", process.env["SLURM_JOB_ID"] ?? ""]);
}
