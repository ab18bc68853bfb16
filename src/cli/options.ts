/** Options that several commands share. */
import type { Command } from "commander";
import type { RunOptions } from "../runtime/run/preflight.js";
import type { Project } from "../runtime/system/project.js";
import { collectValues } from "./command.js";
import { UsageError } from "./usage-error.js";

export interface ExperimentOptions {
  readonly set?: readonly string[];
  readonly params?: string;
}

/** For commands that take an experiment. */
export function withExperiment(command: Command): Command {
  return withParameters(command.argument("<file>", "an experiment (.fsl)"));
}

export function withParameters(command: Command): Command {
  return command
    .option("--set <name=value>", "give a parameter a value (may be repeated)", collectValues)
    .option("--params <file.json>", "give parameters their values from a JSON object");
}

export interface MachineOptions {
  readonly engine?: string;
  readonly device?: string;
  readonly threads?: string;
  readonly seed?: string;
  readonly force?: readonly string[];
  readonly exact?: boolean;
}

/** For commands that run an experiment or say what a run would do. */
export function withMachine(command: Command): Command {
  return command
    .option("--engine <name>", "the engine to compute with, `auto` for the best here (`fslc engines` lists them)")
    .option("--device <name>", "`cpu`, `gpu` or, of several, `gpu:1`")
    .option("--threads <n>", "cores to use; all of them unless given")
    .option("--seed <n>", "seed of weights, order, augmentation and episodes; 0 unless given")
    .option("--force <stage>", "run this stage although the store has it (may be repeated)", collectValues)
    .option("--exact", "use only stored results of exactly this machine's numerics");
}

/** @throws UsageError where a number is none; whether it is a fitting one is the run's to say. */
export function runOptions(project: Project, options: MachineOptions): RunOptions {
  const { engine, device, threads, seed, force, exact } = options;
  return {
    project,
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads: parseNumber("--threads", threads) }),
    ...(seed === undefined ? {} : { seed: parseNumber("--seed", seed) }),
    force: force ?? [],
    exact: exact === true,
  };
}

function parseNumber(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new UsageError(`\`${option} ${text}\` is not a number`);
  return value;
}
