/** Defines how the jobs of a run are submitted to a cluster. */

/** The settings of the jobs of a run. `schemas/clusters.schema.json` describes them. */
export interface ClusterSettings {
  readonly executor: "slurm";
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly gres?: string;
  readonly time?: string;
  readonly memory?: string;
  readonly cpus?: number;
  readonly limit?: number;
  readonly episodes?: number;
  readonly args?: readonly string[];
  readonly before?: readonly string[];
  readonly pollSeconds?: number;
}
