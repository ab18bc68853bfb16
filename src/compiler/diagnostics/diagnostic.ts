/** Defines a diagnostic as data, and the one function that makes them. `render.ts` prints them. */
import type { Span } from "../../../grammar/ast.js";
import type { Code, Holes } from "./code.js";
import { dataCodes } from "./codes/data.js";
import { descriptionCodes } from "./codes/descriptions.js";
import { filesCodes } from "./codes/files.js";
import { layersCodes } from "./codes/layers.js";
import { namesCodes } from "./codes/names.js";
import { runCodes } from "./codes/run.js";
import { stagesCodes } from "./codes/stages.js";
import { syntaxCodes } from "./codes/syntax.js";
import { typesCodes } from "./codes/types.js";

/** The registry: every code with its entry. */
export const registry = {
  ...syntaxCodes,
  ...namesCodes,
  ...typesCodes,
  ...layersCodes,
  ...stagesCodes,
  ...descriptionCodes,
  ...filesCodes,
  ...dataCodes,
  ...runCodes,
};
export type CodeName = keyof typeof registry;

/** Another place that matters, with a short text: "defined here". */
export interface Label {
  readonly span: Span;
  readonly text: string;
}
export interface Diagnostic {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** The place of the mistake; undefined if no file of the user's is at fault (a missing engine, a full disk). */
  readonly span: Span | undefined;
  readonly labels: readonly Label[];
  /** The remedies for this case: "did you mean `prototypes`?", a command. */
  readonly help: readonly string[];
}
export interface DiagnosticExtras {
  readonly labels?: readonly Label[];
  readonly help?: readonly string[];
}

/** Makes a diagnostic of a code: fills the holes of its message and adds the place, labels and help. */
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

/** Ends the work because of the user's situation, not because of a bug. Only the runtime throws it; the compiler returns its diagnostics. */
export class DiagnosticError extends Error {
  constructor(
    readonly diagnostic: Diagnostic,
    options?: { cause?: unknown },
  ) {
    super(diagnostic.message, options);
    this.name = "DiagnosticError";
  }
}
