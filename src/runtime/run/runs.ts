/** Reads the run folders of a project: the runs, how they ended, and their evaluations. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { didYouMean } from "../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isTrainingKind } from "../../compiler/typed/stage-kinds.js";
import type { Numerics } from "../engines/engine.js";
import type { NodeEvent, RunEvent } from "../events/events.js";
import { type Manifest, parseManifest, type Validated, withInterval } from "../store/manifest.js";
import { resultsDir } from "../store/run-results.js";
import { parseScores, type Scores, scoresFile } from "../store/scores.js";
import { readEntries } from "../store/store.js";
import { type Project, projectPaths } from "../system/project.js";
import { mostBytes, readRegularFile, requireRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { schemaProblem } from "../system/schema.js";
import { sha256 } from "../system/sha256.js";

type Start = Extract<RunEvent, { type: "run.start" }>;
type Done = Extract<RunEvent, { type: "run.done" }>;

export interface RunRecord {
  readonly id: string;
  readonly dir: string;
  readonly start: Start;
  /** The last event, or undefined if the run has not ended or was killed. */
  readonly done: Done | undefined;
}

/** An evaluation of a run, as it was at the time of the run. */
export interface Evaluation {
  readonly run: string;
  readonly stage: string;
  readonly dir: string;
  readonly manifest: Manifest;
  /** The scores by episode, or undefined if they are damaged or an older version, which kept none, stored the evaluation. */
  readonly scores: Scores | undefined;
}

/** An evaluation whose files in the folder of the run are damaged, and what is wrong with them. */
export interface DamagedEvaluation extends Pick<Evaluation, "run" | "stage" | "dir"> {
  readonly problem: string;
}

/** Returns every readable run of the project, the newest first. `onUnreadable` is called for each folder that cannot be read. */
export function listRuns(project: Project, onUnreadable: (dir: string, why: string) => void = () => {}): RunRecord[] {
  const runs = projectPaths.runs(project);
  const names = existsSync(runs) ? (readable(runs, () => readdirSync(runs), onUnreadable) ?? []) : [];
  // Ids have a resolution of one second, so the times of the first events decide the order.
  return names
    .flatMap((name) => {
      const dir = join(runs, name);
      // A run that is being removed has a name that begins with a dot.
      if (name.startsWith(".")) return [];
      return readable(dir, () => readRun(dir), onUnreadable) ?? [];
    })
    .sort((a, b) => b.start.time - a.start.time || (a.id < b.id ? 1 : -1));
}

/** Returns the result of work on a folder. If the file system refuses it, `onUnreadable` is called with the reason. */
function readable<T>(dir: string, work: () => T, onUnreadable: (dir: string, why: string) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    onUnreadable(dir, reason(error));
    return undefined;
  }
}

/** Returns the run in a folder, or undefined if the folder holds none. */
export function readRun(dir: string): RunRecord | undefined {
  const path = join(dir, "events.ndjson");
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const [first, last] = endsOf(path).map(parseEvent);
  if (first?.type !== "run.start") return undefined;
  return { id: first.run, dir, start: first, done: last?.type === "run.done" ? last : undefined };
}

/** Returns the last event of each stage of a run, in the order in which the stages ended. */
export function endsOfStages(run: RunRecord): NodeEvent[] {
  return eventsOf(run, ["stage.done", "stage.cached", "stage.failed"]);
}

/** Returns the numerics of each stage of a run, including stored ones, by stage. Ingests have none. */
export function numericsOfStages(run: RunRecord): ReadonlyMap<string, Numerics> {
  const found = new Map<string, Numerics>();
  for (const event of eventsOf(run, ["stage.start", "stage.cached"])) {
    const numerics = event.type === "stage.start" ? event.engine : event.numerics;
    if (numerics) found.set(event.stage, numerics);
  }
  return found;
}

/** Returns the events of some types about the stages of a run, in their order. */
export function eventsOf<T extends NodeEvent["type"]>(
  { dir }: RunRecord,
  types: readonly T[],
): Extract<NodeEvent, { type: T }>[] {
  const found: Extract<NodeEvent, { type: T }>[] = [];
  const isAsked = (event: RunEvent): event is Extract<NodeEvent, { type: T }> =>
    types.some((type) => type === event.type);
  for (const line of linesOf(join(dir, "events.ndjson"))) {
    if (!types.some((type) => line.includes(`"${type}"`))) continue;
    const event = parseEvent(line);
    if (event !== undefined && isAsked(event)) found.push(event);
  }
  return found;
}

