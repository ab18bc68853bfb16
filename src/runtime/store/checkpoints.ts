/**
 * Keeps the state of unfinished stages, so that a run that was stopped or killed continues where it was. A checkpoint is one
 * safetensors file whose name holds its step and its digest. It is complete or absent, and the last two are kept: if one is damaged,
 * the one before it is used.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { HostTensors } from "../engines/engine.js";
import { replaceFile } from "../system/durable.js";
import { mostBytes, RefusedFileError, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { splitSafetensors } from "../system/safetensors-header.js";
import { schemaProblem } from "../system/schema.js";
import { sha256 } from "../system/sha256.js";
import { removeLeftovers } from "../system/temporary.js";
import { type Validated, withInterval } from "./manifest.js";
import { type NumericsRecord, numericsId } from "./numerics.js";
import { damagedParts, episodesInParts, Parts } from "./parts.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** The state of a training after a step. */
export interface Checkpoint {
  readonly step: number;
  readonly history: readonly Validated[];
  readonly tensors: HostTensors;
}

/** The number of checkpoints of a training that are kept. */
const kept = 2;
/** The file with the numerics of the stage. */
const numericsFile = "numerics.json";
const pattern = /^step-(\d+)-([0-9a-f]{64})\.safetensors$/;

export class Checkpoints {
  /** The finished parts of an evaluation that has not ended. */
  readonly parts: Parts;
  private readonly dir: string;
  private readonly numerics: NumericsRecord;

  /**
   * Opens the checkpoints of one stage. A training continues exactly only with the same key, the same numerics and the same version of
   * fslc, so all three are part of the path.
   */
  constructor(root: string, { key, numerics, version }: { key: string; numerics: NumericsRecord; version: string }) {
    this.dir = join(root, key, `${numericsId(numerics)}-${version}`);
    this.numerics = numerics;
    this.parts = new Parts(this.dir, () => this.describe());
  }

  /** Writes a checkpoint and removes those before the last two. @throws DiagnosticError FSL7031 if it cannot be written. */
  async write({ step, history, tensors }: Checkpoint): Promise<void> {
    const bytes = encodeSafetensors(tensors, { training: JSON.stringify({ format: 1, step, history }) });
    const path = join(this.dir, `step-${step}-${sha256(bytes)}.safetensors`);
    try {
      if (bytes.length > mostBytes.weights)
        throw new RefusedFileError("it has more than 2 GiB, and no larger file is read");
      await this.describe();
      await replaceFile(path, bytes);
      for (const { name } of this.list().slice(kept)) await rm(join(this.dir, name), { force: true });
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
    }
  }

  /**
   * Returns the checkpoint with the highest step that is as it was written, or undefined. `onDamaged` gets the others above it, which
   * are removed: they would count among the last two, in the place of good ones.
   */
  newest(onDamaged: (path: string) => void): Checkpoint | undefined {
    removeLeftovers(this.dir);
    for (const { name, digest } of this.list()) {
      const path = join(this.dir, name);
      const checkpoint = read(path, digest);
      if (checkpoint !== undefined) return checkpoint;
      onDamaged(path);
      discard(path);
    }
    return undefined;
  }

  /** Removes all checkpoints of the stage. A failure is ignored, because they are only in the way of disk space. */
  async clear(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true }).catch(() => undefined);
    await rmdir(dirname(this.dir)).catch(() => undefined); // It stays if other numerics have checkpoints too.
  }

  /** Writes what computes the stage, so that a plan can say whether a run would continue it. */
  private async describe(): Promise<void> {
    const path = join(this.dir, numericsFile);
    if (!existsSync(path)) await replaceFile(path, `${JSON.stringify(this.numerics)}\n`);
  }

  /** Returns the files of checkpoints, the one with the highest step first. */
  private list(): { readonly name: string; readonly step: number; readonly digest: string }[] {
    return namesIn(this.dir)
      .flatMap((name) => {
        const [, step, digest] = pattern.exec(name) ?? [];
        return step === undefined || digest === undefined ? [] : [{ name, step: Number(step), digest }];
      })
      .sort((a, b) => b.step - a.step);
  }
}

/** The folder of the checkpoints of one stage with the same numerics and version. */
export interface CheckpointFolder {
  readonly key: string;
  readonly dir: string;
  /** The id of the numerics. */
  readonly numerics: string;
  /** The finished work of the stage, or undefined if the folder holds nothing of use. */
  readonly done: Done | undefined;
}

/** The work that an unfinished stage does not repeat. */
export interface Done {
  readonly count: number;
  readonly unit: "steps" | "episodes";
}

/** Returns the folders of all checkpoints. */
export function checkpointFolders(root: string): CheckpointFolder[] {
  const keys = namesIn(root).filter((key) => !key.startsWith("."));
  return keys.flatMap((key) =>
    namesIn(join(root, key)).map((name) => {
      const dir = join(root, key, name);
      return { key, dir, numerics: name.split("-")[0] ?? "", done: doneIn(dir) };
    }),
  );
}

/**
 * Returns what a run would not repeat of an unfinished stage, or undefined if it would start at the beginning. `accepts` tells whether
 * the run has these numerics.
 */
export function unfinishedStage(
  root: string,
  { key, version }: { readonly key: string; readonly version: string },
  accepts: (numerics: NumericsRecord) => boolean,
): Done | undefined {
  const names = namesIn(join(root, key)).filter((name) => name.endsWith(`-${version}`));
  return names.flatMap((name) => {
    const dir = join(root, key, name);
    const numerics = readNumerics(dir);
    return (numerics !== undefined && accepts(numerics) && doneIn(dir)) || [];
  })[0];
}

function doneIn(dir: string): Done | undefined {
  const steps = namesIn(dir).flatMap((file) => pattern.exec(file)?.[1] ?? []);
  if (steps.length > 0) return { count: Math.max(...steps.map(Number)), unit: "steps" };
  const episodes = episodesInParts(dir);
  return episodes === undefined ? undefined : { count: episodes, unit: "episodes" };
}

function readNumerics(dir: string): NumericsRecord | undefined {
  try {
    return JSON.parse(readRegularFile(join(dir, numericsFile), mostBytes.list).toString("utf8")) as NumericsRecord;
  } catch {
    return undefined;
  }
}

/** Returns the paths of the checkpoints and parts in a folder that are not as they were written. */
export function damagedCheckpoints(dir: string): string[] {
  const steps = namesIn(dir).flatMap((name) => {
    const digest = pattern.exec(name)?.[2];
    const path = join(dir, name);
    return digest === undefined || read(path, digest) !== undefined || !existsSync(path) ? [] : [path];
  });
  return [...steps, ...damagedParts(dir)];
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // No checkpoint was written.
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It is on a disk that cannot be written, where no checkpoint can be kept either.
  }
}

function read(path: string, digest: string): Checkpoint | undefined {
  try {
    const bytes = readRegularFile(path, mostBytes.weights);
    if (sha256(bytes) !== digest) return undefined;
    const { header } = splitSafetensors(bytes);
    const { training } = header["__metadata__"] as { training: string };
    const state: unknown = JSON.parse(training);
    if (schemaProblem("checkpoint", state) !== undefined) return undefined;
    const { step, history } = state as Pick<Checkpoint, "step" | "history">;
    return { step, history: history.map(withInterval), tensors: decodeSafetensors(bytes) };
  } catch {
    return undefined;
  }
}
