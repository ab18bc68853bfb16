/** Turns the reasons why stages without errors cannot run into diagnostics, for `check` and for a run that is refused. */
import type { Diagnostic } from "./diagnostic.js";

/** The part of a stage that says why it cannot run. */
interface Blocked {
  readonly blockers: readonly (Pick<Diagnostic, "code" | "message" | "span"> & { readonly help?: readonly string[] })[];
}

export function blockerDiagnostics(stages: readonly Blocked[]): Diagnostic[] {
  return stages.flatMap(({ blockers }) =>
    blockers.map(({ code, message, span, help = [] }) => ({
      code,
      severity: "error" as const,
      message,
      span,
      labels: [],
      help,
    })),
  );
}
