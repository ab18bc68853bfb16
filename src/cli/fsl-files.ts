/** Finds the `.fsl` files that the arguments of a command name. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./usage-error.js";

/**
 * Returns the `.fsl` files of the given paths, in the given order. A folder stands for the files in it and in its
 * subfolders, sorted by name. A path that does not exist stays in the list, so that the command reports it.
 *
 * @throws UsageError if a folder has no `.fsl` file.
 */
export async function findFslFiles(paths: readonly string[]): Promise<string[]> {
  const files = await Promise.all(
    paths.map(async (path) => {
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => false, // The command reports the error when it reads the file.
      );
      if (!isFolder) return [path];
      const inside = await readdir(path, { recursive: true }).catch(async (error: unknown) => {
        throw (await import("./report-errors.js")).cannotRead(path, error);
      });
      const names = inside.filter((name) => name.endsWith(".fsl") && !/(?:^|[\\/])(?:node_modules|\.)/.test(name));
      if (names.length === 0) throw new UsageError(`there is no .fsl file in \`${path}\``);
      return names.sort().map((name) => join(path, name));
    }),
  );
  return [...new Set(files.flat())];
}
