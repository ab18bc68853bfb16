/** Finds the images that a command names: the class folders of a folder, and single images or folders of them. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { reason } from "../system/reason.js";
import { folderFiles, isHidden, isImage } from "./file-tree.js";
import type { ImageRef, ListedClass } from "./sources/source.js";

/** The classes of a folder of class folders, and the number of images beside them, which belong to no class. */
export interface ImageFolder {
  readonly classes: readonly ListedClass[];
  readonly outside: number;
}

/**
 * Lists a folder with one folder of images for each class. The classes are in the order of their names.
 *
 * @throws DiagnosticError FSL7061 if it is no such folder, has fewer than two classes, or a class without an image.
 */
export function listClassFolders(root: string): ImageFolder {
  const refuse = (why: string, help: readonly string[] = []): DiagnosticError =>
    new DiagnosticError(diagnostic("FSL7061", undefined, { path: root, why }, { help }));
  let images: string[];
  let folders: string[];
  try {
    if (!statSync(root).isDirectory()) throw new Error("it is no folder");
    images = folderFiles(root).filter(isImage);
    folders = readdirSync(root)
      .filter((name) => !isHidden(name) && statSync(join(root, name)).isDirectory())
      .sort();
  } catch (error) {
    throw refuse(reason(error));
  }
  const classes = folders.map((name): ListedClass => {
    const own = images.filter((path) => path.startsWith(`${name}/`)).sort();
    return { name, images: own.map((path) => imageRef(join(root, path))) };
  });
  const outside = images.filter((path) => !path.includes("/")).length;
  const empty = classes.find((one) => one.images.length === 0);
  if (empty !== undefined)
    throw refuse(`its folder \`${empty.name}\` has no image`, ["remove the folder, or add images of the class"]);
  if (classes.length < 2) {
    const found = classes.length === 0 ? "it has no class folder" : "it has one class folder";
    throw refuse(`${found}, and there must be at least two`);
  }
  return { classes, outside };
}

/**
 * Lists images by the paths of files and of folders, whose subfolders are searched too. An image that is named twice is listed once.
 *
 * @throws DiagnosticError FSL7040 for a path that does not exist or a folder without images.
 */
export function listImages(paths: readonly string[]): ImageRef[] {
  const files = paths.flatMap((path) => {
    try {
      if (!statSync(path).isDirectory()) return [path];
      const found = folderFiles(path).filter(isImage).sort();
      if (found.length > 0) return found.map((inner) => join(path, inner));
    } catch (error) {
      throw unreadable(path, reason(error), error);
    }
    throw unreadable(path, "no image is in it");
  });
  return [...new Set(files)].map(imageRef);
}

const imageRef = (path: string): ImageRef => ({ name: path, file: path });

function unreadable(path: string, why: string, cause?: unknown): DiagnosticError {
  const help = ["name images, or folders that have images in them"];
  return new DiagnosticError(diagnostic("FSL7040", undefined, { path, why }, { help }), { cause });
}