/** Iterates over the lines of a file without loading all of it. The log of a long training can exceed the maximal string length. */
function* linesOf(path: string): Generator<string> {
  requireRegularFile(path);
  const file = openSync(path, "r");
  try {
    const piece = Buffer.alloc(2 ** 20);
    let rest = Buffer.alloc(0);
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      const bytes = Buffer.concat([rest, piece.subarray(0, length)]);
      const end = bytes.lastIndexOf("\n") + 1;
      if (end > 0) yield* bytes.toString("utf8", 0, end - 1).split("\n");
      rest = bytes.subarray(end);
    }
    if (rest.length > 0) yield rest.toString("utf8");
  } finally {
    closeSync(file);
  }
}

/**
 * Finds a run by `last`, its id, the beginning or end of its id, or the path of its folder.
 *
 * @throws DiagnosticError FSL7051 if no run matches, or more than one.
 */
export function findRun(project: Project, asked: string): RunRecord {
  const unreadable: string[] = [];
  const note = (dir: string, why: string): void => void unreadable.push(`${dir} cannot be read: ${why}`);
  const all = listRuns(project, note);
  const newest = all[0];
  if (asked === "last" && newest !== undefined) return newest;
  const exact = all.find(({ id }) => id === asked) ?? readable(asked, () => readRun(resolve(asked)), note);
  if (exact !== undefined) return exact;
  const near = all.filter(({ id }) => id.startsWith(asked) || id.endsWith(asked));
  const [one] = near;
  if (one !== undefined && near.length === 1) return one;
  const ids = (near.length > 0 ? near : all).map(({ id }) => id);
  const likely = didYouMean(asked, ids);
  const help =
    all.length === 0
      ? [...unreadable, `nothing has run yet in ${project.dir}`].slice(0, 1)
      : likely !== undefined
        ? [`did you mean \`${likely}\`?`]
        : [`there are ${ids.slice(0, 5).join(", ")}${ids.length > 5 ? ", …" : ""}`, ...unreadable];
  const why = near.length > 1 ? `${near.length} runs are called so` : "there is no such run";
  throw new DiagnosticError(diagnostic("FSL7051", undefined, { run: asked, why }, { help }));
}

/**
 * Returns the evaluations of a run, in the order of its stages, and those whose files are not as they were written. `files` are the
 * paths of all files that evaluations and trainings reported.
 */
export function evaluationsOf({ id, dir, start }: RunRecord): {
  readonly evaluations: readonly Evaluation[];
  readonly damaged: readonly DamagedEvaluation[];
  readonly files: readonly string[];
} {
  const files: string[] = [];
  const evaluations: Evaluation[] = [];
  const damaged: DamagedEvaluation[] = [];
  for (const { id: stage } of start.stages) {
    const at = resultsDir(dir, stage);
    const read = readText(join(at, "manifest.json"));
    if (read === undefined) continue;
    const parsed = "problem" in read ? read : parseManifest(read.text);
    if ("problem" in parsed) damaged.push({ run: id, stage, dir: at, problem: parsed.problem });
    else {
      const { manifest } = parsed;
      files.push(...(manifest.files ?? []).map(({ name }) => join(at, name)));
      if (isTrainingKind(manifest.stage.kind)) continue;
      const { scores, problem } = scoresOf(at, manifest);
      evaluations.push({ run: id, stage, dir: at, manifest, scores });
      if (problem !== undefined) damaged.push({ run: id, stage, dir: at, problem });
    }
  }
  return { evaluations, damaged, files };
}

/** The validations of a training, and the step whose weights it gave on. */
export interface TrainingHistory {
  readonly stage: string;
  readonly history: readonly Validated[];
  /** Undefined if the training has not finished, or if an older version, which did not record it, made the run. */
  readonly weightsFrom: NonNullable<Manifest["weights"]>["from"] | undefined;
}

