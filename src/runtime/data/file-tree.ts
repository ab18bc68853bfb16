/** Lists a folder or a zip archive in the same way, so that sources read both alike. Paths inside have forward slashes. */
import { readdirSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { DataSource } from "../../compiler/typed/tree.js";
import { reason } from "../system/reason.js";
import type { ImageRef } from "./sources/source.js";
import type { Zip } from "./zip.js";

export interface FileTree {
  /** The folder or archive itself. */
  readonly root: string;
  /** The paths of all files in it, sorted. */
  readonly files: readonly string[];
  has(path: string): boolean;
  text(path: string): Promise<string>;
  image(path: string): ImageRef;
}

/** Returns true if a path has the ending of a zip archive. */
export function isZip(path: string): boolean {
  return path.toLowerCase().endsWith(".zip");
}

export function isTarGz(path: string): boolean {
  return /\.(tar\.gz|tgz)$/i.test(path);
}

/**
 * Lists a folder or archive.
 *
 * @throws DiagnosticError FSL6002 if it is neither, or if it is damaged.
 */
export async function openFileTree(source: DataSource, root: string): Promise<FileTree> {
  let files: string[];
  try {
    files = isZip(root) ? await zipFiles(root) : await folderFiles(root);
  } catch (error) {
    const problem = problemOf(error, root);
    throw new DiagnosticError(diagnostic("FSL6002", undefined, { source: source.kind, path: root, problem }), {
      cause: error,
    });
  }
  files.sort();
  const known = new Set(files);
  return {
    root,
    files,
    has: (path) => known.has(path),
    async text(path) {
      if (!isZip(root)) return await readFile(join(root, path), "utf8");
      const zip = await openZip(root);
      try {
        return (await zip.read(path)).toString("utf8");
      } finally {
        await zip.close();
      }
    },
    image: (path) => (isZip(root) ? { name: path, file: root, entry: path } : { name: path, file: join(root, path) }),
  };
}

/** Describes an error of the file system with the path relative to the root. */
function problemOf(error: unknown, root: string): string {
  const { code, path, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  if (code === undefined || path === undefined) return message;
  const what = code === "ENOENT" ? "it is a broken link, or it was removed just now" : reason(error);
  return `\`${relative(root, path)}\` cannot be read: ${what}`;
}

/** Opens a zip archive. Its reader is loaded only here, because `fslc check` loads every source and reads no archive. */
async function openZip(root: string): Promise<Zip> {
  const { Zip } = await import("./zip.js");
  return Zip.open(root);
}

async function zipFiles(root: string): Promise<string[]> {
  const zip = await openZip(root);
  await zip.close();
  return [...zip.names()];
}

/** Lists the files of a folder and its subfolders. It follows symbolic links and leaves out hidden files. */
async function folderFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (inner: string): Promise<void> => {
    const entries = await readdir(join(root, inner), { withFileTypes: true });
    for (const entry of entries) {
      if (entry.name.startsWith(".")) continue;
      const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
      const kind = entry.isSymbolicLink() ? await stat(join(root, path)) : entry;
      if (kind.isDirectory()) await walk(path);
      else if (kind.isFile()) found.push(path);
    }
  };
  await walk("");
  return found;
}

/** Does the same as `folderFiles` synchronously, for the facts of a dataset. */
export function folderFilesSync(root: string): string[] {
  const found: string[] = [];
  const walk = (inner: string): void => {
    for (const entry of readdirSync(join(root, inner), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
      const kind = entry.isSymbolicLink() ? statSync(join(root, path)) : entry;
      if (kind.isDirectory()) walk(path);
      else if (kind.isFile()) found.push(path);
    }
  };
  walk("");
  return found;
}

/** Returns true if a file name has the ending of an image. */
export function isImage(path: string): boolean {
  return /\.(png|jpe?g|gif|webp|tiff?|bmp|svg|avif)$/i.test(path);
}
