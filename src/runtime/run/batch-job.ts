/** Runs a job of a batch that another process has submitted to a cluster. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tasksFile } from "../worker/job-folder.js";
import { runRemoteJob } from "../worker/remote-worker.js";

/** Runs the job with an index in the folder of a batch to its end. Returns false if the batch has no such job. */
export async function runBatchJob(batch: string, index: number): Promise<boolean> {
  const jobs = JSON.parse(readFileSync(join(batch, tasksFile), "utf8")) as readonly string[];
  const dir = jobs[index];
  if (dir === undefined) return false;
  await runRemoteJob(dir);
  return true;
}
