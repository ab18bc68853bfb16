/** Describes errors of any kind for the user, as a code, a message and a fix, never as a stack trace. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import {
  type CodeName,
  type Diagnostic,
  DiagnosticError,
  diagnostic,
  registry,
} from "../../compiler/diagnostics/diagnostic.js";
import { SourceLines } from "../../compiler/diagnostics/source.js";
import { EngineError } from "../engines/engine.js";
import { version } from "../system/package.js";
import { toFileName } from "../system/project.js";

/** An error as the user sees it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly fix: string | undefined;
  /** The part of the experiment's text that the failure is about, if there is one. */
  readonly span?: Span;
}

/** The stage and engine of an error, for its message, and the folder for the details of a bug. */
export interface FailurePlace {
  readonly stage: string;
  readonly engine: string;
  /** The folder of the run. */
  readonly dir: string;
}

/** Describes an error. An unexpected one counts as a bug, and its details are written to a file in `place.dir`. */
export function describeFailure(error: unknown, place: FailurePlace): Failure {
  if (error instanceof DiagnosticError) return fromDiagnostic(error.diagnostic);
  if (error instanceof EngineError) return fromDiagnostic(engineDiagnostic(error, place));
  const detail = outOfMemoryDetail(error);
  if (detail !== undefined) {
    return fromDiagnostic(engineDiagnostic(new EngineError("out-of-memory", detail), place));
  }
  return reportBug(error, place);
}

/** Returns what the system refused because memory ran out outside of an engine, or undefined for other errors. */
function outOfMemoryDetail(error: unknown): string | undefined {
  if (error instanceof RangeError && /array buffer allocation failed/i.test(error.message))
    return "a buffer cannot be allocated";
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_WORKER_INIT_FAILED" ? "a thread cannot be started" : undefined;
}

/** Converts a diagnostic into a failure. Its fix is the help of the diagnostic, or the general fix of its code. */
export function fromDiagnostic({ code, message, help, span }: Diagnostic): Failure {
  const general = code in registry ? registry[code as CodeName].fix : undefined;
  const fix = help.length > 0 ? help.join("; ") : general;
  return span === undefined ? { code, message, fix } : { code, message, fix, span };
}

/** Returns a place such as `examples/birds.fsl:12:3`, or undefined if the text of the file is not available. */
export function locate({ file, start }: Span, readFile: (file: string) => string | undefined): string | undefined {
  const text = readFile(file);
  if (text === undefined) return undefined;
  const { line, column } = new SourceLines(text).position(start);
  return `${file}:${line}:${column}`;
}

function engineDiagnostic(error: EngineError, { stage, engine }: FailurePlace): Diagnostic {
  const holes = { engine, stage, detail: oneLine(error.message) };
  switch (error.kind) {
    case "unsupported-op":
      return diagnostic("FSL7003", undefined, holes);
    case "out-of-memory":
      return diagnostic("FSL7004", undefined, holes);
    case "device-lost":
      return diagnostic("FSL7005", undefined, holes);
    case "non-finite":
    case "internal":
      return diagnostic("FSL7007", undefined, holes);
  }
}

/** Reports an unexpected error: its stack and the versions go to a file, and the user gets a sentence. */
function reportBug(error: unknown, { stage, engine, dir }: FailurePlace): Failure {
  const name = `bug-${toFileName(stage)}.txt`;
  const path = join(dir, name);
  const details = [
    `fslc ${version}, node ${process.version}, ${process.platform} ${release()} ${process.arch}, ${cpus()[0]?.model ?? "unknown CPU"}`,
    `stage ${stage}, engine ${engine}, ${new Date().toISOString()}`,
    "",
    stackOf(error),
    "",
  ].join("\n");
  let where = path;
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path, details);
  } catch {
    where = "no file, as the run's folder cannot be written";
  }
  const what = oneLine(error instanceof Error ? error.message : String(error));
  return fromDiagnostic(diagnostic("FSL7099", undefined, { what, version, path: where }));
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`;
}

function oneLine(text: string): string {
  const line = text.split("\n", 1)[0]?.trim() ?? "";
  return line.length > 300 ? `${line.slice(0, 297)}…` : line;
}
