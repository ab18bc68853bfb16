/** Defines the manifest of a stored stage, which records its numbers and their origin. */
import type { StageKind } from "../../compiler/typed/tree.js";
import type { Result } from "../events/events.js";
import { schemaProblem } from "../system/schema.js";
import { sha256 } from "../system/sha256.js";
import type { NumericsRecord } from "./numerics.js";

/** A stored result. It does not contain the name of the stage, so that a renamed stage finds its results again. */
export type StoredResult = Omit<Result, "stage">;

/** One validation during a training. */
export interface Validated {
  readonly step: number;
  readonly epoch: number;
  readonly accuracy: number;
  readonly ci95: number;
  readonly episodes: number;
  readonly best: boolean;
}

/** Measures of one class against all others. All three are from 0 to 1. */
export interface ClassScores {
  /** The share of the class's own queries among those that were taken for it. */
  readonly precision: number;
  /** The share of the class's queries that were taken for it. */
  readonly recall: number;
  /** The harmonic mean of both, 0 if both are 0. */
  readonly f1: number;
}

/** Counts of an evaluation in addition to its results. `row` is empty if the stage has one row. */
export type ReportData =
  | {
      readonly row: string;
      readonly kind: "per_class";
      readonly classes: readonly { readonly name: string; readonly queries: number; readonly accuracy: number }[];
    }
  /** `macro` has the means over the classes that have queries. A class that no query was taken for has the precision 0. */
  | {
      readonly row: string;
      readonly kind: "f1";
      readonly macro: ClassScores;
      readonly classes: readonly (ClassScores & { readonly name: string; readonly queries: number })[];
    }
  /** `cells` holds [class of the query, predicted class, count], with indices into `classes`. Counts of 0 are left out. */
  | {
      readonly row: string;
      readonly kind: "confusion";
      readonly classes: readonly string[];
      readonly cells: readonly (readonly [number, number, number])[];
    };

export interface Manifest {
  readonly format: 1;
  readonly key: string;
  readonly stage: { readonly id: string; readonly kind: StageKind };
  readonly fslc: string;
  readonly created: string;
  readonly seconds: number;
  /** The peak memory of the process of the stage, in bytes. Older entries do not have it. */
  readonly peakMemory?: number;
  readonly seed: number;
  readonly inputs: readonly { readonly stage: string; readonly key: string; readonly output: string }[];
  readonly data: readonly { readonly dataset: string; readonly digest: string; readonly skipped: number }[];
  readonly numerics: NumericsRecord;
  readonly weights: {
    readonly sha256: string;
    /** The size of the file. Older entries do not have it. */
    readonly bytes?: number;
    readonly tensors: number;
    readonly from: { readonly step: number; readonly epoch: number; readonly choice: "best" | "last" };
  } | null;
  readonly results: readonly StoredResult[];
  readonly history: readonly Validated[];
  readonly reports: readonly ReportData[];
  /** The further files of the entry: scores of each episode, logits. Older entries have none. */
  readonly files?: readonly { readonly name: string; readonly sha256: string; readonly bytes: number }[];
  readonly output: string;
  /** The digest of everything above, which shows damage. Older entries do not have it. */
  readonly seal?: string;
}

/** Returns the manifest with the digest of its own content. */
export function sealManifest(manifest: Manifest): Manifest {
  const { seal: _, ...content } = manifest;
  return { ...content, seal: sealOf(content) };
}

const sealOf = (content: Omit<Manifest, "seal">): string => sha256(JSON.stringify(content));

/** Returns the digest of an evaluation's output. It depends on the numbers and not on the order of object fields. */
export function resultsDigest(results: readonly StoredResult[], reports: readonly ReportData[]): string {
  return sha256(JSON.stringify([results.map((r) => [r.row ?? "", r.metric, r.mean, r.ci95, r.episodes]), reports]));
}

/** Parses a manifest. Returns its problem if it is not valid. */
export function parseManifest(text: string): { readonly manifest: Manifest } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "its manifest is not JSON" };
  }
  const problem = schemaProblem("manifest", value);
  if (problem !== undefined) return { problem: `its manifest is not valid: ${problem}` };
  const manifest = value as Manifest;
  const { seal, ...content } = manifest;
  if (seal !== undefined && seal !== sealOf(content)) return { problem: "its manifest is not as it was written" };
  const [results, history] = [manifest.results.map(withInterval), manifest.history.map(withInterval)];
  return { manifest: { ...manifest, results, history } };
}

/** Restores the interval of a single episode, which is NaN. JSON has no NaN, so it is stored as null. */
export function withInterval<T extends { readonly ci95: number }>(read: T): T {
  return { ...read, ci95: read.ci95 ?? Number.NaN };
}
