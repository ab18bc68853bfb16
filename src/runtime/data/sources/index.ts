/** Lists every source of images and finds one by the name that a dataset uses. */
import { existsSync } from "node:fs";
import { suggest } from "../../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataFinding, DataSource, DatasetFacts } from "../../../compiler/typed/tree.js";
import { cifar100 } from "./cifar.js";
import { csv } from "./csv.js";
import { cub } from "./cub.js";
import { emoji } from "./emoji.js";
import { folder } from "./folder.js";
import { omniglot } from "./omniglot.js";
import { fgvcAircraft } from "./published/fgvc-aircraft.js";
import { flowers102 } from "./published/flowers102.js";
import { food101 } from "./published/food101.js";
import { nabirds } from "./published/nabirds.js";
import { oxfordPets } from "./published/oxford-pets.js";
import { pickled } from "./published/pickled.js";
import { stanfordCars } from "./published/stanford-cars.js";
import { stanfordDogs } from "./published/stanford-dogs.js";
import { missingRootHelp, requireReadableRoot } from "./root.js";
import { type DataFolders, resolvePath, type Source, type SourceDescription } from "./source.js";
import { vectors } from "./vectors.js";

const sources: readonly Source[] = [
  emoji,
  omniglot,
  cifar100,
  cub,
  stanfordCars,
  stanfordDogs,
  fgvcAircraft,
  nabirds,
  flowers102,
  oxfordPets,
  food101,
  pickled,
  csv,
  folder,
  vectors,
];

/**
 * Returns the source with this name.
 *
 * @throws DiagnosticError FSL6006 if there is no such source.
 */
export function findSource(kind: string): Source {
  const found = sources.find(({ description }) => description.kind === kind);
  if (found === undefined) {
    const help = suggest(
      kind,
      sources.map(({ description }) => description.kind),
    );
    throw new DiagnosticError(diagnostic("FSL6006", undefined, { source: kind }, { help }));
  }
  return found;
}

/** Returns the description of a source. @throws DiagnosticError FSL6006 if there is none with this name. */
export function requireSource(kind: string): SourceDescription {
  return findSource(kind).description;
}

/** Returns the description of every source: its arguments, where to get its data, and the license. */
export function describeSources(): readonly SourceDescription[] {
  return sources.map(({ description }) => description);
}

/**
 * Returns what is known of a dataset before it is read: constants of the official sets, or the result of a look at the folder
 * or the lists. What is wrong is in its findings. It returns undefined if nothing is known.
 */
export function sourceFacts(source: DataSource, projectDir: string, cacheDir: string): DatasetFacts | undefined {
  const found = sources.find(({ description }) => description.kind === source.kind);
  if (found === undefined) return undefined;
  const places = { projectDir, cacheDir };
  try {
    const missing = findMissing(source, places, found.roots(source, places));
    if (missing.length === 0) return found.facts(source, places);
    // The official sets have constants, which need no files.
    const constants = ["cub", "omniglot", "cifar100"].includes(source.kind) ? found.facts(source, places) : undefined;
    return { splits: constants?.splits ?? {}, findings: missing };
  } catch (error) {
    if (error instanceof DiagnosticError) {
      const { code, severity, message, help } = error.diagnostic;
      return { splits: {}, findings: [{ code, severity, message, help }] };
    }
    if (typeof (error as { code?: unknown }).code === "string") return undefined;
    throw error;
  }
}

/**
 * Returns a warning if data do not exist. It is no error, because an experiment may be written and planned before its data are
 * there.
 */
function findMissing(source: DataSource, places: DataFolders, paths: readonly string[]): DataFinding[] {
  const root = source.args["root"];
  if (typeof root !== "string") return [];
  const folder = resolvePath(root, places);
  const missing = paths.find((path) => path.startsWith(folder) && !existsSync(path));
  if (missing === undefined) return [];
  requireReadableRoot(source, missing);
  const { code, message } = diagnostic("FSL6001", undefined, { dataset: source.kind, path: missing });
  return [{ code, severity: "warning", message, help: missingRootHelp(root, missing) }];
}
