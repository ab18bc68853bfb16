/** `fslc engines install` and `remove`: an engine that npm alone cannot bring. */
import { Argument } from "commander";
import type { InstallObserver } from "../../runtime/engines/tensorflow/install-options.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { canDraw } from "../terminal.js";
import { bytes, percent, shorten } from "../view/format.js";

interface Options {
  readonly gpu?: boolean;
  readonly remove?: boolean;
}

export function defineInstall(cli: Cli, exit: (code: number) => void): Command {
  return new Command("install")
    .description("install an engine for this user: TensorFlow, checked and tried before it is put in place")
    .addArgument(engineArgument())
    .option("--gpu", "the build for NVIDIA cards, with CUDA and cuDNN (3 GB to download, 5 GB on the disk)")
    .option("--remove", "undo it: the same as `fslc engines remove`")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc engines install tensorflow", "TensorFlow for the CPU (0.3 GB to download, 0.9 GB on the disk)"],
        ["fslc engines install tensorflow --gpu", "TensorFlow for NVIDIA cards"],
        ["fslc engines install tensorflow --remove", "undo it"],
      ]),
    )
    .action(async (_: string, options: Options) =>
      exit(await (options.remove ? remove(cli) : install(cli, options.gpu === true))),
    );
}

export function defineRemove(cli: Cli, exit: (code: number) => void): Command {
  return new Command("remove")
    .description("remove an engine that `fslc engines install` installed, and its downloads")
    .addArgument(engineArgument())
    .addHelpText("after", helpExamples([["fslc engines remove tensorflow", "free the disk of it"]]))
    .action(async () => exit(await remove(cli)));
}

const engineArgument = (): Argument => new Argument("<engine>", "the engine").choices(["tensorflow"]);

async function install(cli: Cli, gpu: boolean): Promise<number> {
  const { installTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
  const done = await untilInterrupted(cli, (signal, watch) =>
    installTensorflow({ gpu, projectDir: process.cwd(), env: cli.env, signal, watch }),
  );
  if (done === undefined) {
    cli.stderr.write("interrupted: finished downloads are kept; the same command goes on from there\n");
    return exitCodes.interrupted;
  }
  const { version, folder, bytes: size } = done;
  cli.stdout.write(
    `TensorFlow ${version} for ${gpu ? "CUDA" : "the CPU"} is installed and works: ${bytes(size)} in ${folder}\n`,
  );
  cli.stdout.write("to use it: fslc run FILE --engine tensorflow\n");
  return exitCodes.done;
}

async function remove(cli: Cli): Promise<number> {
  const { removeTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
  const done = await untilInterrupted(cli, (signal, watch) => removeTensorflow({ env: cli.env, signal, watch }));
  if (done === undefined) {
    cli.stderr.write("interrupted: nothing was removed\n");
    return exitCodes.interrupted;
  }
  cli.stdout.write(
    done.bytes === 0
      ? `nothing to remove: there is no TensorFlow in ${done.folder}\n`
      : `removed TensorFlow from ${done.folder}: ${bytes(done.bytes)} freed\n`,
  );
  return exitCodes.done;
}

/** A signal stops in good order: what is still cleaned up then is not cut off by another one. */
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
 * A line for each step on stderr. On a terminal the bytes of a step are counted in it, on one row until it ends, for only a row
 * can be written again; elsewhere they are said now and then.
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
    this.text = text;
    this.done = 0;
    this.last = Date.now();
    this.cli.stderr.write(this.live ? this.row() : `${text}\n`);
    this.open = this.live;
  }

  bytes(done: number, total: number): void {
    this.done = done;
    if (Date.now() - this.last < (this.live ? 100 : 10_000)) return;
    this.last = Date.now();
    const counted = `${bytes(done)} of ${bytes(total)} (${percent(done / total, 0)} %)`;
    this.cli.stderr.write(this.live ? `\r\u001B[K${this.row(`: ${counted}`)}` : `  ${counted}\n`);
  }

  /** The step and what follows it, cut to the terminal's width. */
  private row(rest = ""): string {
    const columns = this.cli.stderr.columns || 80;
    return `${shorten(this.text, columns - 1 - rest.length)}${rest}`;
  }

  /** Ends the line of the step that is under way. */
  close(): void {
    if (this.open) this.cli.stderr.write(`\r\u001B[K${this.text}${this.done > 0 ? `: ${bytes(this.done)}` : ""}\n`);
    this.open = false;
  }
}
