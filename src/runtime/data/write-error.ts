/** Names errors of the file system while downloads and packed images are written. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { reason } from "../system/reason.js";
import type { IngestOptions } from "./contract.js";

const unwritable = [
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "ENOTDIR",
  "EEXIST",
  "ENOTEMPTY",
  "EISDIR",
  "EFBIG",
];

/**
 * Waits for work that writes `path`.
 *
 * @throws DiagnosticError FSL6031 if the path cannot be written. Other errors are thrown as they are.
 */
export async function writing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (error instanceof DiagnosticError || typeof code !== "string" || !unwritable.includes(code)) throw error;
    throw new DiagnosticError(diagnostic("FSL6031", undefined, { path, reason: reason(error) }), { cause: error });
  }
}

/** Waits for work that writes a file which only saves time later. If the file cannot be written, a note says so and the work goes on. */
export async function remembering(path: string, work: Promise<void>, onNote: IngestOptions["onNote"]): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    const message = `${path} cannot be written: ${reason(error)}. Nothing is lost, but every run looks through the images again`;
    onNote?.({ message });
  }
}
