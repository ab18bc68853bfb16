/** The commands `fslc engines install` and `fslc engines remove`, for an engine that npm cannot install. */

import { Argument } from "commander";
import type { PlaceOptions, Removal } from "../../runtime/engines/installing/place.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { withProgress } from "../progress.js";
import { say } from "../say.js";
import { bytes } from "../view/format.js";

interface Options {
  readonly gpu?: boolean;
  readonly remove?: boolean;
}

interface Installed {
  readonly version: string;
  readonly folder: string;
  readonly bytes: number;
}

type Observed = Pick<PlaceOptions, "signal" | "watch">;

/** An engine that fslc installs and removes. The functions return undefined if they were interrupted. */
interface Installable {
  readonly title: string;
  /** Returns what the build is for, if there are several. */
  readonly build: (gpu: boolean) => string;
  readonly hasGpu: boolean;
  readonly install: (cli: Cli, gpu: boolean, observed: Observed) => Promise<Installed | undefined>;
  readonly remove: (cli: Cli, observed: Observed) => Promise<Removal | undefined>;
}

const installable: Readonly<Record<string, Installable>> = {
  tensorflow: {
    title: "TensorFlow",
    build: (gpu) => (gpu ? " for CUDA" : " for the CPU"),
    hasGpu: true,
    install: async (cli, gpu, observed) => {
      const { installTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
      return installTensorflow({ gpu, projectDir: process.cwd(), env: cli.env, ...observed });
    },
    remove: async (cli, observed) => {
      const { removeTensorflow } = await import("../../runtime/engines/tensorflow/install.js");
      return removeTensorflow({ env: cli.env, ...observed });
    },
  },
  onednn: {
    title: "oneDNN",
    build: () => "",
    hasGpu: false,
    install: async (cli, _, observed) => {
      const { installOnednn } = await import("../../runtime/engines/onednn/install.js");
      return installOnednn({ projectDir: process.cwd(), env: cli.env, ...observed });
    },
    remove: async (cli, observed) => {
      const { removeOnednn } = await import("../../runtime/engines/onednn/install.js");
      return removeOnednn({ env: cli.env, ...observed });
    },
  },
};

export function defineInstall(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("install")
    .description("install oneDNN or TensorFlow for this user; the downloads are verified, and the result is tested")
    .addArgument(engineArgument())
    .option("--gpu", "TensorFlow for NVIDIA GPUs, with CUDA and cuDNN (3 GB to download, 5 GB on disk)")
    .option("--remove", "remove it: the same as `fslc engines remove`")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc engines install onednn", "oneDNN for the CPU (39 MB to download, 58 MB on disk)"],
        ["fslc engines install tensorflow", "TensorFlow for the CPU (0.3 GB to download, 0.9 GB on disk)"],
        ["fslc engines install tensorflow --gpu", "TensorFlow for NVIDIA GPUs"],
        ["fslc engines install tensorflow --remove", "remove it"],
      ]),
    );
  return command.action(async (name: string, options: Options) => {
    const gpu = options.gpu === true;
    if (gpu && installable[name]?.hasGpu !== true)
      command.error(`error: ${name} computes on the CPU only; leave out --gpu`);
    exit(await (options.remove ? remove(cli, name) : install(cli, name, gpu)));
  });
}

export function defineRemove(cli: Cli, exit: (code: number) => void): Command {
  return new Command("remove")
    .description("remove the engine that `fslc engines install` installed, and its downloads")
    .addArgument(engineArgument())
    .addHelpText("after", helpExamples([["fslc engines remove tensorflow", "remove TensorFlow"]]))
    .action(async (name: string) => exit(await remove(cli, name)));
}

const engineArgument = (): Argument => new Argument("<engine>", "the engine").choices(Object.keys(installable));

/** Returns the entry of an engine. The argument of the command has been checked. */
function entryOf(name: string): Installable {
  const entry = installable[name];
  if (entry === undefined) throw new RangeError(`${name} is not installed by fslc`);
  return entry;
}

async function install(cli: Cli, name: string, gpu: boolean): Promise<number> {
  const { title, build, install: act } = entryOf(name);
  const done = await withProgress(cli, (signal, watch) => act(cli, gpu, { signal, watch }));
  if (done === undefined) {
    say(cli.stderr, "interrupted: finished downloads are kept, and the same command continues with them\n");
    return exitCodes.interrupted;
  }
  const { version, folder, bytes: size } = done;
  say(cli.stdout, `${title} ${version}${build(gpu)} is installed and works: ${bytes(size)} in ${folder}\n`);
  say(cli.stdout, `to use it: fslc run FILE --engine ${name}\n`);
  return exitCodes.done;
}

async function remove(cli: Cli, name: string): Promise<number> {
  const { title, remove: act } = entryOf(name);
  const done = await withProgress(cli, (signal, watch) => act(cli, { signal, watch }));
  if (done === undefined) {
    say(cli.stderr, "interrupted: nothing was removed\n");
    return exitCodes.interrupted;
  }
  say(
    cli.stdout,
    done.bytes === 0
      ? `nothing to remove: there is no ${title} in ${done.folder}\n`
      : `removed ${title} from ${done.folder}: ${bytes(done.bytes)} freed\n`,
  );
  return exitCodes.done;
}
