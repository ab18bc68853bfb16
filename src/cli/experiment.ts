/** Compiling an experiment for a command, and saying what is wrong with it. */
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import { type CompiledFile, createFileCompiler } from "../runtime/host/compile-file.js";
import { nodeHost } from "../runtime/host/host.js";
import type { Cli } from "./command.js";
import { exitCodes, isUsageCode } from "./exit-codes.js";
import type { ExperimentOptions } from "./options.js";
import { readParameterFile } from "./parameter-file.js";
import { UsageError } from "./usage-error.js";

export interface ReportedCompilation {
  readonly compiled: CompiledFile;
  readonly code: number | undefined;
}

/** Compiles and prints every diagnostic; where there are errors, answers the exit code. */
export async function compileAndReport(
  cli: Cli,
  file: string,
  options: ExperimentOptions,
): Promise<ReportedCompilation> {
  return await reportingCompiler(cli, options)(file);
}

/** As `compileOrExplain`, for several files. */
export function reportingCompiler(
  cli: Cli,
  options: ExperimentOptions,
): (file: string) => Promise<ReportedCompilation> {
  const set = parseAssignments(options.set ?? []);
  const params = options.params === undefined ? undefined : readParameterFile(options.params);
  const compileNext = createFileCompiler({ set, ...(params === undefined ? {} : { params }) });
  return async (file) => {
    const compiled = compileNext(file);
    if (compiled.diagnostics.length > 0) {
      const { printDiagnostics } = await import("./report-errors.js");
      printDiagnostics(cli, compiled.diagnostics, sourceReader(compiled));
    }
    return { compiled, code: compiled.experiment === undefined ? refusalCode(compiled.diagnostics) : undefined };
  };
}

/** The texts that diagnostics point into: modules, and other files of the project that a line names. */
export function sourceReader({
  modules,
  project,
}: Pick<CompiledFile, "modules" | "project">): (file: string) => string | undefined {
  return (file) => modules.find(({ id }) => id === file)?.text ?? nodeHost(project).readFile(file);
}

/** 3 where only the command line is to blame, else 2. */
export function refusalCode(diagnostics: readonly Diagnostic[]): number {
  const errors = diagnostics.filter((d) => d.severity === "error");
  return errors.length > 0 && errors.every((d) => isUsageCode(d.code)) ? exitCodes.usage : exitCodes.invalid;
}

/** `["a=1"]` → `{ a: "1" }`; the last of several values counts. */
function parseAssignments(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((item) => {
      const at = item.indexOf("=");
      if (at < 1) throw new UsageError(`\`--set ${item}\` has no value; write \`--set name=value\``);
      return [item.slice(0, at).trim(), item.slice(at + 1)];
    }),
  );
}
