/** Implements `fslc serve FILE STAGE`: a page and an HTTP interface that classify images with a stage of the store. */
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { OpenClassifier, OpenRequest } from "../../runtime/deploy/open-classifier.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import type { ReactTo } from "../interrupts.js";
import { type ExperimentOptions, type MachineOptions, withEngine, withParameters } from "../options.js";
import { say } from "../say.js";
import type { RunningServer } from "../serve/server.js";
import { UsageError } from "../usage-error.js";

interface Options extends ExperimentOptions, MachineOptions {
  readonly support?: string;
  readonly host: string;
  readonly port: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("serve")
    .description("open a page that names images from a few examples of each class, with a stage that has run")
    .argument("<file>", "an experiment (.fsl)")
    .argument("<stage>", "the `evaluate` or `meta` stage whose encoder and metric classify")
    .option("--support <folder>", "begin with these examples: a folder with a folder for each class, or a kept set");
  return withEngine(withParameters(command))
    .option(
      "--host <address>",
      "the address to listen at; others than loopback open the page to the network",
      "127.0.0.1",
    )
    .option("--port <n>", "the port to listen at; 0 takes a free one", "0")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc serve birds.fsl test --support photos", "photos/robin/*.jpg, photos/wren/*.jpg, … are the examples"],
        ["fslc serve birds.fsl test --port 8080", "begin without examples, at http://127.0.0.1:8080"],
      ]),
    )
    .action(async (file: string, stage: string, options: Options) => exit(await act(cli, { file, stage }, options)));
}

async function act(
  cli: Cli,
  asked: { readonly file: string; readonly stage: string },
  options: Options,
): Promise<number> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new UsageError(`\`--port ${options.port}\` is no port: it is a number from 0 to 65535`);
  const { withClassifier } = await import("../classifier.js");
  const { withInterrupts } = await import("../interrupts.js");
  return await withClassifier(cli, { ...asked, options }, async (request) => {
    const { whileReading } = await import("../../runtime/run/while-reading.js");
    let stopped = false;
    return await withInterrupts(
      () => {
        stopped = true;
      },
      (react) =>
        whileReading(request.prepared.project, () =>
          stopped ? Promise.resolve(exitCodes.interrupted) : serve(cli, request, { ...options, port }, react),
        ),
    );
  });
}

interface Places {
  readonly support?: string;
  readonly host: string;
  readonly port: number;
}

async function serve(cli: Cli, request: OpenRequest, places: Places, react: ReactTo): Promise<number> {
  const { OpenClassifier: Opened } = await import("../../runtime/deploy/open-classifier.js");
  const { isTransductive } = await import("../../runtime/deploy/posed-metric.js");
  const { sweepLeftovers } = await import("../../runtime/run/leftovers.js");
  sweepLeftovers(request.prepared.project);
  const classifier = await Opened.open(request);
  try {
    const { id, metric, span } = classifier.classifier;
    if (isTransductive(classifier.classifier)) {
      const why = `\`${metric.value.name}\` is transductive: it classifies many images together, and a page gets them one by one`;
      const help = ["use `fslc predict`, or a stage with another metric"];
      throw new DiagnosticError(diagnostic("FSL7062", span, { stage: id, why }, { help }));
    }
    const server = await open(cli, classifier, request, places);
    say(cli.stdout, `${server.address}\n`);
    say(cli.stderr, "Open this address in a browser. Ctrl-C ends the server.\n");
    await new Promise<void>((resolve) => react(resolve));
    await server.close();
    return exitCodes.done;
  } finally {
    await classifier.close();
  }
}

async function open(
  cli: Cli,
  classifier: OpenClassifier,
  { prepared: { project, experiment } }: OpenRequest,
  { support, host, port }: Places,
): Promise<RunningServer> {
  const { Session } = await import("../serve/session.js");
  const { startServer } = await import("../serve/server.js");
  const { pageFiles } = await import("../serve/files.js");
  const { pictureOf } = await import("../serve/picture.js");
  const { isLoopback } = await import("../serve/guard.js");
  const { findSupports } = await import("../../runtime/deploy/support-images.js");
  const { dataset, id, metric } = classifier.classifier;
  const { height, width } = dataset.image;
  const model = { experiment: experiment.file, stage: id, metric: metric.value.name, height, width };
  const session = new Session(classifier, project, model, join(classifier.dir, "images"));
  if (support !== undefined) await session.replaceSupports(findSupports(project, support).classes);
  if (!isLoopback(host)) {
    const risk = "whoever knows the address with its token can use the classifier and see the images";
    say(cli.stderr, `fslc: warning: ${host} is open to the network: ${risk}. The connection is not encrypted.\n`);
  }
  try {
    return await startServer({
      session,
      host,
      port,
      files: pageFiles(),
      picture: (pixels) => pictureOf(pixels, dataset.image),
      onBug: (error) => say(cli.stderr, `fslc: a request failed: ${error instanceof Error ? error.message : error}\n`),
    });
  } catch (error) {
    const { reason } = await import("../../runtime/system/reason.js");
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const why = code === "EADDRINUSE" ? "another program listens at this port" : reason(error);
    const option = code === "EADDRINUSE" || code === "EACCES" ? "--port" : "--host";
    throw new DiagnosticError(
      diagnostic("FSL7042", undefined, { option, value: option === "--port" ? port : host, why }),
    );
  }
}
