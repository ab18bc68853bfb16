/** Reads lists of episodes from files of the project. */
import { resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { GivenEpisodes, Unusable } from "../../compiler/typed/given-files.js";
import type { GivenList } from "../../compiler/typed/tree.js";
import type { Project } from "../system/project.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import type { Episode, PackedSplit } from "./contract.js";
import { type EpisodeList, parseEpisodeList, resolveEpisodes } from "./episode-list.js";

type EpisodeFile = GivenEpisodes & { readonly list: EpisodeList; readonly text: string };

/** Reads a file of episodes for the compiler. Returns the list, or what is wrong with the file. */
export function readEpisodeFile(path: string, project: Project): EpisodeFile | Unusable {
  let text: string;
  try {
    text = readRegularFile(resolve(project.dir, path), mostBytes.list).toString("utf8");
  } catch (error) {
    return { problem: reason(error), place: undefined };
  }
  const read = parseEpisodeList(text);
  return "problem" in read ? read : { ...read, text };
}

/**
 * Reads a file of episodes that was checked before, and finds its images in a split.
 *
 * @throws DiagnosticError FSL6050 if the file changed since, or names a class or image that the split does not have.
 */
export function loadEpisodeFile({ path, digest, span }: GivenList, split: PackedSplit, project: Project): Episode[] {
  const read = readEpisodeFile(path, project);
  const why =
    "problem" in read ? read.problem : read.digest === digest ? undefined : "it has changed since it was checked";
  if ("problem" in read || why !== undefined) {
    throw new DiagnosticError(diagnostic("FSL6050", span, { path, why: why ?? "" }));
  }
  return resolveEpisodes(read.text, read.list, split, path);
}
