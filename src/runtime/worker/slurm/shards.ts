/** Divides evaluations of many episodes among jobs. */
import type { Job } from "../../stages/job.js";

/** The most episodes of an evaluation that is one job, if the settings name no number. */
const episodesPerJob = 2000;

/** Returns the parts into which a job is divided, or none if it is one job. */
export function shardsOf(job: Job, episodes = episodesPerJob): NonNullable<Job["shard"]>[] {
  const stage = job.experiment.stages.find(({ id }) => id === job.target);
  if (stage?.kind !== "evaluate") return [];
  const total = stage.rows.reduce((sum, row) => sum + row.episodes, 0);
  if (total <= episodes) return [];
  const of = Math.ceil(total / episodes);
  return Array.from({ length: of }, (_, index) => ({ index, of }));
}
