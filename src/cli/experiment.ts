/** Compiles an experiment for a command and prints its diagnostics. */
import { blockerDiagnostics } from "../compiler/diagnostics/blockers.js";
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { PosedTasks } from "../compiler/typed/tree.js";
import { type CompiledFile, createFileCompiler } from "../runtime/host/compile-file.js";
import { nodeHost } from "../runtime/host/host.js";
import type { Cli } from "./command.js";
import { exitCodes, isUsageCode } from "./exit-codes.js";
import type { ExperimentOptions } from "./options.js";
import { readParameterFile } from "./parameter-file.js";
import { UsageError } from "./usage-error.js";

/** A compilation whose diagnostics have been printed. */
export interface ReportedCompilation {
  readonly compiled: CompiledFile;
  /** The exit code if the file has errors. */
  readonly code: number | undefined;
}

/** Compiles a file and prints every diagnostic to stderr. */
export async function compileAndReport(
  cli: Cli,
  file: string,
  options: ExperimentOptions,
): Promise<ReportedCompilation> {
  const compiled = experimentCompiler(options)(file);
  await printCompilation(cli, compiled);
  return { compiled, code: compilationCode(compiled) };
}

/** Prints every diagnostic of a compilation to stderr. */
export async function printCompilation(cli: Cli, compiled: CompiledFile): Promise<void> {
  if (compiled.diagnostics.length === 0) return;
  const { printDiagnostics } = await import("./report-errors.js");
  printDiagnostics(cli, compiled.diagnostics, sourceReader(compiled));
}

/** Returns the exit code of a compilation with errors, and undefined for one without. */
export function compilationCode({ experiment, diagnostics }: CompiledFile): number | undefined {
  const wrong = experiment === undefined || diagnostics.some(({ severity }) => severity === "error");
  return wrong ? refusalCode(diagnostics) : undefined;
}

/** Adds the reasons why stages without errors cannot run, which would otherwise be seen only when they are planned or run. */
export function withBlockers(compiled: CompiledFile): CompiledFile {
  const blockers = blockerDiagnostics(compiled.experiment?.stages ?? []);
  return blockers.length === 0 ? compiled : { ...compiled, diagnostics: [...compiled.diagnostics, ...blockers] };
}

/** Returns a function that compiles one file after another with the parameters of the command line, and prints nothing. */
export function experimentCompiler(
  options: ExperimentOptions,
  pose?: PosedTasks,
): ReturnType<typeof createFileCompiler> {
  const set = parseAssignments(options.set ?? []);
  const params = options.params === undefined ? undefined : readParameterFile(options.params);
  return createFileCompiler({
    set,
    ...(params === undefined ? {} : { params }),
    ...(pose === undefined ? {} : { pose }),
  });
}

/** Returns a function that gives the text of a file that a diagnostic points into: a module, or another file of the project. */
export function sourceReader({
  modules,
  project,
}: Pick<CompiledFile, "modules" | "project">): (file: string) => string | undefined {
  return (file) => modules.find(({ id }) => id === file)?.text ?? nodeHost(project).readFile(file);
}

/** Returns exit code 3 if every error is about the command line, and 2 otherwise. */
export function refusalCode(diagnostics: readonly Diagnostic[]): number {
  const errors = diagnostics.filter((d) => d.severity === "error");
  return errors.length > 0 && errors.every((d) => isUsageCode(d.code)) ? exitCodes.usage : exitCodes.invalid;
}

/**
 * Turns `["a=1"]` into `{ a: "1" }`.
 *
 * @throws UsageError if a value is missing, or a name is given twice.
 */
function parseAssignments(list: readonly string[]): Record<string, string> {
  const given = new Map<string, string>();
  for (const item of list) {
    const at = item.indexOf("=");
    if (at < 1) throw new UsageError(`\`--set ${item}\` has no value. Write \`--set name=value\``);
    const name = item.slice(0, at).trim();
    const before = given.get(name);
    if (before !== undefined) {
      throw new UsageError(`\`--set ${name}=${before}\` and \`--set ${item}\` are both given. Leave one of them out`);
    }
    given.set(name, item.slice(at + 1));
  }
  return Object.fromEntries(given);
}
