/** What a person sees when something is wrong: diagnostics with code frames, failures with their fix, bugs as ours. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Diagnostic, DiagnosticError, diagnostic } from "../compiler/diagnostics/diagnostic.js";
import { render } from "../compiler/diagnostics/render.js";
import { describeFailure } from "../runtime/events/failure.js";
import { reason } from "../runtime/system/reason.js";
import type { Cli } from "./command.js";
import { exitCodes, isUsageCode } from "./exit-codes.js";
import { colorLevel, textWidth } from "./terminal.js";
import { UsageError } from "./usage-error.js";
import { plural } from "./view/format.js";

/** More than this nobody reads: a file that is no FSL has hundreds. */
const most = 20;

/** The first diagnostics to stderr, in the order given, with a closing count. `source` gives the text of a module. */
export function printDiagnostics(
  cli: Cli,
  diagnostics: readonly Diagnostic[],
  source: (file: string) => string | undefined,
): void {
  if (diagnostics.length === 0) return;
  const options = { color: colorLevel(cli.stderr, cli.env) > 0, width: textWidth(cli.stderr, cli.env) };
  for (const d of diagnostics.slice(0, most)) cli.stderr.write(`${render(d, source, options).trimEnd()}\n\n`);
  if (diagnostics.length > most) cli.stderr.write(`… and ${diagnostics.length - most} more\n\n`);
  const errors = diagnostics.filter((d) => d.severity === "error");
  const warnings = diagnostics.length - errors.length;
  const counts = [
    ...(errors.length > 0 ? [plural(errors.length, "error")] : []),
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
  ];
  const code = (errors[0] ?? diagnostics[0])?.code;
  cli.stderr.write(`${counts.join(", ")}; \`fslc explain ${code}\` says more\n`);
}

/** A file that a command needs is not there or not readable. */
export function cannotRead(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7040", undefined, { path, why: reason(error) }), { cause: error });
}

/** A file or folder that a command makes cannot be written. */
export function cannotWrite(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
}

/** Whatever a command threw: a situation of the user's by its diagnostic, anything else as a bug of ours. Answers the exit code. */
export async function reportFailure(error: unknown, cli: Cli): Promise<number> {
  if (error instanceof UsageError) {
    cli.stderr.write(`fslc: ${error.message}\n`);
    return exitCodes.usage;
  }
  if (error instanceof DiagnosticError) {
    printDiagnostics(cli, [error.diagnostic], () => undefined);
    return isUsageCode(error.diagnostic.code) ? exitCodes.usage : exitCodes.failed;
  }
  const dir = await mkdtemp(join(tmpdir(), "fslc-"));
  const { code, message, fix } = describeFailure(error, { stage: "command line", engine: "none", dir });
  cli.stderr.write(`${code}: ${message}\n${fix ?? ""}\n`);
  return exitCodes.failed;
}
