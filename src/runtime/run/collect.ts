/** Removes what no kept run needs: `fslc store gc`. Everything that it removes can be made again. */
import { rmdirSync, rmSync } from "node:fs";
import { basename, dirname, sep } from "node:path";
import { collectionLock } from "../store/uses.js";
import { discard } from "../system/discard.js";
import { acquireLock, heldLocks, type Lock } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";
import { type Item, type ItemKind, isDamagedPack, takeInventory } from "./inventory.js";
import { type KeptRuns, keptRuns, usesOfRuns } from "./run-uses.js";
import { readingPrefix } from "./while-reading.js";

export interface CollectionOptions extends KeptRuns {
  /** True if packed images go too. They are made again from their source, if that is still there. */
  readonly packs?: boolean;
  /** True if ONNX Runtime of other versions of fslc goes too. All projects of a user share it. */
  readonly engines?: boolean;
  /** True if nothing is removed. */
  readonly dryRun?: boolean;
  /** Ends the wait for another collection. */
  readonly signal?: AbortSignal;
}

/** The reason why a thing goes. */
export type Cause = "unused" | "finished" | "damaged" | "leftover" | "old";

export interface Removal extends Pick<Item, "kind" | "path" | "bytes" | "key" | "what"> {
  readonly because: Cause;
}

export interface Collection {
  readonly dryRun: boolean;
  /** The ids of the runs whose stages are kept. */
  readonly keptRuns: readonly string[];
  readonly removed: readonly Removal[];
  /** The size of everything in `removed`. */
  readonly bytes: number;
  /** The things that stay altogether, because another process works in the project. */
  readonly staying: readonly ItemKind[];
  readonly failed: readonly { readonly path: string; readonly why: string }[];
}

/** Everything that decides whether a thing goes. */
interface Situation {
  readonly options: CollectionOptions;
  readonly kept: ReadonlySet<string>;
  readonly goingOn: ReadonlySet<string>;
  /** The start of the first kept run, in milliseconds since the epoch. */
  readonly since: number;
  readonly staying: ReadonlySet<ItemKind>;
}

/** Says for each kind of things why one of them goes. Undefined if it stays. */
const causes: Readonly<Record<ItemKind, (item: Item, situation: Situation) => Cause | undefined>> = {
  stage: unused,
  checkpoint: (item, situation) => {
    const inUse = item.runs.some((run) => situation.goingOn.has(run));
    return item.finished && !inUse ? "finished" : unused(item, situation);
  },
  // No run records which fits it has read, so one is kept if a kept run may have computed it.
  fit: ({ time }, { since }) => (time < since ? "unused" : undefined),
  pack: (item, situation) => (situation.options.packs ? unused(item, situation) : undefined),
  damaged: ({ path }, { options, staying }) =>
    !isDamagedPack(basename(path)) || (options.packs && !staying.has("pack")) ? "damaged" : undefined,
  leftover: () => "leftover",
  engine: (_, { options }) => (options.engines ? "old" : undefined),
};

function unused({ runs }: Item, { kept }: Situation): Cause | undefined {
  return runs.some((run) => kept.has(run)) ? undefined : "unused";
}

/**
 * Removes what no kept run needs, or says what would go. Runs that are going on are kept, and they wait while this decides.
 *
 * @throws DiagnosticError FSL7057 if what a run uses cannot be read, FSL7031 if the lock cannot be written.
 */
export async function collect(project: Project, options: CollectionOptions): Promise<Collection> {
  if (options.dryRun) return { ...(await decide(project, options)), dryRun: true, failed: [] };
  const locks = projectPaths.locks(project);
  const signal = options.signal ?? new AbortController().signal;
  const lock = await acquireLock(locks, collectionLock, { signal, onWait: () => {} });
  signal.throwIfAborted();
  const { failed, later, ...decided } = await withLock(lock, async () => {
    const made = await decide(project, options);
    return { ...made, ...moveAside(project, made.removed) };
  });
  for (const remove of later) remove();
  const gone = decided.removed.filter(({ path }) => !failed.some((one) => one.path === path));
  return { ...decided, removed: gone, bytes: sizeOfAll(gone), dryRun: false, failed };
}

async function withLock<T>(lock: Lock | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

const sizeOfAll = (removed: readonly Removal[]): number => removed.reduce((sum, { bytes }) => sum + bytes, 0);

async function decide(project: Project, options: CollectionOptions): Promise<Omit<Collection, "dryRun" | "failed">> {
  const runs = usesOfRuns(project);
  const kept = keptRuns(runs, options, Date.now());
  const held = [...heldLocks(projectPaths.locks(project)).keys()];
  const situation: Situation = {
    options,
    kept: new Set(kept.map(({ id }) => id)),
    goingOn: new Set(runs.flatMap(({ id, goingOn }) => (goingOn ? [id] : []))),
    since: Math.min(...kept.map(({ time }) => time)),
    staying: new Set(stayingBeside(held)),
  };
  const going = (await takeInventory(project, runs)).flatMap((item): Removal[] => {
    const because = situation.staying.has(item.kind) ? undefined : causes[item.kind](item, situation);
    const { kind, path, bytes, key, what } = item;
    return because === undefined ? [] : [{ kind, path, bytes, ...(key === undefined ? {} : { key }), what, because }];
  });
  // What lies in a folder that goes is counted with the folder.
  const removed = going.filter(({ path }) => !going.some((other) => path.startsWith(other.path + sep)));
  return { keptRuns: kept.map(({ id }) => id), removed, bytes: sizeOfAll(removed), staying: [...situation.staying] };
}

/** Returns the kinds of things that no collection touches beside the holders of locks. A run records the stages that it uses, others do not. */
function stayingBeside(locks: readonly string[]): ItemKind[] {
  if (locks.some((name) => name.startsWith(readingPrefix))) return ["stage", "checkpoint", "fit", "pack"];
  return locks.some((name) => name !== collectionLock) ? ["fit", "pack"] : [];
}

/** Gives each thing a name that nobody looks for. Returns the functions that remove them, and what could not be moved. */
function moveAside(
  project: Project,
  removed: readonly Removal[],
): Pick<Collection, "failed"> & { readonly later: readonly (() => void)[] } {
  const failed: { path: string; why: string }[] = [];
  const later: (() => void)[] = [];
  const attempt = (path: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return; // Its owner was faster.
      failed.push({ path, why: reason(error) });
    }
  };
  for (const { kind, path } of removed) {
    attempt(path, () => {
      const remove = kind === "leftover" ? () => rmSync(path, { recursive: true }) : discard(path, near(project, path));
      later.push(() => attempt(path, remove));
      if (dirname(path) !== near(project, path)) removeIfEmpty(dirname(path));
    });
  }
  return { failed, later };
}

/** Returns the folder in which a thing waits for its removal. It is on the same disk, and starts look through it for leftovers. */
function near(project: Project, path: string): string {
  const { store, checkpoints } = projectPaths;
  const root = [store(project), checkpoints(project)].find((folder) => path.startsWith(folder + sep));
  return root ?? dirname(path);
}

/** Removes the folder of a key that has no entry left. */
function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Entries with other numerics stay in it.
  }
}
