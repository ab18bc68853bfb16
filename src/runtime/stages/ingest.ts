/** `ingest`: a dataset's images decoded once into a pack. */
import type { Dataset } from "../../compiler/typed/tree.js";
import { ingest } from "../data/index.js";
import { projectPaths } from "../system/project.js";
import { type StageContext, Stopped } from "./context.js";

export async function runIngest(dataset: Dataset, context: StageContext): Promise<void> {
  const { job, progress, emit } = context;
  const abort = new AbortController();
  // An ingest is not made of steps that it could be asked between: look out for the word to stop.
  const watch = setInterval(() => {
    if (progress.stopping) abort.abort();
  }, 100);
  try {
    const pack = await ingest(dataset, {
      cacheDir: projectPaths.data(job.project),
      projectDir: job.project.dir,
      threads: job.threads.engine,
      signal: abort.signal,
      onProgress: (report) => {
        if (!progress.stopping) progress.step();
        emit({ type: "stage.progress", ...report });
      },
    });
    if (pack.skipped.length > 0) {
      const some = pack.skipped.slice(0, 3).join(", ");
      emit({ type: "stage.note", message: `${pack.skipped.length} unreadable images left out: ${some}, …` });
    }
  } catch (error) {
    if (abort.signal.aborted) throw new Stopped();
    throw error;
  } finally {
    clearInterval(watch);
  }
}
