/** Prints diagnostics for programs: as lines that editors understand, and as JSON (`schemas/diagnostics.schema.json`). */
import { relative } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import { printable } from "../../common/printable.js";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { SourceLines } from "../../compiler/diagnostics/source.js";
import { pathOf } from "../../runtime/host/host.js";
import type { Project } from "../../runtime/system/project.js";

/** The diagnostics of one file, and how to read the files that they point into. */
export interface FileDiagnostics {
  /** The path as it was given. It stands for diagnostics without a place. */
  readonly path: string;
  readonly project: Project;
  readonly diagnostics: readonly Diagnostic[];
  readonly source: (file: string) => string | undefined;
}

interface Position {
  readonly line: number;
  readonly column: number;
}
interface Place {
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
}
export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly place: Place | null;
  readonly labels: readonly { readonly text: string; readonly place: Place }[];
  readonly help: readonly string[];
}

/** Returns one line per diagnostic: `net.fsl:4:24: error FSL2001: nothing is called …`. Paths below the working directory start there. */
export function shortLines(file: FileDiagnostics): string[] {
  return file.diagnostics.map(({ code, severity, message, span }) => {
    const place = span === undefined ? undefined : placeOf(span, file);
    const at = place === undefined ? file.path : `${place.file}:${place.start.line}:${place.start.column}`;
    return `${printable(at)}: ${severity} ${code}: ${printable(message.replace(/\s*\n\s*/g, " "))}`;
  });
}

/** Returns the diagnostics as data. */
export function jsonDiagnostics(file: FileDiagnostics): JsonDiagnostic[] {
  return file.diagnostics.map(({ code, severity, message, span, labels, help }) => ({
    code,
    severity,
    message,
    place: span === undefined ? null : placeOf(span, file),
    labels: labels.map((label) => ({ text: label.text, place: placeOf(label.span, file) })),
    help,
  }));
}

function placeOf(span: Span, { project, source }: FileDiagnostics): Place {
  const lines = new SourceLines(source(span.file) ?? "");
  return {
    file: fileOf(span.file, project),
    start: lines.position(span.start),
    end: lines.position(span.end),
  };
}

/** Returns the path of a module from the working directory, or its absolute path if it does not lie below that. */
function fileOf(id: string, project: Project): string {
  const path = pathOf(project, id);
  if (path === undefined) return id;
  const below = relative(".", path);
  return below.startsWith("..") ? path : below;
}
