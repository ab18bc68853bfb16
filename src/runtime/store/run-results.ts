/** The results of a run's evaluations in its own folder: they stay as they were, whatever becomes of the store. */
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isTraining } from "../../compiler/typed/stage-kinds.js";
import type { Stage } from "../../compiler/typed/tree.js";
import { toFileName } from "../system/project.js";
import { reason } from "../system/reason.js";
import type { Manifest } from "./manifest.js";
import { scoresFile } from "./scores.js";
import type { StoreEntry } from "./store.js";

/** Where a run keeps what an evaluation of it gave: its manifest, its scores by episode, the files that it reports. */
export function resultsDir(runDir: string, stage: string): string {
  return join(runDir, "results", toFileName(stage));
}

/**
 * The manifest of a stored stage under the names that it has now. Its key knows no names, so a stored evaluation may
 * have called its rows otherwise; their order is the key's.
 */
export function withCurrentNames(manifest: Manifest, stage: Stage): Manifest {
  const as = { ...manifest, stage: { id: stage.id, kind: stage.kind } };
  if (isTraining(stage)) return as;
  const { rows } = stage;
  const labelled = <T extends { readonly row?: string }>(items: readonly T[], blank: "left out" | "kept"): T[] =>
    items.map((item, i) => {
      const { row: _, ...rest } = item;
      const label = rows[Math.floor((i * rows.length) / items.length)]?.label ?? "";
      return (label === "" && blank === "left out" ? rest : { row: label, ...rest }) as T;
    });
  return { ...as, results: labelled(manifest.results, "left out"), reports: labelled(manifest.reports, "kept") };
}

/**
 * Puts an evaluation's manifest and files into the run's folder: as links, which take no room, where that is possible.
 * Gives the paths of those that its `report` line asked for.
 */
export function saveResults(runDir: string, stage: string, { dir: stored, manifest }: StoreEntry): string[] {
  const dir = resultsDir(runDir, stage);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    for (const { name } of manifest.files ?? []) {
      try {
        linkSync(join(stored, name), join(dir, name));
      } catch {
        copyFileSync(join(stored, name), join(dir, name)); // Another file system, or one without links.
      }
    }
    return (manifest.files ?? []).flatMap(({ name }) => (name === scoresFile ? [] : [join(dir, name)]));
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
  }
}
