/** Implements `fslc explain CODE`, which prints the cause, an example and the fix of a diagnostic. `--list` lists all codes. */
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { say } from "../say.js";

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("explain")
    .description("explain a diagnostic: its cause, an example, and how to fix it")
    .argument("[code]", "the code of a diagnostic, such as FSL3001")
    .option("--list", "list every code with its title")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc explain FSL3001", "explain one diagnostic"],
        ["fslc explain --list", "list all diagnostics"],
      ]),
    )
    .action(async (code: string | undefined, options: { list?: boolean }) => exit(await act(cli, code, options.list)));
}

async function act(cli: Cli, code: string | undefined, list: boolean | undefined): Promise<number> {
  const { allCodes, explain } = await import("../../compiler/diagnostics/explain.js");
  if (list) {
    for (const { code: name, entry } of allCodes()) {
      say(cli.stdout, `${name}  ${entry.severity.padEnd(7)}  ${entry.title}\n`);
    }
    return exitCodes.done;
  }
  if (code === undefined) {
    say(cli.stderr, "fslc: `explain` needs a code, such as `fslc explain FSL3001`; `fslc explain --list` lists them\n");
    return exitCodes.usage;
  }
  const explanation = explain(code);
  if (!explanation.found) {
    const near =
      explanation.near === undefined ? "; `fslc explain --list` lists them" : `; did you mean ${explanation.near}?`;
    say(cli.stderr, `fslc: there is no diagnostic ${code}${near}\n`);
    return exitCodes.usage;
  }
  say(cli.stdout, `${explanation.text}\n`);
  return exitCodes.done;
}
