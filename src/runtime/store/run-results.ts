/** Keeps the results of evaluations and trainings in the folder of their run, where they stay even if the store changes. */
import { constants, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isTraining } from "../../compiler/typed/stage-kinds.js";
import type { Stage } from "../../compiler/typed/tree.js";
import { toFileName } from "../system/project.js";
import { reason } from "../system/reason.js";
import { type Manifest, sealManifest } from "./manifest.js";
import { scoresFile } from "./scores.js";
import type { StoreEntry } from "./store.js";

/** Returns the folder in which a run keeps a stage: its manifest, the scores of an evaluation by episode, and the files that it reports. */
export function resultsDir(runDir: string, stage: string): string {
  return join(runDir, "results", toFileName(stage));
}

/**
 * Returns the manifest of a stored stage with its current names. Names are not part of the key, so the rows of a stored
 * evaluation may have had other labels. Their order is part of the key.
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
 * Copies the manifest and files of a stage, but not its weights, into the run's folder. Returns the paths of the files that the `report`
 * line of the stage asked for.
 *
 * @throws DiagnosticError FSL7031 if the folder cannot be written.
 */
export function saveResults(runDir: string, stage: string, { dir: stored, manifest }: StoreEntry): string[] {
  const dir = resultsDir(runDir, stage);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "manifest.json"), `${JSON.stringify(sealManifest(manifest), null, 2)}\n`);
    for (const { name } of manifest.files ?? []) {
      // A copy, not a link: whoever edits the file of a run must not change the store. File systems that can share the bytes do.
      copyFileSync(join(stored, name), join(dir, name), constants.COPYFILE_FICLONE);
    }
    return (manifest.files ?? []).flatMap(({ name }) => (name === scoresFile ? [] : [join(dir, name)]));
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
  }
}
