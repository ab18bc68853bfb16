/** The commands `fslc engines install` and `fslc engines remove`, for an engine that npm cannot install. */

import { Argument } from "commander";
import { printable } from "../../common/printable.js";
import type { InstallObserver } from "../../runtime/engines/tensorflow/install-options.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { say } from "../say.js";
import { canDraw } from "../terminal.js";
import { bytes, percent, shorten } from "../view/format.js";

interface Options {
  readonly gpu?: boolean;
  readonly remove?: boolean;
}

export function defineInstall(cli: Cli, exit: (code: number) => void): Command {
  return new Command("install")
    .description("install TensorFlow for this user; the downloads are verified, and the result is tested")
    .addArgument(engineArgument())
    .option("--gpu", "the build for NVIDIA GPUs, with CUDA and cuDNN (3 GB to download, 5 GB on disk)")
    .option("--remove", "remove it: the same as `fslc engines remove`")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc engines install tensorflow", "TensorFlow for the CPU (0.3 GB to download, 0.9 GB on disk)"],
        ["fslc engines install tensorflow --gpu", "TensorFlow for NVIDIA GPUs"],
        ["fslc engines install tensorflow --remove", "remove it"],
      ]),
    )
    .action(async (_: string, options: Options) =>
      exit(await (options.remove ? remove(cli) : install(cli, options.gpu === true))),
    );
}

export function defineRemove(cli: Cli, exit: (code: number) => void): Command {
  return new Command("remove")
    .description("remove the engine that `fslc engines install` installed, and its downloads")
    .addArgument(engineArgument())
    .addHelpText("after", helpExamples([["fslc engines remove tensorflow", "remove TensorFlow"]]))
    .action(async () => exit(await remove(cli)));
}

const engineArgument = (): Argument => new Argument("<engine>", "the engine").choices(["tensorflow"]);

async function install(cli: Cli, gpu: boolean): Promise<number> {
  const { installTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
  const done = await untilInterrupted(cli, (signal, watch) =>
    installTensorflow({ gpu, projectDir: process.cwd(), env: cli.env, signal, watch }),
  );
  if (done === undefined) {
    say(cli.stderr, "interrupted: finished downloads are kept, and the same command continues with them\n");
    return exitCodes.interrupted;
  }
  const { version, folder, bytes: size } = done;
  say(
    cli.stdout,
    `TensorFlow ${version} for ${gpu ? "CUDA" : "the CPU"} is installed and works: ${bytes(size)} in ${folder}\n`,
  );
  say(cli.stdout, "to use it: fslc run FILE --engine tensorflow\n");
  return exitCodes.done;
}

async function remove(cli: Cli): Promise<number> {
  const { removeTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
  const done = await untilInterrupted(cli, (signal, watch) => removeTensorflow({ env: cli.env, signal, watch }));
  if (done === undefined) {
    say(cli.stderr, "interrupted: nothing was removed\n");
    return exitCodes.interrupted;
  }
  say(
    cli.stdout,
    done.bytes === 0
      ? `nothing to remove: there is no TensorFlow in ${done.folder}\n`
      : `removed TensorFlow from ${done.folder}: ${bytes(done.bytes)} freed\n`,
  );
  return exitCodes.done;
}

/** Runs `act` and aborts it on a signal. Further signals do not interrupt the cleanup. */
async function untilInterrupted<T>(
  cli: Cli,
  act: (signal: AbortSignal, watch: InstallObserver) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  const progress = new Progress(cli);
  try {
    return await act(stop.signal, progress);
  } finally {
    progress.close();
    for (const name of signals) process.off(name, onSignal);
  }
}

/**
 * Prints a line for each step on stderr. On a terminal, the line counts the bytes of the step; it stays on one row until the step
 * ends, because only one row can be rewritten. Elsewhere the count is printed from time to time.
 */
export class Progress implements InstallObserver {
  private readonly live: boolean;
  private text = "";
  private open = false;
  private last = 0;
  private done = 0;

  constructor(private readonly cli: Cli) {
    this.live = canDraw(cli.stderr, cli.env);
  }

  step(text: string): void {
    this.close();
    this.text = printable(text);
    this.done = 0;
    this.last = Date.now();
    this.cli.stderr.write(this.live ? this.row() : `${this.text}\n`);
    this.open = this.live;
  }

  bytes(done: number, total: number): void {
    this.done = done;
    if (Date.now() - this.last < (this.live ? 100 : 10_000)) return;
    this.last = Date.now();
    const counted = `${bytes(done)} of ${bytes(total)} (${percent(done / total, 0)} %)`;
    this.cli.stderr.write(this.live ? `\r\u001B[K${this.row(`: ${counted}`)}` : `  ${counted}\n`);
  }

  /** Returns the text of the step with `rest`, cut to the width of the terminal. */
  private row(rest = ""): string {
    const columns = this.cli.stderr.columns || 80;
    return `${shorten(this.text, columns - 1 - rest.length)}${rest}`;
  }

  /** Ends the line of the current step. */
  close(): void {
    if (this.open) this.cli.stderr.write(`\r\u001B[K${this.text}${this.done > 0 ? `: ${bytes(this.done)}` : ""}\n`);
    this.open = false;
  }
}
