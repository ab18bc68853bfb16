/** What an evaluation keeps of each episode, so that another one of the same episodes can be compared with it. */
import { createHash } from "node:crypto";
import type { SplitName, Task } from "../../compiler/typed/tree.js";
import type { Episode } from "../data/contract.js";
import { schemaProblem } from "../system/schema.js";

export interface Scores {
  readonly format: 1;
  readonly seed: number;
  /** In the order of the stage's rows. */
  readonly rows: readonly ScoredRow[];
}
export interface ScoredRow {
  readonly task: Task;
  readonly split: SplitName;
  /** Of the split: its images and classes. */
  readonly digest: string;
  /** `sampled` by the seed, or `given` as a list. */
  readonly episodes: "sampled" | "given";
  /** Of the episodes: which images each holds, in order. Equal digests, equal episodes. */
  readonly list: string;
  readonly transductive: boolean;
  /** By metric (`accuracy`, `top2`, …), a value for each episode. */
  readonly metrics: Readonly<Record<string, readonly number[]>>;
}

export const scoresFile = "scores.json";

export function encodeScores(scores: Scores): Uint8Array {
  return Buffer.from(`${JSON.stringify(scores)}\n`);
}

/** The scores that `text` holds, or what is wrong with it. */
export function parseScores(text: string): { readonly scores: Scores } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is not JSON" };
  }
  const problem = schemaProblem("scores", value);
  return problem === undefined ? { scores: value as Scores } : { problem };
}

export function episodesDigest(task: Task, episodes: readonly Episode[]): string {
  const hash = createHash("sha256").update(JSON.stringify([task.way, task.shot, task.query, episodes.length]));
  // Word by word in one byte order: the digest is the same on every machine.
  for (const { support, query } of episodes) {
    for (const images of [support, query]) {
      const bytes = Buffer.alloc(4 * images.length);
      images.forEach((image, i) => bytes.writeInt32LE(image, 4 * i));
      hash.update(bytes);
    }
  }
  return hash.digest("hex");
}