/** Returns the validations of the trainings of a run, in the order of its stages. A training that was stopped has those that it made. */
export function historiesOf(run: RunRecord): TrainingHistory[] {
  const trained = run.start.stages.filter(({ kind }) => kind !== "ingest" && isTrainingKind(kind));
  return trained.flatMap(({ id: stage }) => {
    const read = readText(join(resultsDir(run.dir, stage), "manifest.json"));
    const parsed = read === undefined || "problem" in read ? undefined : parseManifest(read.text);
    if (parsed !== undefined && "manifest" in parsed) {
      const { history, weights } = parsed.manifest;
      return [{ stage, history, weightsFrom: weights?.from }];
    }
    const history = validationsOf(run, stage);
    return history.length === 0 ? [] : [{ stage, history, weightsFrom: undefined }];
  });
}

/** Returns the validations of a training from the events of the run, for a training that left no manifest in its folder. */
function validationsOf(run: RunRecord, stage: string): Validated[] {
  return eventsOf(run, ["stage.validate"]).flatMap((event) => {
    if (event.stage !== stage) return [];
    const { step, epoch, accuracy, ci95, episodes, best } = event;
    return [withInterval({ step, epoch, accuracy, ci95, episodes, best })];
  });
}

/** Reads the scores that a manifest names. Returns nothing if it names none, and the problem if they are not as they were written. */
function scoresOf(dir: string, { files = [] }: Manifest): { scores?: Scores; problem?: string } {
  const named = files.find(({ name }) => name === scoresFile);
  if (named === undefined) return {};
  const read = readText(join(dir, scoresFile));
  if (read !== undefined && "problem" in read) return read;
  const text = read?.text;
  if (text === undefined) return { problem: `its ${scoresFile} is missing` };
  if (sha256(text) !== named.sha256) return { problem: `its ${scoresFile} is not as it was written` };
  const parsed = parseScores(text);
  return "problem" in parsed ? { problem: `its ${scoresFile} is not valid: ${parsed.problem}` } : parsed;
}

/** Returns the paths of the stored weights of a key. With `by`, only those with these numerics are returned. */
export function weightsOf(project: Project, key: string, by?: Numerics): string[] {
  const dir = join(projectPaths.store(project), key);
  return readEntries(dir).flatMap(({ dir: entry, manifest: { weights, numerics } }) => {
    if (weights === null) return [];
    return by === undefined || isBy(by, numerics) ? [join(entry, "weights.safetensors")] : [];
  });
}

const numericsFields = ["engine", "version", "device", "adapter", "threads", "precision"] as const;
const isBy = (by: Numerics, stored: Numerics): boolean => numericsFields.every((field) => by[field] === stored[field]);

/** Returns the text of a file, the problem of one that cannot be read, or undefined if there is none. */
function readText(path: string): { readonly text: string } | { readonly problem: string } | undefined {
  try {
    return { text: readRegularFile(path, mostBytes.list).toString("utf8") };
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    return { problem: `its ${basename(path)} cannot be read: ${reason(error)}` };
  }
}

/** Returns the first and the last complete line of a file that may be long. */
function endsOf(path: string): [string, string] {
  requireRegularFile(path);
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const piece = (from: number, to: number): string => {
      const bytes = Buffer.alloc(to - from);
      return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, from));
    };
    const lineFrom = (length: number): string => {
      const text = piece(0, Math.min(length, size));
      const end = text.indexOf("\n");
      return end >= 0 || length >= size ? text.slice(0, end < 0 ? undefined : end) : lineFrom(4 * length);
    };
    const lineBefore = (length: number): string => {
      const text = piece(Math.max(0, size - length), size).trimEnd();
      const start = text.lastIndexOf("\n");
      return start >= 0 || length >= size ? text.slice(start + 1) : lineBefore(4 * length);
    };
    return [lineFrom(65_536), lineBefore(65_536)];
  } finally {
    closeSync(file);
  }
}

function parseEvent(line: string): RunEvent | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return undefined; // A run that was killed may have left half a line.
  }
  if (schemaProblem("event", event) !== undefined) return undefined;
  const known = event as RunEvent;
  return "results" in known ? { ...known, results: known.results.map(withInterval) } : known;
}
