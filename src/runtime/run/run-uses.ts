/** Says which stages and data the runs of a project use, and which of the runs are kept. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { recordedUses } from "../store/uses.js";
import { type Project, projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";
import { runsGoingOn } from "./run-folder.js";
import { endsOfStages, type RunRecord, readRun } from "./runs.js";

export interface RunUses {
  readonly id: string;
  readonly dir: string;
  /** The time of its start, in milliseconds since the epoch. */
  readonly time: number;
  readonly goingOn: boolean;
  /** The keys of its stages, and the digests of its data. */
  readonly keys: ReadonlySet<string>;
}

/** The choice of the runs whose stages are kept. Without either, all runs are. A run that is going on always is. */
export interface KeptRuns {
  /** This many of the last runs are kept. */
  readonly keepLast?: number;
  /** Runs that started within this time are kept, in ms. */
  readonly olderThan?: number;
}

/**
 * Returns what every run of a project uses, the newest run first.
 *
 * @throws DiagnosticError FSL7057 if that cannot be read of a run, because then nobody knows what may be removed.
 */
export function usesOfRuns(project: Project): RunUses[] {
  const runs = projectPaths.runs(project);
  const goingOn = runsGoingOn(project);
  const uses = namesIn(runs).map((id) => {
    const dir = join(runs, id);
    return understood(dir, () => usesOf(project, { id, dir, goingOn: goingOn.has(id) }));
  });
  return uses.sort((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1));
}

/** Returns the runs that are kept. `runs` has the newest first. */
export function keptRuns(runs: readonly RunUses[], { keepLast, olderThan }: KeptRuns, now: number): RunUses[] {
  if (keepLast === undefined && olderThan === undefined) return [...runs];
  return runs.filter(
    ({ goingOn, time }, i) => goingOn || i < (keepLast ?? 0) || (olderThan !== undefined && now - time <= olderThan),
  );
}

function namesIn(runs: string): string[] {
  return understood(runs, () => {
    try {
      const found = readdirSync(runs, { withFileTypes: true });
      return found.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith(".") ? [entry.name] : []));
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return [];
      throw error;
    }
  });
}

function understood<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    throw new DiagnosticError(diagnostic("FSL7057", undefined, { path, why: reason(error) }), { cause: error });
  }
}

function usesOf(project: Project, { id, dir, goingOn }: Pick<RunUses, "id" | "dir" | "goingOn">): RunUses {
  const run = readRun(dir);
  const recorded = recordedUses(dir);
  const ended = run === undefined || recorded !== undefined ? [] : keysOfEnds(run);
  const keys = new Set([...(recorded ?? []), ...ended, ...givenEntries(project, run)]);
  return { id, dir, time: run?.start.time ?? statSync(dir).mtimeMs, goingOn, keys };
}

/** Returns the keys of the finished stages of a run of an older version, which recorded no uses. */
function keysOfEnds(run: RunRecord): string[] {
  if (run.done?.stages !== undefined) return run.done.stages.map(({ key }) => key);
  return endsOfStages(run).flatMap((end) => ("key" in end ? [end.key] : []));
}

/** Returns the keys of the entries of the store whose weights an experiment names by their path. */
function givenEntries(project: Project, run: RunRecord | undefined): string[] {
  const store = projectPaths.store(project);
  return (run?.start.inputs?.files ?? []).flatMap(({ path }) => {
    const [key = ""] = relative(store, resolve(project.dir, path)).split(sep);
    return key === "" || key === ".." ? [] : [key];
  });
}
