/** What can be said against a run before anything starts. */

import { didYouMean } from "../../common/did-you-mean.js";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { type StageGraph, stageGraph } from "../../compiler/stages/graph.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import { auto, type EngineChoice, type EngineRequest, requestProblem } from "../engines/select.js";
import type { ScheduleOptions } from "../scheduler/scheduler.js";
import type { Project } from "../system/project.js";
import { availableThreads, threadBudget } from "../system/threads.js";
import type { ProcessExecutorOptions } from "../worker/process-executor.js";

export interface RunOptions {
  readonly project: Project;
  /** Of initial weights, image order, augmentation and episodes; 0 unless given. A whole number from 0 on. */
  readonly seed?: number;
  /**
   * Only what this engine computed may serve; without it, any stored result does, and the default engine runs the rest.
   * `auto` runs the rest on the best that is here.
   */
  readonly engine?: string;
  /** `cpu`, `gpu` (the engine's first) or `gpu:N`: only what was computed on such a device may serve. */
  readonly device?: string;
  /** What `chooseEngine` gave for these two; a run that is not given it chooses when it starts. */
  readonly choice?: EngineChoice;
  /** Cores that the run may use; all that are available unless given. */
  readonly threads?: number;
  /** Names of stages to run although the store has them. */
  readonly force?: readonly string[];
  /** Names of the stages wanted, instead of all of the root file's. */
  readonly stages?: readonly string[];
  /** Only results of exactly these numerics (engine, version, device, threads, CPU) may serve. */
  readonly exact?: boolean;
}

/** A run whose options are valid. The executor chooses the engine later, because that looks at the machine. */
export type PreparedRun = Omit<ScheduleOptions, "runDir" | "findPack"> & ProcessExecutorOptions;

/** The prepared options, or every reason why the run is refused: unknown names, stages that check but cannot run yet. */
export function prepareRun(
  experiment: Experiment,
  options: RunOptions,
  stages: "runnable" | "with blockers" = "runnable",
): { readonly prepared: PreparedRun } | { readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const ids = (option: string, names: readonly string[]): string[] =>
    names.flatMap((name) => {
      const stage = experiment.stages.find(({ id }) => id === name) ?? uniqueByName(experiment, name);
      if (stage !== undefined) return [stage.id];
      const help = suggestStages(
        name,
        experiment.stages.map(({ id }) => id),
      );
      diagnostics.push(diagnostic("FSL7041", undefined, { option, stage: name, file: experiment.file }, { help }));
      return [];
    });
  const refuse = (option: string, value: string | number, why: string): void => {
    diagnostics.push(diagnostic("FSL7042", undefined, { option, value, why }));
  };
  const { seed = 0, threads = availableThreads(), engine, device } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) refuse("--seed", seed, "it is a whole number from 0 on");
  if (!Number.isSafeInteger(threads) || threads < 1) refuse("--threads", threads, "it is a whole number from 1 on");
  const asked: EngineRequest = {
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
  };
  const problem = requestProblem(asked);
  if (problem !== undefined) diagnostics.push(problem);
  const force = new Set(ids("--force", options.force ?? []));
  const wanted = options.stages === undefined ? experiment.wanted : ids("--stage", options.stages);
  if (options.stages === undefined && wanted.length === 0) {
    diagnostics.push(diagnostic("FSL7044", undefined, { file: experiment.file }));
  }
  const graph = stageGraph(experiment, wanted);
  if (stages === "runnable") diagnostics.push(...blockers(graph));
  if (diagnostics.length > 0) return { diagnostics };
  return {
    prepared: {
      experiment,
      graph,
      project: options.project,
      seed,
      threads: threadBudget(threads),
      asked,
      ...(options.choice === undefined ? {} : { choice: options.choice }),
      acceptedNumerics: {
        ...(engine === undefined || engine === auto ? {} : { engine }),
        ...(device === undefined ? {} : { device: device.startsWith("gpu") ? "gpu" : device }),
      },
      exact: options.exact ?? false,
      force,
    },
  };
}

/** The name that was meant, or else those that there are. */
function suggestStages(name: string, names: readonly string[]): string[] {
  const near = didYouMean(name, names);
  if (near !== undefined) return [`did you mean \`${near}\`?`];
  return names.length === 0 ? [] : [`there are ${names.map((known) => `\`${known}\``).join(", ")}`];
}

/** A stage by its bare name, where only one module has a stage called so. */
function uniqueByName(experiment: Experiment, name: string): Experiment["stages"][number] | undefined {
  const named = experiment.stages.filter((stage) => stage.name === name);
  return named.length === 1 ? named[0] : undefined;
}

/** Stages that check but cannot be lowered yet: refused before the first one starts. */
function blockers({ nodes }: StageGraph): Diagnostic[] {
  return nodes.flatMap((node) =>
    node.kind === "ingest"
      ? []
      : node.stage.blockers.map(({ code, message, span }) => ({
          code,
          severity: "error" as const,
          message,
          span,
          labels: [],
          help: [],
        })),
  );
}

/** Thrown by `run` and `plan` where an experiment or an option is refused. */
export class RefusedError extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
    this.name = "RefusedError";
  }
}
