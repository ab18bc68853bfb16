/**
 * Writes files and folders that are complete or absent, even if a process dies or the power fails. They are written under a temporary
 * name, flushed to the disk, and renamed. Errors of the file system are thrown as they are: each caller names them for its users.
 */
import { access, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryPath } from "./temporary.js";

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Creates the folder `path` completely or not at all. `fill` writes files into a temporary folder beside it. If another process creates
 * the folder first, that one stays, because the name of such a folder determines its content.
 */
export async function createFolder(path: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const beside = temporaryPath(path);
  try {
    await completeFolder(beside, path, fill);
  } finally {
    await remove(beside);
  }
}

/**
 * Lets `fill` complete the folder `beside`, which may have unfinished work in it, and renames it to `path`. If another process creates that
 * folder first, that one stays and `beside` is removed. If `fill` fails, `beside` stays as it is.
 */
export async function completeFolder(
  beside: string,
  path: string,
  fill: (beside: string) => Promise<void>,
): Promise<void> {
  await fillFolder(beside, fill);
  await renameFolder(beside, path).catch(async (error: unknown) => {
    if (!(await exists(path))) throw error;
    await remove(beside);
  });
}

/** Creates a folder, lets `fill` write files into it, and waits until they and their names are on the disk. */
export async function fillFolder(path: string, fill: (path: string) => Promise<void>): Promise<void> {
  await mkdir(path, { recursive: true });
  await fill(path);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isFile()) await flushFile(join(path, entry.name));
  }
  await flushFolder(path);
}

/** Renames a folder that is on the disk, and waits until its new name is there too. */
export async function renameFolder(from: string, to: string): Promise<void> {
  await rename(from, to);
  await flushFolder(dirname(to));
}

/** Replaces a file, or creates it and its folder. Readers see the old content or the new one, never a part. */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  { mode }: { readonly mode?: number } = {},
): Promise<void> {
  const beside = temporaryPath(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, content, { flush: true, ...(mode === undefined ? {} : { mode }) });
    await rename(beside, path);
  } catch (error) {
    await remove(beside);
    throw error;
  }
  await flushFolder(dirname(path));
}

async function flushFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the names in a folder are on the disk. Some systems and file systems cannot do that, and need no such call. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Removes a file or folder that nobody needs. A failure is ignored, because the work is done or its own error is more important. */
export async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}
