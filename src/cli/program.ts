/** Defines the command line: the list of commands, and how an error in one of them becomes an exit code. */
import { CommanderError } from "commander";
import { type Cli, Command, helpExamples } from "./command.js";
import * as attach from "./commands/attach.js";
import * as cancel from "./commands/cancel.js";
import * as check from "./commands/check.js";
import * as data from "./commands/data.js";
import * as engines from "./commands/engines.js";
import * as explain from "./commands/explain.js";
import * as exportStage from "./commands/export.js";
import * as fmt from "./commands/fmt.js";
import * as init from "./commands/init.js";
import * as plan from "./commands/plan.js";
import * as predict from "./commands/predict.js";
import * as report from "./commands/report.js";
import * as run from "./commands/run.js";
import * as runs from "./commands/runs.js";
import * as serve from "./commands/serve.js";
import * as store from "./commands/store.js";
import * as support from "./commands/support.js";
import * as worker from "./commands/worker.js";
import { exitCodes } from "./exit-codes.js";
import { say } from "./say.js";
import { UsageError } from "./usage-error.js";

const commands = [
  run,
  attach,
  cancel,
  check,
  plan,
  runs,
  report,
  store,
  predict,
  serve,
  support,
  exportStage,
  explain,
  engines,
  data,
  fmt,
  init,
];

/** Runs one command line and returns the exit code. It never throws and never shows a stack trace. */
export async function main(argv: readonly string[], streams: Cli): Promise<number> {
  // It is not an error if the reader of a pipe stops early, as in `fslc plan … | head`.
  streams.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    throw error;
  });
  let exitCode: number = exitCodes.done;
  const program = await createProgram(streams, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const { reportFailure } = await import("./report-errors.js");
    return reportFailure(error, streams);
  }
}

async function createProgram(cli: Cli, exit: (code: number) => void): Promise<Command> {
  const { version } = await import("../runtime/system/package.js");
  const program = new Command("fslc")
    .description(
      "A compiler for few-shot-learning experiments: it turns one small .fsl file into a trained and evaluated model.",
    )
    .version(version, "-V, --version", "print the version")
    .helpCommand("help [command]", "print help for a command")
    .usage("<command> [options]")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc init my-experiment", "write a commented experiment to start from"],
        ["fslc run examples/emoji.fsl", "train and evaluate"],
        ["fslc plan examples/emoji.fsl", "show what would run, its size, and what is stored"],
        ["fslc explain FSL3001", "explain a diagnostic and how to fix it"],
      ]),
    );
  for (const { define } of commands) program.addCommand(define(cli, exit));
  // Jobs of a cluster call it, and nobody else.
  program.addCommand(worker.define(cli, exit), { hidden: true });
  for (const command of [program, ...program.commands, ...program.commands.flatMap((c) => c.commands)]) {
    refuseRepetitions(command);
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => say(cli.stdout, text),
        writeErr: (text) => say(cli.stderr, text),
        outputError: (text, write) => write(`${text.replace(/^error: /, "fslc: ")}${advice(text, command)}`),
      })
      .showHelpAfterError(false)
      .showSuggestionAfterError(true)
      .helpOption("-h, --help", "print this help");
  }
  return program;
}

/** Returns the line that helps with a mistake of the command line, or nothing: `fslc my.fsl` lacks a command, and `--epochs 3` a `--set`. */
function advice(text: string, command: Command): string {
  const file = /unknown command '(.*\.fsl)'/.exec(text)?.[1];
  if (file !== undefined) return `Write \`fslc run ${file}\`, or \`check\` or \`plan\` in place of \`run\`.\n`;
  const option = /unknown option '--(\w+)(?:=.*)?'\n$/.exec(text)?.[1];
  if (option === undefined || !command.options.some(({ long }) => long === "--set")) return "";
  return `A parameter of the experiment is set with \`--set ${option}=…\`; \`--help\` lists the options.\n`;
}

/** Makes a command refuse an option that is given twice, unless it collects its values: otherwise the last value would count silently. */
function refuseRepetitions(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean() || option.parseArg !== undefined) continue;
    let given: string | undefined;
    option.argParser((value: string) => {
      if (given !== undefined) {
        throw new UsageError(
          `\`${option.long} ${given}\` and \`${option.long} ${value}\` are both given. Leave one of them out`,
        );
      }
      given = value;
      return value;
    });
  }
}
