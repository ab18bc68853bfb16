/** Lists everything in the home of a project that takes space and can be made again, with its size and the runs that use it. */
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { enginesFolder } from "../engines/folder.js";
import { onnxRuntimeInstallFolder } from "../engines/onnx/locate.js";
import { checkpointFolders } from "../store/checkpoints.js";
import { numericsId } from "../store/numerics.js";
import { entryFolders, readEntry } from "../store/store.js";
import { sizeOf } from "../system/folder-size.js";
import { type Project, projectPaths } from "../system/project.js";
import { isTemporary, leftoversIn } from "../system/temporary.js";
import { sweptFolders } from "./leftovers.js";
import type { RunUses } from "./run-uses.js";

/** The kinds of things, in the order of a list. */
export const itemKinds = ["stage", "checkpoint", "fit", "pack", "damaged", "leftover", "engine"] as const;
export type ItemKind = (typeof itemKinds)[number];

export interface Item {
  readonly kind: ItemKind;
  readonly path: string;
  readonly bytes: number;
  /** The key of a stage, the digest of a pack. Other things have none. */
  readonly key?: string;
  /** The name and kind of a stage with its engine, the step of a checkpoint. */
  readonly what: string;
  /** The time of its last change, in milliseconds since the epoch. */
  readonly time: number;
  /** The ids of the runs that use it, the newest first. */
  readonly runs: readonly string[];
  /** True for a checkpoint of a stage that is in the store with the same numerics. */
  readonly finished?: true;
}

type Found = Pick<Item, "path" | "what" | "key" | "finished">;

/** Finds the things of each kind. */
const finders: Readonly<Record<ItemKind, (project: Project) => Found[]>> = {
  stage: (project) =>
    entryFolders(projectPaths.store(project)).flatMap(({ key, dir, aside }) =>
      aside ? [] : [{ path: dir, key, what: describeEntry(dir) }],
    ),
  checkpoint: (project) => {
    const finished = new Set(
      entryFolders(projectPaths.store(project)).flatMap(({ key, dir, aside }) => (aside ? [] : numericsIn(key, dir))),
    );
    return checkpointFolders(projectPaths.checkpoints(project)).map(({ key, dir, numerics, done }) => ({
      path: dir,
      key,
      what:
        done === undefined ? "empty" : done.unit === "steps" ? `after step ${done.count}` : `${done.count} episodes`,
      ...(finished.has(`${key} ${numerics}`) ? { finished: true as const } : {}),
    }));
  },
  fit: (project) => pathsIn(projectPaths.fits(project), isFit).map((path) => ({ path, what: "fitted values" })),
  pack: (project) => [
    ...pathsIn(packsOf(project), isPack).map((path) => ({ path, key: basename(path), what: "packed images" })),
    ...pathsIn(packsOf(project), isUnfinishedPack).map((path) => ({ path, what: "packed images, unfinished" })),
  ],
  damaged: (project) => [
    ...entryFolders(projectPaths.store(project)).flatMap(({ dir, aside }) =>
      aside ? [{ path: dir, what: "a stage, moved aside" }] : [],
    ),
    ...pathsIn(packsOf(project), isDamagedPack).map((path) => ({ path, what: "packed images, moved aside" })),
  ],
  leftover: (project) => {
    const checkpoints = checkpointFolders(projectPaths.checkpoints(project)).map(({ dir }) => dir);
    const folders = [...sweptFolders(project), ...checkpoints];
    const killed = folders.flatMap((dir) => leftoversIn(dir).map((path) => ({ path, what: "of a killed process" })));
    const jobs = pathsIn(projectPaths.jobs(project), () => true).filter(isForgotten);
    return [...killed, ...jobs.map((path) => ({ path, what: "a job of a cluster" }))];
  },
  engine: () => {
    const current = onnxRuntimeInstallFolder();
    const isOld = (name: string): boolean => /^onnx-\d[\d.]*$/.test(name) && name !== basename(current);
    return pathsIn(enginesFolder(), isOld).map((path) => ({ path, what: "ONNX Runtime of another version of fslc" }));
  },
};

/** The time in ms after which nobody comes back to a job of a cluster: no queue is so long. */
const forgottenAfter = 30 * 24 * 3_600_000;
const isForgotten = (path: string): boolean =>
  Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > forgottenAfter;

const packsOf = (project: Project): string => join(projectPaths.data(project), "packs");
const isFit = (name: string): boolean => name.endsWith(".safetensors") && !isTemporary(name);
const isPack = (name: string): boolean => /^[0-9a-f]{32}$/.test(name);
export const isUnfinishedPack = (name: string): boolean => /^[0-9a-f]{64}\.unfinished$/.test(name);
/** True for what is in packs and was damaged. It may be the only copy of images whose source is gone, so it counts as data. */
export const isDamagedPack = (name: string): boolean => /^[0-9a-f]{32,}(?:\.json)?\.damaged$/.test(name);

/** Returns every thing of a project with its size and its uses, kind by kind. */
export async function takeInventory(project: Project, runs: readonly RunUses[]): Promise<Item[]> {
  const items: Item[] = [];
  for (const kind of itemKinds) {
    for (const found of finders[kind](project)) {
      const time = statSync(found.path, { throwIfNoEntry: false })?.mtimeMs;
      if (time === undefined) continue; // A run has replaced it just now.
      const users = runs.filter(({ keys }) => isUsed(found, kind, keys)).map(({ id }) => id);
      items.push({ kind, ...found, bytes: await sizeOf(found.path), time, runs: users });
    }
  }
  return items;
}

/** Tells whether a thing is among those that a run uses. Packs are named by the first half of their digest. */
function isUsed({ key }: Found, kind: ItemKind, keys: ReadonlySet<string>): boolean {
  if (key === undefined) return false;
  return kind === "pack" ? [...keys].some((used) => used.startsWith(key)) : keys.has(key);
}

function describeEntry(dir: string): string {
  const read = readEntry(dir);
  if ("problem" in read) return `damaged: ${read.problem}`;
  const { stage, numerics } = read.entry.manifest;
  return `${stage.kind} ${stage.id}, ${numerics.engine} ${numerics.device}`;
}

function numericsIn(key: string, dir: string): string[] {
  const read = readEntry(dir);
  return "problem" in read ? [] : [`${key} ${numericsId(read.entry.manifest.numerics)}`];
}

/** Returns the paths of what is in a folder under a name of a kind. A folder that is not there has nothing. */
function pathsIn(dir: string, isOne: (name: string) => boolean): string[] {
  try {
    return readdirSync(dir)
      .filter(isOne)
      .sort()
      .map((name) => join(dir, name));
  } catch {
    return [];
  }
}
