/** Defines the options that several commands share. */
import { join } from "node:path";
import type { Command } from "commander";
import type { CompiledFile } from "../runtime/host/compile-file.js";
import type { RunOptions } from "../runtime/run/preflight.js";
import type { Project } from "../runtime/system/project.js";
import { collectValues } from "./command.js";
import { UsageError } from "./usage-error.js";

/** The options that set parameters of an experiment. */
export interface ExperimentOptions {
  readonly set?: readonly string[];
  readonly params?: string;
}

/** Adds the argument and the options of a command that takes one experiment. */
export function withExperiment(command: Command): Command {
  return withParameters(command.argument("<file>", "an experiment (.fsl)"));
}

/** Adds the options that set parameters of an experiment. */
export function withParameters(command: Command): Command {
  return command
    .option("--set <name=value>", "set a parameter (may be repeated)", collectValues)
    .option("--params <file.json>", "set parameters from a JSON object");
}

/** The option of a command that looks at a project and takes no experiment. */
export interface ProjectOptions {
  readonly project?: string;
}

export const projectOption = [
  "--project <dir>",
  "the folder of the project (default: found from the working directory)",
] as const;

export async function projectOf({ project: dir }: ProjectOptions): Promise<Project> {
  const { findProject } = await import("../runtime/system/project.js");
  return findProject(join(process.cwd(), "any.fsl"), dir === undefined ? {} : { dir });
}

/** The options that say how and where an experiment runs. */
export interface MachineOptions {
  readonly engine?: string;
  readonly device?: string;
  readonly precision?: string;
  readonly threads?: string;
  readonly jobs?: string;
  readonly seed?: string;
  readonly force?: readonly string[];
  readonly exact?: boolean;
  readonly onFailure?: string;
}

/** Adds the options of a command that computes. */
export function withEngine(command: Command): Command {
  return command
    .option(
      "--engine <name>",
      "the engine to compute with; `auto` takes the best one available (`fslc engines` lists them)",
    )
    .option("--device <name>", "the device: `cpu`, `gpu`, or `gpu:1` for the second of several GPUs")
    .option("--precision <name>", "`bf16` for faster convolutions and layers on `onednn` (default: `f32`)")
    .option("--threads <n>", "the number of cores to use (default: all)")
    .option("--seed <n>", "the seed of weights, image order, augmentation and episodes (default: 0)");
}

/** Adds the options of a command that runs an experiment or shows what a run would do. */
export function withMachine(command: Command): Command {
  return withEngine(command)
    .option("--jobs <n>", "the number of independent stages to run at the same time (default: 1)")
    .option("--force <stage>", "run this stage even if the store has it (may be repeated)", collectValues)
    .option("--exact", "use a stored result only if it was computed with exactly this machine's numerics");
}

/**
 * Converts the options of the command line to the options of a run of one variant. Without `--seed` it has the first seed of the file's
 * line `sweep seed`, if there is one. It does not check ranges: the run does that.
 *
 * @throws UsageError if the value of a numeric option is not a number.
 */
export function runOptions(
  { project, sweep }: Pick<CompiledFile, "project" | "sweep">,
  options: MachineOptions,
): RunOptions {
  const { engine, device, precision, threads, jobs, force, exact, onFailure } = options;
  const { seed = sweep.seeds?.[0]?.toString() } = options;
  return {
    project,
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(precision === undefined ? {} : { precision }),
    ...(threads === undefined ? {} : { threads: parseNumber("--threads", threads) }),
    ...(jobs === undefined ? {} : { jobs: parseNumber("--jobs", jobs) }),
    ...(seed === undefined ? {} : { seed: parseNumber("--seed", seed) }),
    force: force ?? [],
    exact: exact === true,
    ...(onFailure === undefined ? {} : { onFailure: parseFailurePolicy(onFailure) }),
  };
}

/** @throws UsageError for anything but `finish`, `stop` and `retry=3`. */
function parseFailurePolicy(text: string): NonNullable<RunOptions["onFailure"]> {
  if (text === "finish") return {};
  if (text === "stop") return { stops: true };
  const [, retries] = /^retry=(.*)$/.exec(text) ?? [];
  if (retries !== undefined) return { retries: parseNumber("--on-failure retry=", retries) };
  throw new UsageError(`\`--on-failure ${text}\` is none of \`finish\`, \`stop\` and \`retry=3\``);
}

function parseNumber(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new UsageError(`\`${option} ${text}\` is not a number`);
  return value;
}
