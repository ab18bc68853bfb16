/** Prepares the supports of a classifier from the files of a folder. */

import { existsSync } from "node:fs";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { type ImageFolder, listClassFolders, type PreparedImage } from "../data/index.js";
import type { Project } from "../system/project.js";
import type { OpenClassifier, ReadyImage } from "./open-classifier.js";
import { openKeptSet } from "./support-sets.js";

/**
 * Finds the supports that a user names: a folder with a folder for each class, or a kept set of the project.
 *
 * @throws DiagnosticError FSL7061 if there are none, or not enough.
 */
export function findSupports(project: Project, given: string): ImageFolder {
  const kept = existsSync(given) ? undefined : openKeptSet(project, given);
  return kept === undefined ? listClassFolders(given) : { classes: kept, outside: 0 };
}

/**
 * Prepares the supports of each class of a folder.
 *
 * @throws DiagnosticError FSL7061 if one cannot be read: without it the classifier would be another one.
 */
export async function openSupports(
  classifier: OpenClassifier,
  { classes }: ImageFolder,
  path: string,
): Promise<ReadyImage[][]> {
  const refs = classes.flatMap(({ images }) => images);
  const prepared = await classifier.images.prepareFiles(refs);
  const readable = requireReadable(
    refs.map(({ name }) => name),
    prepared,
    path,
  );
  const images = await classifier.makeReady(readable);
  let first = 0;
  return classes.map(({ images: { length } }) => {
    first += length;
    return images.slice(first - length, first);
  });
}

function requireReadable(
  names: readonly string[],
  prepared: readonly PreparedImage[],
  path: string,
): Extract<PreparedImage, { pixels: Uint8Array }>[] {
  const bad = prepared.flatMap((one, i) => ("why" in one ? [{ name: names[i] ?? "", why: one.why }] : []));
  const [first] = bad;
  if (first === undefined) return prepared.flatMap((one) => ("pixels" in one ? [one] : []));
  const others = bad.slice(1, 6).map(({ name }) => name);
  const why = `${bad.length} of its ${names.length} images cannot be read; the first is ${first.name}: ${first.why}`;
  const help = [
    ...(others.length === 0 ? [] : [`also: ${others.join(", ")}${bad.length > 6 ? ", …" : ""}`]),
    "replace or remove them",
  ];
  throw new DiagnosticError(diagnostic("FSL7061", undefined, { path, why }, { help }));
}
