/** Checks the options of a run before anything starts. */

import { didYouMean } from "../../common/did-you-mean.js";
import { blockerDiagnostics } from "../../compiler/diagnostics/blockers.js";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { variantGraph } from "../../compiler/stages/variants.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import { packRequest } from "../data/index.js";
import { auto, type EngineChoice, type EngineRequest, requestProblem } from "../engines/select.js";
import type { RunInputs } from "../events/events.js";
import type { FailurePolicy, ScheduleOptions } from "../scheduler/scheduler.js";
import { type Project, projectPaths } from "../system/project.js";
import { availableThreads, threadBudget } from "../system/threads.js";
import type { ProcessExecutorOptions } from "../worker/process-executor.js";
import type { SlurmOptions } from "../worker/slurm/executor.js";
import type { ClusterSettings } from "../worker/slurm/settings.js";
import { describeInputs } from "./inputs.js";
import { reservedLabels } from "./labelled-results.js";
import { hasLongNorms } from "./long-norms.js";
import { sharedParams, variantsOf } from "./sweep.js";

export interface RunOptions {
  readonly project: Project;
  /** The seed of initial weights, image order, augmentation and episodes: an integer of at least 0. The default is 0. */
  readonly seed?: number;
  /** Several seeds in place of `seed`. The run then has a variant for each of them. */
  readonly seeds?: readonly number[];
  /**
   * The engine. Only results of this engine are taken from the store. Without it, any stored result is taken, and the
   * default engine runs the other stages. `auto` takes any stored result and runs the others on the best engine.
   */
  readonly engine?: string;
  /** The device: `cpu`, `gpu` (the first of the engine) or `gpu:N`. Only results of this kind of device are taken from the store. */
  readonly device?: string;
  /** `f32` or `bf16`. Only results of this precision are taken from the store, by default those of f32. */
  readonly precision?: string;
  /** The choice of `chooseEngine` for these three. Without it, the run chooses when it starts. */
  readonly choice?: EngineChoice;
  /** The number of cores that the run may use. The default is all available cores. */
  readonly threads?: number;
  /** The number of independent stages that run at the same time, by default 1. The cores are divided among them. */
  readonly jobs?: number;
  /** The settings of a cluster whose jobs compute the stages. Without it, processes of this machine do. */
  readonly cluster?: ClusterSettings;
  /** The names of stages that run although the store has them. */
  readonly force?: readonly string[];
  /** The reaction to a stage that fails. By default, the stages that do not need it go on. */
  readonly onFailure?: Partial<FailurePolicy>;
  /** The names of the stages to run. The default is all stages of the root file. */
  readonly stages?: readonly string[];
  /** True if only results with exactly the same numerics (engine, version, device, threads, CPU) are taken from the store. */
  readonly exact?: boolean;
  /** True if the run records where the time of its stages goes. `collectProfiles` makes files of it. */
  readonly profile?: boolean;
}

/** A run whose options are valid. The executor chooses the engine later, because that looks at the machine. */
export type PreparedRun = Omit<ScheduleOptions, "runDir" | "scratch" | "findPack"> &
  ProcessExecutorOptions & {
    /** The experiment; of several variants, the first one. */
    readonly experiment: Experiment;
    /** Its seed. */
    readonly seed: number;
    /** The parameters, options and files of the run, as its folder records them. */
    readonly inputs: RunInputs;
    /** The cluster that computes, with the cores of each job if the user named a number. */
    readonly cluster?: Pick<SlurmOptions, "settings" | "cpus">;
  };

/** The largest number of variants in one run. */
const mostVariants = 1000;

/**
 * Prepares a run of an experiment or of several ones, which differ in their parameters only. Returns every diagnostic if it is refused: unknown names, invalid options, or stages that cannot run yet.
 * A plan is made "with blockers", so stages that cannot run yet do not refuse it.
 */
