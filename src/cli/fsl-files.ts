/** Which files a command line means. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./usage-error.js";

/**
 * The `.fsl` files of paths in their order: of a folder those in it and below it, by name. What is not there stays in the
 * list, for the command to say so.
 *
 * @throws UsageError where a folder holds none.
 */
export async function findFslFiles(paths: readonly string[]): Promise<string[]> {
  const files = await Promise.all(
    paths.map(async (path) => {
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => false, // Reading it says what is wrong with it.
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
