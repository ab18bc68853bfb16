/** Prints errors for people: diagnostics with code frames, failures with their fix, and everything else as a bug of fslc. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Diagnostic, DiagnosticError, diagnostic } from "../compiler/diagnostics/diagnostic.js";
import { render } from "../compiler/diagnostics/render.js";
import { describeFailure } from "../runtime/events/failure.js";
import { reason } from "../runtime/system/reason.js";
import type { Cli } from "./command.js";
import { exitCodes, isUsageCode } from "./exit-codes.js";
import { say } from "./say.js";
import { colorLevel, textWidth } from "./terminal.js";
import { UsageError } from "./usage-error.js";
import { plural } from "./view/format.js";

/** The number of diagnostics that are printed at most. A file that is not FSL has hundreds, and nobody reads that many. */
const most = 20;

/** Prints the first diagnostics to stderr in the given order, and then their count. `source` gives the text of a file. */
export function printDiagnostics(
  cli: Cli,
  diagnostics: readonly Diagnostic[],
  source: (file: string) => string | undefined,
): void {
  if (diagnostics.length === 0) return;
  const options = { color: colorLevel(cli.stderr, cli.env) > 0, width: textWidth(cli.stderr, cli.env) };
  for (const d of withoutRepeatedFacts(diagnostics.slice(0, most)))
    cli.stderr.write(`${render(d, source, options).trimEnd()}\n\n`);
  if (diagnostics.length > most) say(cli.stderr, `… and ${diagnostics.length - most} more\n\n`);
  const errors = diagnostics.filter((d) => d.severity === "error");
  const warnings = diagnostics.length - errors.length;
  const counts = [
    ...(errors.length > 0 ? [plural(errors.length, "error")] : []),
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
  ];
  const code = (errors[0] ?? diagnostics[0])?.code;
  say(cli.stderr, `${counts.join(", ")}; for details: fslc explain ${code}\n`);
}

/** The errors about a split, each of which says what lies in the data. */
const aboutSplits: ReadonlySet<string> = new Set(["FSL5004", "FSL5005", "FSL5006"]);

/** Returns the diagnostics in which only the first error about some data says what lies there. The others say where that stands. */
function withoutRepeatedFacts(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const said = new Set<string>();
  return diagnostics.map((d) => {
    if (!aboutSplits.has(d.code)) return d;
    const help = d.help.filter((line) => !said.has(line));
    for (const line of d.help) said.add(line);
    return help.length === d.help.length ? d : { ...d, help: [...help, "the data are described above"] };
  });
}

/** Returns the error for a file that a command cannot read. */
export function cannotRead(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7040", undefined, { path, why: reason(error) }), { cause: error });
}

/** Returns the error for a file or folder that a command cannot write. */
export function cannotWrite(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
}

/**
 * Prints an error that a command threw, and returns the exit code. A problem that the user can solve is printed as its
 * diagnostic. Anything else is printed as a bug of fslc, with a report in a temporary folder.
 */
export async function reportFailure(error: unknown, cli: Cli): Promise<number> {
  if (error instanceof UsageError) {
    say(cli.stderr, `fslc: ${error.message}\n`);
    return exitCodes.usage;
  }
  if (error instanceof DiagnosticError) {
    printDiagnostics(cli, [error.diagnostic], () => undefined);
    return isUsageCode(error.diagnostic.code) ? exitCodes.usage : exitCodes.failed;
  }
  const dir = await mkdtemp(join(tmpdir(), "fslc-"));
  const { code, message, fix } = describeFailure(error, { stage: "command line", engine: "none", dir });
  say(cli.stderr, `${code}: ${message}\n${fix ?? ""}\n`);
  return exitCodes.failed;
}
