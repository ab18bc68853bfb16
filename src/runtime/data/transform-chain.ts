/** Divides the transform chains of a dataset into the prefixes that a pack stores and the steps that the loader does. */
import type { Dataset, Transform } from "../../compiler/typed/tree.js";
import { ImageTooSmallError, isRandom, type PackStep } from "./augment.js";
import { shorterSide } from "./resample.js";

/**
 * Returns the deterministic start of a chain. If a random-resized crop follows it, the last step shrinks the shorter side to
 * 1.5 times the size of the crop.
 */
function fixedPrefix(chain: readonly Transform[]): PackStep[] {
  const steps: PackStep[] = [];
  for (const step of chain) {
    if (step.op === "random_resized_crop") steps.push({ op: "shrink", size: Math.ceil(1.5 * step.size) });
    if (isRandom(step) || step.op === "normalize") break;
    steps.push(step);
  }
  return steps;
}

function sameStep(a: PackStep, b: PackStep): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Returns true if the loader must find a step done: one that resamples or separates the object is too expensive to repeat in each training
 * step, and the box around an object is known only while the image is read.
 */
function mustBePacked({ op }: PackStep): boolean {
  return op === "resize" || op === "shrink" || op === "box" || op === "foreground";
}

/**
 * Returns the prefixes to pack. If the fixed parts of the train and eval chains differ only in cheap steps after a common
 * start, such as a center crop, the common start is packed once for both. Otherwise each fixed part is packed on its own.
 */
export function packedPrefixes({
  train,
  eval: evaluation,
}: Pick<Dataset, "train" | "eval">): readonly (readonly PackStep[])[] {
  const a = fixedPrefix(train);
  const b = fixedPrefix(evaluation);
  let common = 0;
  while (common < a.length && common < b.length && sameStep(a[common] as PackStep, b[common] as PackStep)) common++;
  if (!a.slice(common).some(mustBePacked) && !b.slice(common).some(mustBePacked)) return [a.slice(0, common)];
  return [a, b];
}

/** Returns the steps of `chain` after `prefix`, up to `normalize`, or undefined if the chain does not start with the prefix. */
export function remainingSteps(
  chain: readonly Transform[],
  prefix: readonly PackStep[],
): readonly Transform[] | undefined {
  const done = prefix.filter((step) => step.op !== "shrink");
  for (const [i, step] of done.entries()) {
    const here = chain[i];
    if (here === undefined || !sameStep(here, step)) return undefined;
  }
  const shrink = prefix.find((step) => step.op === "shrink");
  const next = chain[done.length];
  if (shrink !== undefined && !(next?.op === "random_resized_crop" && Math.ceil(1.5 * next.size) === shrink.size)) {
    return undefined;
  }
  const rest = chain.slice(done.length);
  const end = rest.findIndex(({ op }) => op === "normalize");
  return end < 0 ? rest : rest.slice(0, end);
}

/** Writes steps in the notation of the language, for messages. */
export function describeSteps(steps: readonly PackStep[]): string {
  if (steps.length === 0) return "no transform";
  return steps.map((step) => ("size" in step ? `${step.op}(${step.size})` : step.op)).join(", ");
}

/**
 * Returns the size of an image of height × width after `steps`.
 *
 * @throws ImageTooSmallError if a crop is larger than the image.
 */
export function sizeAfter(
  steps: readonly PackStep[],
  height: number,
  width: number,
): { readonly height: number; readonly width: number } {
  let size = { height, width };
  for (const step of steps) {
    if (step.op === "trim") size = { ...size, height: Math.max(1, size.height - step.bottom) };
    else if (step.op === "resize") size = shorterSide(size.height, size.width, step.size);
    else if (step.op === "shrink" && Math.min(size.height, size.width) > step.size) {
      size = shorterSide(size.height, size.width, step.size);
    } else if (step.op === "random_resized_crop") size = { height: step.size, width: step.size };
    else if (step.op === "center_crop" || step.op === "random_crop") {
      const pad = step.op === "random_crop" ? step.pad : 0;
      if (Math.min(size.height, size.width) + 2 * pad < step.size) {
        throw new ImageTooSmallError(step.op, step.size, size.height, size.width);
      }
      size = { height: step.size, width: step.size };
    }
  }
  return size;
}
