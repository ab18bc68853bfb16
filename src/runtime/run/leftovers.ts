/** Removes what killed runs have left in the home of a project and in the folder of engines. */
import { join } from "node:path";
import { enginesFolder } from "../engines/folder.js";
import { removeDeadLocks } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";
import { removeLeftovers } from "../system/temporary.js";

/** Removes the unfinished files and folders whose writers are dead. It is called at each start, because a killed process cannot do it. */
export function sweepLeftovers(project: Project): void {
  for (const dir of sweptFolders(project)) removeLeftovers(dir);
  removeDeadLocks(projectPaths.locks(project));
}

/** Returns the folders in which unfinished files and folders may lie. */
export function sweptFolders(project: Project): string[] {
  const data = projectPaths.data(project);
  const { store, checkpoints, fits, supports, locks, runs } = projectPaths;
  const folders = [project.home, data, join(data, "packs"), join(data, "sources"), enginesFolder()];
  return [
    ...folders,
    store(project),
    checkpoints(project),
    fits(project),
    supports(project),
    locks(project),
    runs(project),
  ];
}
