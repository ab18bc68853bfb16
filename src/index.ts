/**
 * The API that the command line itself uses.
 *
 *     const { experiment, diagnostics, project } = compile("examples/emoji.fsl", { set: { shots: "1" } });
 *     const { events, done } = run(experiment, { project, seed: 0 });
 *     for await (const event of events) console.log(event.type);
 *     const { results, failures } = await done;
 */
export type { Diagnostic } from "./compiler/diagnostics/diagnostic.js";
export type { PlanReport, StagePlan } from "./compiler/stages/report.js";
export type { Experiment, ParamValue } from "./compiler/typed.js";
export { type CompiledFile, type CompileFileOptions, compileFile as compile } from "./runtime/compile-file.js";
export { type Choice, chooseEngine } from "./runtime/engines/select.js";
export type { Result, RunEvent, StageOutline } from "./runtime/events.js";
export { version } from "./runtime/package.js";
export { plan } from "./runtime/plan.js";
export { RefusedError, type RunOptions } from "./runtime/preflight.js";
export { findProject, type Project } from "./runtime/project.js";
export { type Run, type RunSummary, run } from "./runtime/run.js";
