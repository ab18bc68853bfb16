/** Measures files and folders. */
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

/** Returns the size of a file, or of the files under a folder. What another process removes in the meantime has no size. */
export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 0;
  return found.isDirectory() ? await folderSize(path).catch(() => 0) : found.size;
}
