/** `fslc explain FSL0123`: what a code means, from the registry. */

import { editDistance } from "../../common/did-you-mean.js";
import type { Code } from "./code.js";
import { registry } from "./diagnostic.js";

const entries: Readonly<Record<string, Code>> = registry;

export type Explanation =
  | { readonly found: true; readonly code: string; readonly entry: Code; readonly text: string }
  /** `near` is a code that may have been meant. */
  | { readonly found: false; readonly near: string | undefined };

/** Takes `FSL1002`, `fsl1002` and `1002`. */
export function explain(code: string): Explanation {
  const digits = /^(?:fsl)?(\d{4})$/i.exec(code.trim())?.[1];
  const name = digits === undefined ? code.trim().toUpperCase() : `FSL${digits}`;
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry === undefined) {
    // Numbers are near only where a digit was mistyped: two digits away stands something else entirely.
    return { found: false, near: Object.keys(entries).find((known) => editDistance(name, known) === 1) };
  }
  const text = [
    `${name} (${entry.severity}): ${entry.title}`,
    "",
    entry.explanation,
    "",
    "Example:",
    ...entry.example.split("\n").map((line) => (line === "" ? "" : `    ${line}`)),
    "",
    `What to do: ${entry.fix}`,
  ].join("\n");
  return { found: true, code: name, entry, text };
}

/** Every code with its title, in order. */
export function allCodes(): readonly { readonly code: string; readonly entry: Code }[] {
  return Object.entries(entries)
    .map(([code, entry]) => ({ code, entry }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}
