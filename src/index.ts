/**
 * Exports the API of fslc, which the command line uses too.
 *
 *     const { experiment, diagnostics, project } = compile("examples/emoji.fsl", { set: { shots: 1 } });
 *     const { events, done } = run(experiment, { project, seed: 0 });
 *     for await (const event of events) console.log(event.type);
 *     const { results, failures } = await done;
 *
 * `run([one, other], { project, seeds: [0, 1, 2] })` runs several variants of an experiment, which differ in their parameters, as one run.
 */
export type { Diagnostic } from "./compiler/diagnostics/diagnostic.js";
export type { PlanReport, StagePlan } from "./compiler/stages/plan/report.js";
export type { Experiment, ParamValue } from "./compiler/typed/tree.js";
export { chooseEngine, type EngineChoice } from "./runtime/engines/select.js";
export type { Result, RunEvent, StageOutline, Sweep } from "./runtime/events/events.js";
export { type CompiledFile, type CompileFileOptions, compileFile as compile } from "./runtime/host/compile-file.js";
export { plan } from "./runtime/run/plan.js";
export { RefusedError, type RunOptions } from "./runtime/run/preflight.js";
export { type Run, type RunSummary, run } from "./runtime/run/run.js";
export { version } from "./runtime/system/package.js";
export { findProject, type Project } from "./runtime/system/project.js";
