/** What each file in commands/ is: a definition that loads nothing heavy until it acts. */
import { Command } from "commander";
import type { Streams } from "./reporters/reporter.js";

export interface Cli extends Streams {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Examples for the foot of a command's help: a command line and what it does. */
export function helpExamples(list: readonly (readonly [string, string])[]): string {
  const width = Math.max(...list.map(([line]) => line.length));
  return `\nExamples:\n${list.map(([line, what]) => `  $ ${line.padEnd(width)}  ${what}`).join("\n")}`;
}

/** For options that may be given again: `--force a --force b`. */
export function collectValues(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export { Command };
