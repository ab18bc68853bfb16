/** Runs an ingest: it decodes the images of a dataset once and writes them into a pack. */
import type { Dataset } from "../../compiler/typed/tree.js";
import type { IngestOptions, Pack } from "../data/contract.js";
import { type DamagedPackError, ingest, repairPack } from "../data/index.js";
import { projectPaths } from "../system/project.js";
import { type JobContext, StoppedError } from "./context.js";

export async function runIngest(dataset: Dataset, context: JobContext): Promise<void> {
  const pack = await stoppable(context, (options) => ingest(dataset, options));
  if (pack.skipped.length > 0) {
    const some = pack.skipped.slice(0, 3).join(", ");
    context.emit({ type: "stage.note", message: `${pack.skipped.length} unreadable images left out: ${some}, …` });
  }
}

/** Makes the pack of a dataset again, in which an image turned out to be damaged. */
export async function repair(dataset: Dataset, error: DamagedPackError, context: JobContext): Promise<Pack> {
  return await stoppable(context, (options) => repairPack(dataset, error, options));
}

/** Prepares images until they are ready or the job is stopped. @throws StoppedError if it is stopped. */
async function stoppable(context: JobContext, work: (options: IngestOptions) => Promise<Pack>): Promise<Pack> {
  const { job, progress, emit } = context;
  const abort = new AbortController();
  // An ingest has no steps between which it could check for a stop, so a timer checks.
  const stopTimer = setInterval(() => {
    if (progress.stopRequested) abort.abort();
  }, 100);
  try {
    return await work({
      cacheDir: projectPaths.data(job.project),
      projectDir: job.project.dir,
      threads: job.threads.engine,
      signal: abort.signal,
      onProgress: (report) => {
        if (!progress.stopRequested) progress.step();
        emit({ type: "stage.progress", ...report });
      },
      onNote: (note) => emit({ type: "stage.note", ...note }),
    });
  } catch (error) {
    if (abort.signal.aborted) throw new StoppedError();
    throw error;
  } finally {
    clearInterval(stopTimer);
  }
}
