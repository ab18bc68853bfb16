/** Lists a folder or a zip archive in the same way, so that sources read both alike. Paths inside have forward slashes. */
import { readdirSync, type Stats, statSync } from "node:fs";
import { join, relative } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { DataSource } from "../../compiler/typed/tree.js";
import { reason } from "../system/reason.js";
import type { ImageRef } from "./sources/source.js";
import { decodeText, readTextFile, TextFileError } from "./text-file.js";
import type { Zip } from "./zip.js";
import { readZipNames } from "./zip-names.js";

export interface FileTree {
  /** The folder or archive itself. */
  readonly root: string;
  /** The root as the experiment writes it, for messages that say what to write instead. */
  readonly written: string;
  readonly kind: "folder" | "archive";
  /** The paths of all files in it, sorted. Hidden files and the clutter of operating systems are not among them. */
  readonly files: readonly string[];
  /** A name of an archive whose encoding is unknown. */
  readonly doubtfulName: string | undefined;
  has(path: string): boolean;
  /** @throws DiagnosticError FSL6004 if it is unreadable, too large or not UTF-8. */
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
export function openFileTree(source: DataSource, root: string): FileTree {
  const archive = isZip(root);
  const { root: written } = source.args;
  let files: string[];
  let doubtfulName: string | undefined;
  try {
    if (archive) {
      const { names, doubtful } = readZipNames(root);
      files = names.filter((name) => !isHidden(name));
      doubtfulName = doubtful;
    } else files = folderFiles(root);
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
    written: typeof written === "string" ? written : root,
    kind: archive ? "archive" : "folder",
    files,
    doubtfulName,
    has: (path) => known.has(path),
    text: async (path) => {
      try {
        return archive ? decodeText(await readZipped(root, path)) : readTextFile(join(root, path));
      } catch (error) {
        throw textError(path, error);
      }
    },
    image: (path) => (archive ? { name: path, file: root, entry: path } : { name: path, file: join(root, path) }),
  };
}

/** Returns the error for a text file that cannot be read, with its path and line. Other errors stay the same. */
export function textError(file: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const line = error instanceof TextFileError ? error.line : 1;
  return new DiagnosticError(diagnostic("FSL6004", undefined, { file, line, problem: error.message }), {
    cause: error,
  });
}

async function readZipped(root: string, path: string): Promise<Buffer> {
  // The reader is loaded only here, because `fslc check` loads every source and reads no archive.
  const { Zip: Reader } = await import("./zip.js");
  const zip: Zip = await Reader.open(root);
  try {
    return await zip.read(path);
  } finally {
    await zip.close();
  }
}

/** Describes an error of the file system with the path relative to the root. */
function problemOf(error: unknown, root: string): string {
  const { code, path, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  if (code === undefined || path === undefined) return message;
  const inner = relative(root, path);
  const what = code === "ENOENT" && inner !== "" ? "it is a broken link, or it was removed just now" : reason(error);
  return inner === "" ? what : `\`${inner}\` cannot be read: ${what}`;
}

/** Returns true for hidden files and for files that operating systems leave in folders and archives. */
export function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || clutter.has(part));
}
const clutter: ReadonlySet<string> = new Set(["__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "@eaDir"]);

/**
 * The number of folders that may be reached a second time through links. Pairs of links, each to the next folder, would
 * otherwise give 2^n paths.
 */
const mostRepeated = 1_000;

/** Says why a walk through folders ended early. */
export class LinkError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LinkError";
  }
}

/** Bounds a walk through folders whose symbolic links are followed. */
export class LinkGuard {
  private readonly visited = new Set<string>();
  private repeated = 0;

  /**
   * Enters a folder and returns its identity, for the folders in it. `above` are the identities of the folders that contain it.
   *
   * @throws LinkError if a link leads back to a folder that contains it, or if links reach very many folders again.
   */
  enter(folder: string, { dev, ino }: Pick<Stats, "dev" | "ino">, above: readonly string[]): string {
    const id = `${dev}:${ino}`;
    if (above.includes(id)) throw new LinkError(`the link \`${folder}\` leads back to a folder that contains it`);
    if (this.visited.has(id) && ++this.repeated > mostRepeated) {
      throw new LinkError(`links lead to the same folders more than ${mostRepeated} times, the last is \`${folder}\``);
    }
    this.visited.add(id);
    return id;
  }
}

/**
 * Lists the files of a folder and its subfolders. It follows symbolic links and leaves out hidden files.
 *
 * @throws LinkError if links lead in a circle, or to the same folders very often.
 */
export function folderFiles(root: string): string[] {
  const found: string[] = [];
  const guard = new LinkGuard();
  const walk = (inner: string, above: readonly string[]): void => {
    const id = guard.enter(inner, statSync(join(root, inner)), above);
    for (const entry of readdirSync(join(root, inner), { withFileTypes: true })) {
      if (isHidden(entry.name)) continue;
      const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
      const kind = entry.isSymbolicLink() ? statSync(join(root, path)) : entry;
      if (kind.isDirectory()) walk(path, [...above, id]);
      else if (kind.isFile()) found.push(path);
    }
  };
  walk("", []);
  return found;
}

/** The endings of the images that fslc reads. */
const imageEnding = /\.(png|jpe?g|gif|webp|tiff?|svg|avif|bmp|p[bgpn]m)$/i;

/** Returns true if a file name has the ending of an image that fslc reads. */
export function isImage(path: string): boolean {
  return imageEnding.test(path);
}

/** Returns the ending of a file name in lower case, with its dot, or "no ending". */
export function endingOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot < 1 ? "no ending" : name.slice(dot).toLowerCase();
}
