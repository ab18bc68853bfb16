/** The key of a stage in the store: a hash of everything that its numbers depend on. */
import { createHash } from "node:crypto";
import type { Experiment, Stage } from "../typed/tree.js";
import { type Canonical, canonicalText } from "./canonical/value.js";
import { canonicalStage } from "./canonical.js";
import { semanticsOf } from "./semantics.js";

/** What of a stage's inputs exists already; undefined where it is still to be computed. */
export interface StageInputs {
  readonly seed: number;
  /** Digest of each finished stage's output, by stage id. */
  readonly outputs: Readonly<Record<string, string | undefined>>;
  /** Digest of each dataset, by dataset id. */
  readonly data: Readonly<Record<string, string | undefined>>;
}

class Pending extends Error {}

/**
 * sha256 (hex) over the canonical stage, the versions of the built-ins it uses, the digests of its inputs and the seed
 * (every stage draws: images, episodes or weights). Undefined ("pending") while one of its inputs has no digest yet.
 */
export function stageKey(stage: Stage, experiment: Experiment, inputs: StageInputs): string | undefined {
  const content = keyContent(stage, experiment, inputs);
  return content === undefined ? undefined : createHash("sha256").update(canonicalText(content)).digest("hex");
}

/** What `stageKey` hashes: stored in a manifest, it lets a later plan say which field changed. */
export function keyContent(stage: Stage, experiment: Experiment, inputs: StageInputs): Canonical | undefined {
  const known = (digest: string | undefined): string => {
    if (digest === undefined) throw new Pending();
    return digest;
  };
  try {
    return {
      stage: canonicalStage(stage, experiment, {
        output: (id) => known(inputs.outputs[id]),
        data: (id) => known(inputs.data[id]),
      }),
      semantics: semanticsOf(stage, experiment),
      seed: inputs.seed,
    };
  } catch (error) {
    if (error instanceof Pending) return undefined;
    throw error;
  }
}

/** The paths of the innermost fields at which two key contents differ: `stage.optimizer.lr`. */
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
 * Differences for a reader: at most `most` paths, each as long as that allows, so that of two networks it says `stage.encoder` and
 * not every size in them. Which versions of meanings a key holds follows from the rest of it, and is told where nothing else differs.
 */
export function differencesInBrief(paths: readonly string[], most = 5): string[] {
  const own = paths.filter((path) => !path.startsWith("semantics."));
  const told = own.length === 0 ? paths : own;
  const cut = (depth: number): string[] => [...new Set(told.map((path) => path.split(".").slice(0, depth).join(".")))];
  for (let depth = Math.max(0, ...told.map((path) => path.split(".").length)); depth > 2; depth--) {
    const brief = cut(depth);
    if (brief.length <= most) return brief;
  }
  return cut(2);
}
