/** Computes the key of a stage in the store: a hash of everything that its numbers depend on. */

import { createHash } from "node:crypto";
import { own } from "../../common/own.js";
import type { DataDigests, Experiment, Stage } from "../typed/tree.js";
import { type Canonical, canonicalText } from "./canonical/value.js";
import { canonicalStage } from "./canonical.js";
import { semanticsOf } from "./semantics.js";

/** The digests of the inputs of stages. A digest is undefined while its input is not computed. */
export interface StageInputs {
  readonly seed: number;
  /** The digest of each finished stage's output, by stage id. */
  readonly outputs: Readonly<Record<string, string | undefined>>;
  /** The digests of each dataset, by dataset id. A key contains those of the splits that its stage reads. */
  readonly data: Readonly<Record<string, DataDigests | undefined>>;
}

/** Thrown while a key is computed and an input has no digest yet. */
class Pending extends Error {}

/**
 * Returns the sha256 (hex) of the canonical stage, the versions of its built-ins, the digests of its inputs and the seed.
 * The seed is part of every key, because every stage draws images, episodes or weights. Returns undefined while one of the
 * inputs has no digest.
 */
export function stageKey(stage: Stage, experiment: Experiment, inputs: StageInputs): string | undefined {
  const content = keyContent(stage, experiment, inputs);
  return content === undefined ? undefined : createHash("sha256").update(canonicalText(content)).digest("hex");
}

/** Returns the content that `stageKey` hashes. The store keeps it, so that a later plan can say which field changed. */
export function keyContent(stage: Stage, experiment: Experiment, inputs: StageInputs): Canonical | undefined {
  const known = (digest: string | undefined): string => {
    if (digest === undefined) throw new Pending();
    return digest;
  };
  try {
    return {
      stage: canonicalStage(stage, experiment, {
        output: (id) => known(own(inputs.outputs, id)),
        split: ({ dataset, split }) => known(own(inputs.data, dataset)?.splits[split]),
      }),
      semantics: semanticsOf(stage, experiment),
      seed: inputs.seed,
    };
  } catch (error) {
    if (error instanceof Pending) return undefined;
    throw error;
  }
}

/** Returns the paths of the innermost fields in which two key contents differ: `stage.optimizer.lr`. */
export function keyDifferences(a: Canonical, b: Canonical, path = ""): string[] {
  if (canonicalText(a) === canonicalText(b)) return [];
  const fields = (v: Canonical): Readonly<Record<string, Canonical>> | undefined =>
    v !== null && typeof v === "object" ? (v as Readonly<Record<string, Canonical>>) : undefined;
  const left = fields(a);
  const right = fields(b);
  if (left === undefined || right === undefined || Array.isArray(a) !== Array.isArray(b)) return [path];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    keyDifferences(left[key] ?? null, right[key] ?? null, path ? `${path}.${key}` : key),
  );
}

/**
 * Shortens differences for a reader to at most `most` paths, as long as possible: for two networks it returns
 * `stage.encoder` and not every size in them. The versions of built-ins follow from the rest of a key, so they are
 * returned only if nothing else differs.
 */
export function differencesInBrief(paths: readonly string[], most = 5): string[] {
  const own = paths.filter((path) => !path.startsWith("semantics."));
  const shown = own.length === 0 ? paths : own;
  const cut = (depth: number): string[] => [...new Set(shown.map((path) => path.split(".").slice(0, depth).join(".")))];
  for (let depth = Math.max(0, ...shown.map((path) => path.split(".").length)); depth > 2; depth--) {
    const brief = cut(depth);
    if (brief.length <= most) return brief;
  }
  return cut(2);
}
