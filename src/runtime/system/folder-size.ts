/** Measures folders. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Returns the total size of the files under a folder, in bytes. */
export async function folderSize(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sum;
}
