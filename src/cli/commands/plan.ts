/** Implements `fslc plan FILE`: it reports what a run would do, and runs nothing. */
import { printableJson } from "../../common/printable.js";
import { type ClusterOptions, clusterOptions, withCluster } from "../cluster-options.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, type MachineOptions, runOptions, withExperiment, withMachine } from "../options.js";
import { say } from "../say.js";
import { compileVariants, type SweepOptions, seedsFor, withSweep } from "../sweep.js";
import { colorLevel, tableWidth, textWidth } from "../terminal.js";

interface Options extends ExperimentOptions, MachineOptions, SweepOptions, ClusterOptions {
  readonly json?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("plan").description("say what a run would do: shapes, work, memory, what is stored");
  return withCluster(withSweep(withMachine(withExperiment(command))))
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc plan experiment.fsl", "the stages, and every layer with its shape"],
        ["fslc plan experiment.fsl --set shots=5", "what another parameter would run anew"],
      ]),
    )
    .action(async (file: string, options: Options) => exit(await act(cli, file, options)));
}

async function act(cli: Cli, file: string, options: Options): Promise<number> {
  const { refusalCode, sourceReader } = await import("../experiment.js");
  const { compiled, experiments, code } = await compileVariants(cli, file, options);
  if (code !== undefined) return code;
  const { RefusedError } = await import("../../runtime/run/preflight.js");
  const { plan } = await import("../../runtime/run/plan.js");
  try {
    const cluster = await clusterOptions(compiled.project, options);
    if ("diagnostics" in cluster) throw new RefusedError(cluster.diagnostics);
    const asked = { ...runOptions(compiled, options), ...seedsFor(compiled, options), ...cluster };
    const report = await plan(experiments, asked, { costs: true, times: true });
    if (options.json) say(cli.stdout, `${printableJson(report, 2)}\n`);
    else {
      const { printPlan } = await import("../print/plan.js");
      const style = {
        width: textWidth(cli.stdout, cli.env),
        tableWidth: tableWidth(cli.stdout),
        colorLevel: colorLevel(cli.stdout, cli.env),
      };
      cli.stdout.write(printPlan(report, style));
    }
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { printDiagnostics } = await import("../report-errors.js");
    printDiagnostics(cli, error.diagnostics, sourceReader(compiled));
    return refusalCode(error.diagnostics);
  }
}
