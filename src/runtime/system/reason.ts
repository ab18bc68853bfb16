/** Describes errors of the file system. */
import { RefusedFileError } from "./read-file.js";

/** Returns the reason of a file-system error in plain words, without its path and code. */
export function reason(error: unknown): string {
  if (error instanceof RefusedFileError) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  if (code === "EACCES" || code === "EPERM") return "permission is denied";
  if (code === "EROFS") return "the disk is read-only";
  if (code === "ENOENT") return "there is no such file";
  if (code === "ELOOP") return "its links lead in a circle";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOTDIR" || code === "EEXIST") return "a file lies where a folder should be";
  if (code !== "") return code;
  return error instanceof Error ? error.message : String(error);
}
