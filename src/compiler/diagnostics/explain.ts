/** Explains a code, as `fslc explain FSL0123` prints it. */

import { editDistance } from "../../common/did-you-mean.js";
import type { Code } from "./code.js";
import { registry } from "./diagnostic.js";

const entries: Readonly<Record<string, Code>> = registry;

export type Explanation =
  | { readonly found: true; readonly code: string; readonly entry: Code; readonly text: string }
  /** `near` is a similar code that may have been meant. */
  | { readonly found: false; readonly near: string | undefined };

/** Explains a code, which may be written as `FSL1002`, `fsl1002` or `1002`. */
export function explain(code: string): Explanation {
  const digits = /^(?:fsl)?(\d{4})$/i.exec(code.trim())?.[1];
  const name = digits === undefined ? code.trim().toUpperCase() : `FSL${digits}`;
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry === undefined) {
    // Only a code that differs in one digit is suggested. A code that differs in two has nothing to do with it.
    return { found: false, near: Object.keys(entries).find((known) => editDistance(name, known) === 1) };
  }
  const text = [
    `${name} (${entry.severity}): ${entry.title}`,
    "",
    entry.explanation,
    "",
    ...exampleLines(entry),
    `help: ${entry.fix}`,
  ].join("\n");
  return { found: true, code: name, entry, text };
}

/** Returns the example and, if there is one, its corrected text. The lines in which the two differ are marked with `-` and `+`. */
function exampleLines({ example, corrected }: Code): string[] {
  const wrong = example.split("\n");
  if (corrected === undefined) return ["Example:", ...wrong.map((line) => indented(line, false, " ")), ""];
  const right = corrected.split("\n");
  const kept = (line: string, others: readonly string[]): boolean => others.includes(line);
  return [
    "Wrong:",
    ...wrong.map((line) => indented(line, !kept(line, right), "-")),
    "",
    "Right:",
    ...right.map((line) => indented(line, !kept(line, wrong), "+")),
    "",
  ];
}

function indented(line: string, marked: boolean, mark: string): string {
  return (marked ? `  ${mark} ${line}` : `    ${line}`).trimEnd();
}

/** Returns every code with its entry, in order. */
export function allCodes(): readonly { readonly code: string; readonly entry: Code }[] {
  return Object.entries(entries)
    .map(([code, entry]) => ({ code, entry }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}
