/** Defines and reads the options `--executor` and `--cluster`. */
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { RunOptions } from "../runtime/run/preflight.js";
import type { Project } from "../runtime/system/project.js";
import type { Command } from "./command.js";
import { UsageError } from "./usage-error.js";

export interface ClusterOptions {
  readonly executor?: string;
  readonly cluster?: string;
}

export function withCluster(command: Command): Command {
  return command
    .option("--executor <name>", "what computes the stages: `local` (default) or `slurm`")
    .option("--cluster <name>", "an entry of fslc.clusters.json that says how the jobs of a cluster run");
}

/**
 * Returns the settings of the cluster that computes, nothing if this machine does, or what is wrong with them.
 *
 * @throws UsageError if there is no such executor, or the two options contradict each other.
 */
export async function clusterOptions(
  project: Project,
  { executor, cluster }: ClusterOptions,
): Promise<Pick<RunOptions, "cluster"> | { readonly diagnostics: readonly Diagnostic[] }> {
  if (executor !== undefined && executor !== "local" && executor !== "slurm") {
    throw new UsageError(`there is no executor \`${executor}\`. The executors are local, slurm`);
  }
  if (cluster === undefined) return executor === "slurm" ? { cluster: { executor } } : {};
  const { readCluster } = await import("../runtime/run/cluster-settings.js");
  const read = readCluster(project, cluster);
  if (!("cluster" in read)) return { diagnostics: [read] };
  if (executor === "local")
    throw new UsageError(`\`--executor local\` and \`--cluster ${cluster}\` contradict each other`);
  return read;
}
