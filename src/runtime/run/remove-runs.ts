/** Removes runs: their folders, with events, results and logs. The stages that they computed stay in the store. */
import { basename, dirname, join, resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { discard } from "../system/discard.js";
import { folderSize } from "../system/folder-size.js";
import { type Project, projectPaths, realPath } from "../system/project.js";
import { reason } from "../system/reason.js";
import { runsGoingOn } from "./run-folder.js";
import { findRun } from "./runs.js";

export interface RemovedRun {
  readonly run: string;
  readonly dir: string;
  readonly bytes: number;
}

/**
 * Removes runs by their names. Either all of the names are valid, or nothing is removed.
 *
 * @throws DiagnosticError FSL7051 if there is no such run, FSL7055 if a run is going on, FSL7031 if a folder cannot be removed.
 */
export async function removeRuns(project: Project, asked: readonly string[]): Promise<RemovedRun[]> {
  const dirs = [...new Set(asked.map((name) => ownRun(project, name)))];
  const live = dirs.map((dir) => basename(dir)).find((id) => runsGoingOn(project).has(id));
  if (live !== undefined) throw new DiagnosticError(diagnostic("FSL7055", undefined, { run: live }));
  const removed: RemovedRun[] = [];
  for (const dir of dirs) {
    const bytes = await folderSize(dir);
    try {
      discard(dir, dirname(dir))();
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
    }
    removed.push({ run: basename(dir), dir, bytes });
  }
  return removed;
}

/** Returns the folder of a run of this project. A run of another project is not removed, because only that project knows if it is going on. */
function ownRun(project: Project, asked: string): string {
  const { dir } = findRun(project, asked);
  const runs = projectPaths.runs(project);
  // A link among the runs is removed itself, not the folder that it leads to.
  if (realPath(dirname(resolve(dir))) === realPath(runs)) return join(realPath(runs), basename(resolve(dir)));
  const why = "it is in another project";
  const help = ["name that project: `fslc runs rm RUN --project DIR`"];
  throw new DiagnosticError(diagnostic("FSL7051", undefined, { run: asked, why }, { help }));
}
