/**
 * Writes files and folders that other processes may read or write at the same time: they are written under a temporary name
 * and then renamed.
 */
import { access, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { reason } from "../system/reason.js";
import { temporaryPath } from "../system/temporary.js";

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Creates the folder `path` completely or not at all: `fill` writes to a temporary folder beside it. If another process
 * creates the folder first, that one stays, because the name of such a folder determines its content. The files are on the
 * disk before the folder has its name, so that a power failure leaves no folder with empty files.
 *
 * @throws DiagnosticError FSL6031 if the folder cannot be written.
 */
export async function createFolder(path: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const beside = temporaryPath(path);
  try {
    await mkdir(beside, { recursive: true });
    await fill(beside);
    for (const { name } of (await readdir(beside, { withFileTypes: true })).filter((one) => one.isFile())) {
      await flushToDisk(join(beside, name));
    }
    await flushToDisk(beside);
    await rename(beside, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
    await flushToDisk(dirname(path));
  } catch (error) {
    throw writeError(path, error);
  } finally {
    await remove(beside);
  }
}

/**
 * Replaces a small file.
 *
 * @throws DiagnosticError FSL6031 if the file cannot be written.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = temporaryPath(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, text, { flush: true });
    await rename(beside, path);
  } catch (error) {
    await remove(beside);
    throw writeError(path, error);
  }
}

/** Waits until a file or the entries of a folder are on the disk. Not every file system can do that for a folder. */
async function flushToDisk(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}

/** Removes a temporary file or folder. A failure is ignored, because the work is done or its own error is more important. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

const unwritable = ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST", "EFBIG"];

function writeError(path: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof DiagnosticError || typeof code !== "string" || !unwritable.includes(code)) return error;
  return new DiagnosticError(diagnostic("FSL6031", undefined, { path, reason: reason(error) }), { cause: error });
}
