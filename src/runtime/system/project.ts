/** Finds the project of a file: the folder at which relative paths start, and the folder in which fslc keeps its files. */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

export interface Project {
  /** The absolute path of the project. Imports stay inside it. Dataset roots and module ids are relative to it. */
  readonly dir: string;
  /** The absolute path of the folder in which fslc keeps its files, by default `.fslc` in the project. */
  readonly home: string;
}

const marks = [".fslc", "package.json", ".git"];

/**
 * Returns the project of an experiment file: the nearest folder above it that has `.fslc`, `package.json` or `.git` in it, and
 * otherwise the folder of the file. It does not depend on the working directory, so a run finds its store from anywhere.
 */
export function findProject(file: string, options: { dir?: string; home?: string } = {}): Project {
  const own = dirname(resolve(file));
  let dir = options.dir === undefined ? own : resolve(options.dir);
  if (options.dir === undefined) {
    for (let up = own; ; up = dirname(up)) {
      if (marks.some((mark) => existsSync(join(up, mark)))) {
        dir = up;
        break;
      }
      if (dirname(up) === up) break;
    }
  }
  return { dir, home: options.home === undefined ? join(dir, ".fslc") : resolve(options.home) };
}

/** Returns true if a path, relative to a project or absolute, leads out of the project by itself or by a link on it. */
export function leavesProject({ dir }: Project, path: string): boolean {
  const inside = relative(realPath(dir), realPath(resolve(dir, path)));
  return inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
}

/** Returns a path without links. Of a path that does not exist, it follows the links up to the folder that exists. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(realPath(above), basename(path));
  }
}

/** Returns the paths of the folders in the home of a project. */
export const projectPaths = {
  store: (project: Project): string => join(project.home, "store"),
  runs: (project: Project): string => join(project.home, "runs"),
  /** The folder of the states of unfinished trainings. */
  checkpoints: (project: Project): string => join(project.home, "checkpoints"),
  /** The folder of the values that metrics have fitted from base data. */
  fits: (project: Project): string => join(project.home, "fits"),
  /** The folder of the kept sets of supports. */
  supports: (project: Project): string => join(project.home, "supports"),
  data: (project: Project): string => join(project.home, "data"),
  /** The folder of jobs that other machines run. */
  jobs: (project: Project): string => join(project.home, "jobs"),
  locks: (project: Project): string => join(project.home, "locks"),
};

/** Turns the id of a stage or dataset into a file name. */
export function toFileName(id: string): string {
  return id.replace(/[^\w.-]/g, "_");
}
