/** Checks every digest in the home of a project: `fslc store verify`. It changes nothing. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DamagedPackError, openPack, verifyRows } from "../data/index.js";
import { readCheckedTensors } from "../store/checked-tensors.js";
import { damagedCheckpoints } from "../store/checkpoints.js";
import { parseManifest } from "../store/manifest.js";
import { resultsDir } from "../store/run-results.js";
import { readEntry, verifyEntry, verifyFiles } from "../store/store.js";
import type { Project } from "../system/project.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { SafetensorsError } from "../system/safetensors-header.js";
import { isUnfinishedPack, takeInventory } from "./inventory.js";
import { listRuns, type RunRecord } from "./runs.js";

/** The kinds of things that have digests. */
export const verifiedKinds = ["stage", "checkpoint", "fit", "pack", "run"] as const;
export type VerifiedKind = (typeof verifiedKinds)[number];

export interface Damage {
  readonly kind: VerifiedKind;
  readonly path: string;
  readonly problem: string;
}

export interface Verification {
  /** The number of things of each kind that were checked. */
  readonly checked: Readonly<Record<VerifiedKind, number>>;
  readonly damaged: readonly Damage[];
}

/** Returns the damage of one thing. What another process has removed in the meantime is not damaged. */
type Check = (path: string) => Promise<readonly Omit<Damage, "kind">[]>;

const checks: Readonly<Record<Exclude<VerifiedKind, "run">, Check>> = {
  stage: async (dir) => {
    const read = readEntry(dir);
    if ("problem" in read) return [{ path: dir, problem: read.problem }];
    const { key } = read.entry.manifest;
    const problem = key === basename(dirname(dir)) ? verifyEntry(read.entry) : "it is the entry of another key";
    return problem === undefined ? [] : [{ path: dir, problem }];
  },
  checkpoint: async (dir) => damagedCheckpoints(dir).map((path) => ({ path, problem: "it is not as it was written" })),
  fit: async (path) => {
    const read = readCheckedTensors(path);
    return read instanceof SafetensorsError ? [{ path, problem: read.message }] : [];
  },
  pack: async (dir) => {
    if (isUnfinishedPack(basename(dir))) return []; // The ingest that continues it verifies it.
    try {
      await verifyRows(await openPack(dir));
      return [];
    } catch (error) {
      if (error instanceof DamagedPackError) return [{ path: dir, problem: error.problem }];
      throw error;
    }
  },
};

/** Checks every digest of a project. `onUnreadable` is called for each folder of a run that cannot be read. */
export async function verify(
  project: Project,
  onUnreadable: (dir: string, why: string) => void,
): Promise<Verification> {
  const checked: Record<VerifiedKind, number> = { stage: 0, checkpoint: 0, fit: 0, pack: 0, run: 0 };
  const damaged: Damage[] = [];
  for (const { kind, path } of await takeInventory(project, [])) {
    const check = kind in checks ? checks[kind as keyof typeof checks] : undefined;
    if (check === undefined) continue;
    checked[kind as keyof typeof checks]++;
    const found = await check(path).catch((error: unknown) => [{ path, problem: problemOf(error) }]);
    damaged.push(...found.filter((one) => existsSync(one.path)).map((one) => ({ kind: kind as VerifiedKind, ...one })));
  }
  for (const run of listRuns(project, onUnreadable)) {
    checked.run++;
    damaged.push(...damageOfRun(run).map((one) => ({ kind: "run" as const, ...one })));
  }
  return { checked, damaged };
}

/** Returns the text for an error of the file system. Other errors are bugs. */
function problemOf(error: unknown): string {
  if (typeof (error as { code?: unknown }).code !== "string") throw error;
  return `it cannot be read: ${reason(error)}`;
}

/** Checks the results of a run, the files that it reported, and the copies of its experiment. */
function damageOfRun({ dir, start }: RunRecord): Omit<Damage, "kind">[] {
  const results = start.stages.flatMap(({ id }) => {
    const at = resultsDir(dir, id);
    const problem = existsSync(at) ? problemOfResults(at) : undefined;
    return problem === undefined ? [] : [{ path: at, problem }];
  });
  const copies = (start.inputs?.sources ?? []).flatMap(({ copy, sha256 }) =>
    copy === undefined || !existsSync(join(dir, copy)) ? [] : [{ name: copy, sha256 }],
  );
  const source = verifyFiles(dir, copies);
  return source === undefined ? results : [...results, { path: dir, problem: source }];
}

function problemOfResults(dir: string): string | undefined {
  let text: string;
  try {
    text = readRegularFile(join(dir, "manifest.json"), mostBytes.list).toString("utf8");
  } catch (error) {
    return `its manifest.json cannot be read: ${reason(error)}`;
  }
  const parsed = parseManifest(text);
  // The weights of a training are in the store alone.
  return "problem" in parsed ? parsed.problem : verifyFiles(dir, parsed.manifest.files ?? []);
}
