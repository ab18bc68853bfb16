/** Implements the hidden command `fslc worker`, by which a job of a cluster runs a stage. */
import { type Cli, Command } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { UsageError } from "../usage-error.js";

export function define(_: Cli, exit: (code: number) => void): Command {
  return new Command("worker")
    .description("run one job of a batch; jobs of a cluster call this")
    .requiredOption("--batch <dir>", "the folder of the batch")
    .requiredOption("--index <n>", "the index of the job")
    .action(async ({ batch, index }: { batch: string; index: string }) => exit(await act(batch, index)));
}

async function act(batch: string, index: string): Promise<number> {
  const { runBatchJob } = await import("../../runtime/run/batch-job.js");
  if (!(await runBatchJob(batch, Number(index)))) throw new UsageError(`the batch has no job ${index}`);
  return exitCodes.done;
}
