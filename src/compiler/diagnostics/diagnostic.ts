/** A diagnostic as data, and the one way to make one. Rendering is in `render.ts`. */
import type { Span } from "../../../grammar/ast.js";
import type { Code, Holes } from "./code.js";
import { dataCodes } from "./codes/data.js";
import { filesCodes } from "./codes/files.js";
import { layersCodes } from "./codes/layers.js";
import { namesCodes } from "./codes/names.js";
import { runCodes } from "./codes/run.js";
import { stagesCodes } from "./codes/stages.js";
import { syntaxCodes } from "./codes/syntax.js";
import { typesCodes } from "./codes/types.js";

/** Every code, by number. */
export const registry = {
  ...syntaxCodes,
  ...namesCodes,
  ...typesCodes,
  ...layersCodes,
  ...stagesCodes,
  ...filesCodes,
  ...dataCodes,
  ...runCodes,
};
export type CodeName = keyof typeof registry;

/** A second place that matters, with what it is: "defined here". */
export interface Label {
  readonly span: Span;
  readonly text: string;
}
export interface Diagnostic {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Undefined where no text of the user's is to blame (a missing engine, a full disk). */
  readonly span: Span | undefined;
  readonly labels: readonly Label[];
  /** What to do, specific to this case: "did you mean `prototypes`?", a command. */
  readonly help: readonly string[];
}
export interface DiagnosticExtras {
  readonly labels?: readonly Label[];
  readonly help?: readonly string[];
}

export function diagnostic<K extends CodeName>(
  code: K,
  span: Span | undefined,
  holes: Holes<(typeof registry)[K]>,
  extras: DiagnosticExtras = {},
): Diagnostic {
  const entry: Code = registry[code];
  const values = holes as Readonly<Record<string, string | number>>;
  const message = entry.message.replace(/\{(\w+)\}/g, (_, hole: string) => String(values[hole] ?? `{${hole}}`));
  return { code, severity: entry.severity, message, span, labels: extras.labels ?? [], help: extras.help ?? [] };
}

/** Thrown where a user's situation (not our bug) ends the work: run-time phases only; the compiler returns its diagnostics. */
export class DiagnosticError extends Error {
  constructor(
    readonly diagnostic: Diagnostic,
    options?: { cause?: unknown },
  ) {
    super(diagnostic.message, options);
    this.name = "DiagnosticError";
  }
}
