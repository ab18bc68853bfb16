/** Defines what every command shares: its context (`Cli`) and the parts of its help text. */
import { Command } from "commander";
import type { Streams } from "./reporters/reporter.js";

/** The process as a command sees it. Tests pass their own streams and environment. */
export interface Cli extends Streams {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Returns the examples at the end of a command's help: each is a command line and a description of what it does. */
export function helpExamples(list: readonly (readonly [commandLine: string, description: string])[]): string {
  const width = Math.max(...list.map(([line]) => line.length));
  return `\nExamples:\n${list.map(([line, description]) => `  $ ${line.padEnd(width)}  ${description}`).join("\n")}`;
}

/** Returns a command that only holds others, such as `fslc runs`. */
export function groupOfCommands(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .usage("<command> [options]")
    .helpCommand("help [command]", "print help for a command");
}

/** Collects the values of an option that may be repeated, such as `--force a --force b`. */
export function collectValues(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export { Command };