export function prepareRun(
  experiments: Experiment | readonly Experiment[],
  options: RunOptions,
  stages: "runnable" | "with blockers" = "runnable",
): { readonly prepared: PreparedRun } | { readonly diagnostics: readonly Diagnostic[] } {
  const all = "stages" in experiments ? [experiments] : experiments;
  const [experiment] = all;
  if (experiment === undefined) throw new Error("a run needs an experiment");
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
  const { seed: one = 0, threads = availableThreads(), jobs = 1, engine, device, precision } = options;
  const { seeds = [one] } = options;
  const [seed = 0] = seeds;
  const option = options.seeds === undefined ? "--seed" : "--seeds";
  for (const value of seeds) {
    if (!Number.isSafeInteger(value) || value < 0) refuse(option, value, "it is a whole number from 0 on");
  }
  if (new Set(seeds).size < seeds.length) refuse(option, seeds.join(","), "each seed is given once");
  if (seeds.length === 0) refuse(option, "", "it has at least one seed");
  const values = all.map(({ params }) => JSON.stringify(params.map(({ name, value }) => [name, value])));
  const repeated = all.find((_, i) => values.indexOf(values[i] ?? "") < i);
  if (repeated !== undefined) {
    const swept = repeated.params.flatMap(({ name, value, origin }) =>
      origin === "--sweep" || origin === "sweep" ? [`${name}=${value}`] : [],
    );
    refuse("--sweep", swept.join(" "), "each combination of values is given once");
  }
  for (const { name } of experiment.params) {
    if (reservedLabels.includes(name) && !sharedParams(all).some((param) => param.name === name)) {
      refuse("--sweep", name, "the results of a run have a label of this name; give the parameter another one");
    }
  }
  if (all.length * seeds.length > mostVariants) {
    refuse("--sweep", `${all.length * seeds.length} variants`, `one run has at most ${mostVariants}`);
  }
  if (!Number.isSafeInteger(threads) || threads < 1) refuse("--threads", threads, "it is a whole number from 1 on");
  if (!Number.isSafeInteger(jobs) || jobs < 1) refuse("--jobs", jobs, "it is a whole number from 1 on");
  else if (options.cluster === undefined && threads >= 1 && jobs > threads)
    refuse("--jobs", jobs, `each job needs a core, and the run may use ${threads}`);
  const { retries = 0, stops = false } = options.onFailure ?? {};
  if (!Number.isSafeInteger(retries) || retries < 0)
    refuse("--on-failure", `retry=${retries}`, "it is a whole number from 0 on");
  const asked: EngineRequest = {
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(precision === undefined ? {} : { precision }),
    ...(engine === auto && hasLongNorms(all) ? { longNorms: true } : {}),
  };
  const problem = requestProblem(asked);
  if (problem !== undefined) diagnostics.push(problem);
  const forced = ids("--force", options.force ?? []);
  const wanted = options.stages === undefined ? experiment.wanted : ids("STAGE", options.stages);
  if (options.stages === undefined && wanted.length === 0) {
    diagnostics.push(diagnostic("FSL7044", undefined, { file: experiment.file }));
  }
  if (diagnostics.length > 0) return { diagnostics };
  const places = { cacheDir: projectPaths.data(options.project), projectDir: options.project.dir };
  const graph = variantGraph(variantsOf(all, seeds), { wanted, sameData: (dataset) => packRequest(dataset, places) });
  if (stages === "runnable")
    diagnostics.push(...blockerDiagnostics(graph.nodes.flatMap(({ of }) => (of.kind === "ingest" ? [] : [of.stage]))));
  if (diagnostics.length > 0) return { diagnostics };
  return {
    prepared: {
      experiment,
      inputs: describeInputs(all, options),
      graph,
      project: options.project,
      seed,
      threads: threadBudget(options.cluster === undefined ? Math.floor(threads / jobs) : threads),
      jobs,
      asked,
      ...(options.choice === undefined ? {} : { choice: options.choice }),
      ...clusterOf(options),
      acceptedNumerics: {
        ...(engine === undefined || engine === auto ? {} : { engine }),
        ...(device === undefined ? {} : { device: device.startsWith("gpu") ? "gpu" : device }),
        precision: precision === "bf16" ? precision : "f32",
      },
      exact: options.exact ?? false,
      onFailure: { retries, stops },
      profile: options.profile ?? false,
      force: new Set(graph.nodes.flatMap(({ id, of }) => (forced.includes(of.id) ? [id] : []))),
    },
  };
}

/** Returns the cluster of a run. `--jobs` limits its jobs, and `--threads` is the number of their cores. */
function clusterOf({ cluster, threads, jobs }: RunOptions): Pick<PreparedRun, "cluster"> {
  if (cluster === undefined) return {};
  const settings = jobs === undefined ? cluster : { ...cluster, limit: jobs };
  return { cluster: { settings, ...(threads === undefined ? {} : { cpus: threads }) } };
}

/** Returns help for an unknown stage: a similar name, or all names. */
function suggestStages(name: string, names: readonly string[]): string[] {
  const near = didYouMean(name, names);
  if (near !== undefined) return [`did you mean \`${near}\`?`];
  return names.length === 0 ? [] : [`there are ${names.map((known) => `\`${known}\``).join(", ")}`];
}

/** Returns a stage by its name without a module, if only one module has a stage of this name. */
function uniqueByName(experiment: Experiment, name: string): Experiment["stages"][number] | undefined {
  const named = experiment.stages.filter((stage) => stage.name === name);
  return named.length === 1 ? named[0] : undefined;
}

/** Thrown by `run` and `plan` if an experiment or an option is refused. */
export class RefusedError extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
    this.name = "RefusedError";
  }
}
