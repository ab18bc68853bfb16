/** The command `fslc engines`: lists the engines that this machine can use, and for the others the reason and the fix. */
import { printableJson } from "../../common/printable.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { say } from "../say.js";
import { textWidth } from "../terminal.js";
import { defineInstall, defineRemove } from "./engines-install.js";

interface Options {
  readonly json?: boolean;
  readonly fetch?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("engines")
    .description("list the engines and their devices; for those that cannot be used, the reason and the fix")
    .option("--json", "as JSON")
    .option("--fetch", "download ONNX Runtime from the npm registry, if the installation of fslc left it out")
    .addCommand(defineInstall(cli, exit))
    .addCommand(defineRemove(cli, exit))
    .addHelpText(
      "after",
      helpExamples([
        ["fslc engines", "list the engines of this machine"],
        ["fslc engines install onednn", "install oneDNN, a fast engine for CPUs"],
        ["fslc engines install tensorflow", "install TensorFlow, which npm cannot install"],
      ]),
    )
    .action(async (options: Options) => exit(await act(cli, options)));
}

async function act(cli: Cli, options: Options): Promise<number> {
  if (options.fetch) {
    const { fetchMissingEngine } = await import("../engine-fetch.js");
    if (!(await fetchMissingEngine(cli, process.cwd()))) return exitCodes.interrupted;
  }
  const { probeEngines } = await import("../../runtime/engines/index.js");
  const { autoChoice, speedsFor } = await import("../../runtime/engines/select.js");
  const engines = await probeEngines();
  const auto = autoChoice(engines, undefined, await speedsFor(engines));
  if (options.json) say(cli.stdout, `${printableJson({ engines, auto: auto ?? null }, 2)}\n`);
  else {
    const { printEngines } = await import("../print/engines.js");
    say(cli.stdout, printEngines(engines, auto, textWidth(cli.stdout, cli.env)));
  }
  return exitCodes.done;
}
