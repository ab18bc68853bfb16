/** Reads the clusters of a project: how jobs are submitted to each of them, by name, in `fslc.clusters.json`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suggest } from "../../common/did-you-mean.js";
import { own } from "../../common/own.js";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Project } from "../system/project.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { schemaProblem } from "../system/schema.js";
import type { ClusterSettings } from "../worker/slurm/settings.js";

export const clustersFile = "fslc.clusters.json";

/** Returns the settings of a cluster, or the diagnostic FSL7080 if there is none or the file is not valid. */
export function readCluster({ dir }: Project, name: string): { readonly cluster: ClusterSettings } | Diagnostic {
  const path = join(dir, clustersFile);
  const refuse = (why: string, help: string[] = []): Diagnostic =>
    diagnostic("FSL7080", undefined, { name, path, why }, { help });
  if (!existsSync(path)) return refuse("there is no such file");
  let value: unknown;
  try {
    value = JSON.parse(readRegularFile(path, mostBytes.list).toString("utf8"));
  } catch (error) {
    return refuse(error instanceof SyntaxError ? `it is not JSON: ${error.message}` : reason(error));
  }
  const problem = schemaProblem("clusters", value);
  if (problem !== undefined) return refuse(problem);
  const clusters = value as Readonly<Record<string, ClusterSettings>>;
  const cluster = own(clusters, name);
  return cluster === undefined ? refuse("it has no such cluster", suggest(name, Object.keys(clusters))) : { cluster };
}
