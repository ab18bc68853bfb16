/** Implements `fslc report [RUN]`, which writes a run as one HTML file. */
import { spawn } from "node:child_process";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { say } from "../say.js";

interface Options extends ProjectOptions {
  readonly output?: string;
  readonly figures?: string;
  readonly open?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("report")
    .description(
      "write a run as one HTML file: results, curves, confusions, stages, the experiment and how to repeat it",
    )
    .argument("[run]", "the id of a run, the beginning or the end of an id, the path of its folder, or `last`")
    .option("-o, --output <file>", "the file to write (default: report.html in the folder of the run)")
    .option("--figures <dir>", "also write each figure as SVG and its numbers as CSV into this folder")
    .option("--open", "open the report in the browser")
    .option(...projectOption)
    .addHelpText(
      "after",
      helpExamples([
        ["fslc report", "write the report of the last run into its folder"],
        ["fslc report 4fd1a2 -o birds.html --open", "write the report of a run to a file, and open it"],
        ["fslc report --figures figures", "write each figure as SVG and CSV too"],
      ]),
    )
    .action(async (run: string | undefined, options: Options) => exit(await act(cli, run ?? "last", options)));
}

async function act(cli: Cli, asked: string, { output, figures, open, ...options }: Options): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const { writeReport } = await import("../report/write.js");
  const path = await writeReport(findRun(await projectOf(options), asked), {
    ...(output === undefined ? {} : { page: resolve(output) }),
    ...(figures === undefined ? {} : { figures: resolve(figures) }),
  });
  say(cli.stdout, `${relative(process.cwd(), path) || path}\n`);
  if (figures !== undefined) say(cli.stdout, `${figures}\n`);
  if (open === true) openInBrowser(cli, path);
  return exitCodes.done;
}

/** The programs that open a file in the browser of the user, by the name of the system. */
const openers: Readonly<Record<string, readonly string[]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Opens a file in the browser. If the machine has no program for that, the message says what to do instead. */
function openInBrowser(cli: Cli, path: string): void {
  const [program = "xdg-open", ...before] = openers[process.platform] ?? [];
  const opener = spawn(program, [...before, pathToFileURL(path).href], { detached: true, stdio: "ignore" });
  opener.on("error", () =>
    say(cli.stderr, `fslc: \`${program}\` cannot be started. Open the file in a browser yourself\n`),
  );
  opener.unref();
}
