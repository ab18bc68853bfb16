/** Defines the scores that an evaluation keeps of each episode, so that two evaluations of the same episodes can be compared. */
import { createHash } from "node:crypto";
import { plainTask } from "../../compiler/typed/tasks.js";
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
  /** The digest of the images and classes of the split. */
  readonly digest: string;
  /** `sampled` if the seed determined the episodes, `given` if a file did. */
  readonly episodes: "sampled" | "given";
  /** The digest of the images of each episode, in order. Equal digests mean equal episodes. */
  readonly list: string;
  readonly transductive: boolean;
  /** One value for each episode, by metric (`accuracy`, `top2`, …). */
  readonly metrics: Readonly<Record<string, readonly number[]>>;
}

export const scoresFile = "scores.json";

export function encodeScores(scores: Scores): Uint8Array {
  return Buffer.from(`${JSON.stringify(scores)}\n`);
}

/** Parses scores. Returns their problem if they are not valid. */
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
  const hash = createHash("sha256").update(JSON.stringify([...Object.values(plainTask(task)), episodes.length]));
  // The byte order is fixed, so the digest is the same on every machine.
  for (const { support, query, unlabeled } of episodes) {
    for (const images of [support, query, ...(unlabeled === undefined ? [] : [unlabeled])]) {
      const bytes = Buffer.alloc(4 * images.length);
      images.forEach((image, i) => bytes.writeInt32LE(image, 4 * i));
      hash.update(bytes);
    }
  }
  return hash.digest("hex");
}
