/** A project: the folder that relative paths start from, and the folder that fslc keeps its things in. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export interface Project {
  /** Absolute. Imports stay inside it; dataset roots and module ids are relative to it. */
  readonly dir: string;
  /** Absolute; `.fslc` in the project unless the user says otherwise. */
  readonly home: string;
}

const marks = [".fslc", "package.json", ".git"];

/**
 * The project of an experiment file: the nearest folder above it with `.fslc`, `package.json` or `.git` in it, else the
 * file's own folder. It does not depend on the working directory, so a run finds its store from anywhere.
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

/** What lies where in a project's home. */
export const projectPaths = {
  store: (project: Project): string => join(project.home, "store"),
  runs: (project: Project): string => join(project.home, "runs"),
  /** Values that metrics have fitted from base data. */
  fits: (project: Project): string => join(project.home, "fits"),
  data: (project: Project): string => join(project.home, "data"),
  locks: (project: Project): string => join(project.home, "locks"),
};

/** The id of a stage or dataset as the name of a file. */
export function toFileName(id: string): string {
  return id.replace(/[^\w.-]/g, "_");
}
