/** Keeps sets of supports in a project under names, so that predictions and pages can use them again. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { type Project, projectPaths } from "../system/project.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { isTemporary, temporaryPath } from "../system/temporary.js";

/** A class with the files of its images. The name of an image is that of the file from which it came. */
export interface ImageFiles {
  readonly name: string;
  readonly images: readonly { readonly name: string; readonly file: string }[];
}

/** The index of a set. Its images are in files that are named by their digests, so no name from outside is ever a path. */
interface SetIndex {
  readonly format: 1;
  readonly classes: readonly { readonly name: string; readonly images: readonly { name: string; sha256: string }[] }[];
}

export interface KeptSet {
  readonly name: string;
  readonly classes: readonly { readonly name: string; readonly images: number }[];
}

const indexFile = "set.json";
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Tells whether a text can name a set: it is the name of a folder on every system. */
export function isSetName(name: string): boolean {
  return namePattern.test(name) && !isTemporary(name);
}

/** Returns the sets of a project, by name. A set that cannot be read is left out. */
export function listKeptSets(project: Project): KeptSet[] {
  let names: string[];
  try {
    names = readdirSync(projectPaths.supports(project)).filter(isSetName).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const index = readIndex(project, name);
    if (index === undefined) return [];
    return [{ name, classes: index.classes.map((one) => ({ name: one.name, images: one.images.length })) }];
  });
}

/** Returns the images of a set, or undefined if there is none of this name. */
export function openKeptSet(project: Project, name: string): ImageFiles[] | undefined {
  const index = isSetName(name) ? readIndex(project, name) : undefined;
  const folder = setFolder(project, name);
  return index?.classes.map((one) => ({
    name: one.name,
    images: one.images.map(({ name: image, sha256 }) => ({ name: image, file: join(folder, basename(sha256)) })),
  }));
}

/** Writes a set, completely or not at all. A set of this name is replaced. @throws DiagnosticError FSL7031 if it cannot be written */
export function writeKeptSet(project: Project, name: string, classes: readonly ImageFiles[]): void {
  if (!isSetName(name)) throw new Error(`${name} cannot name a set`);
  const target = setFolder(project, name);
  const fresh = temporaryPath(target);
  const old = temporaryPath(target);
  try {
    mkdirSync(fresh, { recursive: true });
    const index: SetIndex = {
      format: 1,
      classes: classes.map((one) => ({
        name: one.name,
        images: copyImages(one.images, fresh),
      })),
    };
    writeFileSync(join(fresh, indexFile), JSON.stringify(index));
    if (statSync(target, { throwIfNoEntry: false }) !== undefined) renameSync(target, old);
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: target, why: reason(error) }), { cause: error });
  }
  rmSync(old, { recursive: true, force: true });
}

/** Adds images to a set, which is made if there is none of this name. @throws DiagnosticError FSL7031 if it cannot be written */
export function addToKeptSet(project: Project, name: string, added: readonly ImageFiles[]): void {
  const classes = new Map((openKeptSet(project, name) ?? []).map((one) => [one.name, [...one.images]]));
  for (const { name: own, images } of added) classes.set(own, [...(classes.get(own) ?? []), ...images]);
  writeKeptSet(
    project,
    name,
    [...classes].map(([own, images]) => ({ name: own, images })),
  );
}

/** Removes a set. Returns false if there is none of this name. */
export function removeKeptSet(project: Project, name: string): boolean {
  if (!isSetName(name) || readIndex(project, name) === undefined) return false;
  rmSync(setFolder(project, name), { recursive: true, force: true });
  return true;
}

/** Copies images into a folder, under the names of their digests. The same image is there once. */
function copyImages(images: ImageFiles["images"], folder: string): SetIndex["classes"][number]["images"] {
  const copied = new Map<string, string>();
  for (const { name, file } of images) {
    const bytes = readRegularFile(file, mostBytes.image);
    const digest = sha256(bytes);
    if (copied.has(digest)) continue;
    writeFileSync(join(folder, digest), bytes);
    copied.set(digest, basename(name));
  }
  return [...copied].map(([digest, name]) => ({ name, sha256: digest }));
}

function setFolder(project: Project, name: string): string {
  return join(projectPaths.supports(project), name);
}

function readIndex(project: Project, name: string): SetIndex | undefined {
  try {
    const index = JSON.parse(readFileSync(join(setFolder(project, name), indexFile), "utf8")) as SetIndex;
    return index.format === 1 ? index : undefined;
  } catch {
    return undefined;
  }
}
