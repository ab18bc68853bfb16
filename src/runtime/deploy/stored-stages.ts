/** Finds finished stages in the store, with everything that a job needs in order to use their weights. */
import { type Diagnostic, DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { stageGraph } from "../../compiler/stages/graph.js";
import { stageKey } from "../../compiler/stages/key.js";
import type { DataDigests, Dataset } from "../../compiler/typed/tree.js";
import { digestsOf, findPack } from "../data/index.js";
import type { PreparedRun } from "../run/preflight.js";
import type { Job } from "../stages/job.js";
import { findSoundEntry, type StoreEntry } from "../store/store.js";
import { projectPaths } from "../system/project.js";

export interface StoredStages {
  /** The entries of the wanted stages and of all stages before them, by stage id. */
  readonly entries: ReadonlyMap<string, StoreEntry>;
  /** The folders of the packs, by dataset id. */
  readonly packs: Job["packs"];
}

/** The stages and datasets that are needed, and the stage that the user named, for messages. */
export interface Needed {
  readonly stage: string;
  readonly stages: readonly string[];
  readonly datasets: readonly Dataset[];
}

/**
 * Finds the stages in the store by their keys, as a run does, and computes nothing.
 *
 * @throws DiagnosticError FSL7060 if one of them is not stored, or if data that decide their keys are not packed.
 */
export async function findStoredStages(
  { experiment, project, seed, acceptedNumerics }: PreparedRun,
  needed: Needed,
  onNote: (message: string) => void,
): Promise<StoredStages> {
  const at = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  const data: Record<string, DataDigests> = {};
  const packs: Record<string, string> = {};
  const outputs: Record<string, string> = {};
  const entries = new Map<string, StoreEntry>();
  const open = async (dataset: Dataset): Promise<void> => {
    const pack = await findPack(dataset, at);
    if (pack === undefined)
      throw notStored(needed.stage, `the data \`${dataset.name}\` are not packed, or have changed`);
    data[dataset.id] = digestsOf(pack, dataset);
    packs[dataset.id] = pack.dir;
  };
  for (const node of stageGraph(experiment, needed.stages).nodes) {
    if (node.kind === "ingest") {
      await open(node.dataset);
      continue;
    }
    const key = stageKey(node.stage, experiment, { seed, outputs, data });
    const entry = key && findSoundEntry(projectPaths.store(project), key, acceptedNumerics, onNote);
    if (!entry) throw notStored(needed.stage, `\`${node.name}\` has not run with these settings`, node.stage.span);
    outputs[node.id] = entry.manifest.output;
    entries.set(node.id, entry);
  }
  for (const dataset of needed.datasets) if (packs[dataset.id] === undefined) await open(dataset);
  return { entries, packs };
}

/** Returns the stored stages as the inputs of a job. */
export function jobInputs({ entries }: StoredStages): Job["inputs"] {
  return Object.fromEntries(
    [...entries].map(([id, { manifest, dir }]) => [id, { key: manifest.key, dir, output: manifest.output }]),
  );
}

function notStored(stage: string, why: string, span?: Diagnostic["span"]): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7060", span, { stage, why }));
}
