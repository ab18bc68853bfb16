/** Lists every source of images and finds one by the name that a dataset uses. */
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataSource, DatasetFacts } from "../../../compiler/typed/tree.js";
import { cifar100 } from "./cifar.js";
import { csv } from "./csv.js";
import { cub } from "./cub.js";
import { emoji } from "./emoji.js";
import { folder } from "./folder.js";
import { omniglot } from "./omniglot.js";
import type { Source, SourceDescription } from "./source.js";

const sources: readonly Source[] = [emoji, omniglot, cifar100, cub, csv, folder];

/**
 * Returns the source with this name.
 *
 * @throws DiagnosticError FSL6006 if there is no such source.
 */
export function findSource(kind: string): Source {
  const found = sources.find(({ description }) => description.kind === kind);
  if (found === undefined) throw new DiagnosticError(diagnostic("FSL6006", undefined, { source: kind }));
  return found;
}

/** Returns the description of every source: its arguments, where to get its data, and the license. */
export function describeSources(): readonly SourceDescription[] {
  return sources.map(({ description }) => description);
}

/**
 * Returns what is known of a dataset before it is read: constants of the official sets, or the result of a look at the folder
 * or the lists. It returns undefined if nothing is known, if an argument is wrong or if a list is unreadable; the error is
 * reported when the data are read.
 */
export function sourceFacts(source: DataSource, projectDir: string, cacheDir: string): DatasetFacts | undefined {
  const found = sources.find(({ description }) => description.kind === source.kind);
  try {
    return found?.facts(source, { projectDir, cacheDir });
  } catch (error) {
    if (error instanceof DiagnosticError || typeof (error as { code?: unknown }).code === "string") return undefined;
    throw error;
  }
}
