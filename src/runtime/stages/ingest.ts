/** Runs an ingest: it decodes the images of a dataset once and writes them into a pack. */
import type { Dataset } from "../../compiler/typed/tree.js";
import { ingest } from "../data/index.js";
import { projectPaths } from "../system/project.js";
import { type JobContext, StoppedError } from "./context.js";

export async function runIngest(dataset: Dataset, context: JobContext): Promise<void> {
  const { job, progress, emit } = context;
  const abort = new AbortController();
  // An ingest has no steps between which it could check for a stop, so a timer checks.
  const stopTimer = setInterval(() => {
    if (progress.stopRequested) abort.abort();
  }, 100);
  try {
    const pack = await ingest(dataset, {
      cacheDir: projectPaths.data(job.project),
      projectDir: job.project.dir,
      threads: job.threads.engine,
      signal: abort.signal,
      onProgress: (report) => {
        if (!progress.stopRequested) progress.step();
        emit({ type: "stage.progress", ...report });
      },
    });
    if (pack.skipped.length > 0) {
      const some = pack.skipped.slice(0, 3).join(", ");
      emit({ type: "stage.note", message: `${pack.skipped.length} unreadable images left out: ${some}, …` });
    }
  } catch (error) {
    if (abort.signal.aborted) throw new StoppedError();
    throw error;
  } finally {
    clearInterval(stopTimer);
  }
}
