/**
 * Keeps the finished parts of evaluations that have not ended, so that a run that was stopped or killed repeats little. A part is one
 * safetensors file with the values of a range of episodes or images. Its name holds the range and the digest, so it is complete or
 * absent, and damage is found. Several processes may write parts of one evaluation: a range has the same values whoever computes it.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { HostTensors } from "../engines/engine.js";
import { replaceFile } from "../system/durable.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** A range of things, from `from` to before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The values of a range, with one row of each tensor for each thing. */
export interface Part extends Range {
  readonly tensors: HostTensors;
}

const pattern = /^part\.([\w-]+)\.(\d+)-(\d+)\.([0-9a-f]{64})\.safetensors$/;

interface PartFile extends Range {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
}

export class Parts {
  /** `dir` is the folder of the checkpoints of the stage, and `describe` writes into it what computes them. */
  constructor(
    private readonly dir: string,
    private readonly describe: () => Promise<void>,
  ) {}

  /** Writes a part of the things called `name`. @throws DiagnosticError FSL7031 if it cannot be written. */
  async write(name: string, { from, to, tensors }: Part): Promise<void> {
    const bytes = encodeSafetensors(tensors);
    const path = join(this.dir, `part.${name}.${from}-${to}.${sha256(bytes)}.safetensors`);
    try {
      await this.describe();
      await replaceFile(path, bytes);
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
    }
  }

  /** Returns the parts of the things called `name` that are as they were written. The others are removed, and `onDamaged` gets their paths. */
  read(name: string, onDamaged: (path: string) => void): Part[] {
    return partFiles(this.dir).flatMap((file) => {
      if (file.name !== name) return [];
      const tensors = read(file);
      if (tensors !== undefined) return [{ from: file.from, to: file.to, tensors }];
      onDamaged(file.path);
      discard(file.path);
      return [];
    });
  }
}

/** The name of the episodes of a row of an evaluation among its parts. */
export const rowName = (place: number): string => `row-${place}`;

/** Returns how many episodes of an evaluation the parts in a folder have, whole or damaged, or undefined if there are none. */
export function episodesInParts(dir: string): number | undefined {
  const files = partFiles(dir).filter(({ name }) => name.startsWith("row-"));
  const names = [...new Set(files.map(({ name }) => name))];
  if (names.length === 0) return undefined;
  return names.reduce((sum, row) => sum + covered(files.filter(({ name }) => name === row)), 0);
}

/** Returns the paths of the parts in a folder that are not as they were written. */
export function damagedParts(dir: string): string[] {
  return partFiles(dir).flatMap((file) => (read(file) === undefined ? [file.path] : []));
}

/** Returns how many things are in at least one of the ranges. */
function covered(ranges: readonly Range[]): number {
  let end = 0;
  let count = 0;
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    count += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return count;
}

function partFiles(dir: string): PartFile[] {
  return namesIn(dir).flatMap((file) => {
    const [, name, from, to, digest] = pattern.exec(file) ?? [];
    if (name === undefined || digest === undefined) return [];
    return [{ name, from: Number(from), to: Number(to), digest, path: join(dir, file) }];
  });
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // No part was written.
  }
}

function read({ path, digest }: PartFile): HostTensors | undefined {
  try {
    const bytes = readRegularFile(path, mostBytes.weights);
    return sha256(bytes) === digest ? decodeSafetensors(bytes) : undefined;
  } catch {
    return undefined;
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It is on a disk that cannot be written, where no part can be kept either.
  }
}
