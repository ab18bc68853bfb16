/** Every source, by the name that a dataset gives. */
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

/** @throws DiagnosticError FSL6006 where there is no such source. */
export function findSource(kind: string): Source {
  const found = sources.find(({ description }) => description.kind === kind);
  if (found === undefined) throw new DiagnosticError(diagnostic("FSL6006", undefined, { source: kind }));
  return found;
}

/** Every source with its arguments, where its data is to be had and under what licence. */
export function describeSources(): readonly SourceDescription[] {
  return sources.map(({ description }) => description);
}

/**
 * What is known of a dataset before it is read: constants of the official sets, else a quick look at folder or lists.
 * Undefined where nothing is known, a bad argument and an unreadable list included: reading them says what is wrong.
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
