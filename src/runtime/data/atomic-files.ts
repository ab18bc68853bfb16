/** Writing what others may be reading or writing at the same time: beside, then renamed into place. */
import { randomBytes } from "node:crypto";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { reason } from "../system/reason.js";

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes the folder `path` whole or not at all: `fill` writes into another beside it. Where somebody else was quicker,
 * theirs stays: the name of such a folder says what is in it. @throws DiagnosticError FSL6031 where it cannot be written.
 */
export async function createFolder(path: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(beside, { recursive: true });
    await fill(beside);
    await rename(beside, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } catch (error) {
    throw writeError(path, error);
  } finally {
    await remove(beside);
  }
}

/** Replaces a small file. @throws DiagnosticError FSL6031 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, text);
    await rename(beside, path);
  } catch (error) {
    await remove(beside);
    throw writeError(path, error);
  }
}

/** Clears up after what is done or has failed already: that it cannot is no reason to say something else. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

const unwritable = ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST", "EFBIG"];

function writeError(path: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof DiagnosticError || typeof code !== "string" || !unwritable.includes(code)) return error;
  return new DiagnosticError(diagnostic("FSL6031", undefined, { path, reason: reason(error) }), { cause: error });
}
