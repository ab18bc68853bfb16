/** `fslc engines`: what can compute here, and for what cannot, why and the command that mends it. */
import { type Cli, Command, examples } from "../command.js";
import { EXIT } from "../exit.js";
import { defineInstall, defineRemove } from "./engines-install.js";

interface Options {
  readonly json?: boolean;
  readonly fetch?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("engines")
    .description("list the engines: available or not, why, and what mends it")
    .option("--json", "as JSON")
    .option("--fetch", "fetch an engine that the installation left out from the npm registry")
    .addCommand(defineInstall(cli, exit))
    .addCommand(defineRemove(cli, exit))
    .addHelpText(
      "after",
      examples([
        ["fslc engines", "list them"],
        ["fslc engines install tensorflow", "install one that npm alone cannot bring"],
      ]),
    )
    .action(async (options: Options) => exit(await act(cli, options)));
}

async function act(cli: Cli, options: Options): Promise<number> {
  if (options.fetch) {
    const { fetchMissingEngine } = await import("../engine-fetch.js");
    await fetchMissingEngine(cli, process.cwd());
  }
  const { probeEngines } = await import("../../runtime/engines/index.js");
  const engines = await probeEngines();
  if (options.json) {
    cli.stdout.write(`${JSON.stringify(engines, null, 2)}\n`);
    return EXIT.done;
  }
  const width = Math.max(...engines.map((e) => e.name.length));
  for (const { name, availability } of engines) {
    const title = name.padEnd(width);
    cli.stdout.write(
      availability.available
        ? `✔ ${title}  ${availability.version}  devices: ${availability.devices.join(", ")}\n`
        : `✘ ${title}  not available: ${availability.why}\n  ${" ".repeat(width)}  mend: ${availability.mend}\n`,
    );
  }
  return EXIT.done;
}
