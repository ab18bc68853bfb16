/** Names the folder of a job. Two runs that would compute the same in the same way give it the same name, so one can take over the job of the other. */
import type { EngineRequest } from "../../engines/select.js";
import type { Job } from "../../stages/job.js";
import { sha256 } from "../../system/sha256.js";

export function jobId(job: Job, asked: EngineRequest, cpus: number | undefined): string {
  const ingest = job.key === "" ? [job.target, job.experiment.datasets] : [];
  // A stage that is forced is computed anew, so it is nobody else's.
  const own = job.fresh || job.reuseExact ? [job.runDir] : [];
  return sha256(JSON.stringify([job.key, ingest, job.shard ?? null, asked, cpus ?? null, own])).slice(0, 32);
}
