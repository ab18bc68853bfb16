/**
 * Plans sums of many numbers in stages. The kernels of engines add the numbers of some reductions one after the other into one
 * 32-bit accumulator. Its rounding errors grow with the count: the batch variance of 255 images of 224 pixels was 2 % too small.
 * A sum of sums of at most a few thousand numbers has no such error, and takes no longer.
 */
import type { Shape } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";

/** One stage: the tensor gets zeros at the end of an axis if `padding` is set, then it is reshaped, then its axis 1 is summed. */
export interface SumStage {
  /** The zeros that are added at the end of axis 1 of the tensor in the shape `of`; undefined if none are needed. */
  readonly padding?: { readonly of: Shape; readonly zeros: number };
  /** [before, length, after], or [before, length] if there is nothing after the summed axis: a last axis of size 1 is slow. */
  readonly shape: Shape;
}

/** The largest count that an engine sums well in one op: along the last axis, and along any other. */
export interface SumLimits {
  readonly last: number;
  readonly other: number;
}

/** Neighboring axes that are all summed, or all kept. */
interface Run {
  readonly size: number;
  readonly summed: boolean;
}

/** Returns the stages that sum a tensor over the axes, or nothing if one op does it well. The result is left in the shape of the last stage. */
export function sumStages(shape: Shape, axes: readonly number[], limits: SumLimits): readonly SumStage[] {
  const count = elementCount(axes.map((axis) => shape[axis] ?? 1));
  if (count <= limits.other) return [];
  const stages: SumStage[] = [];
  let runs = runsOf(shape, axes);
  while (runs.some(({ summed }) => summed)) {
    // The last run first: its numbers lie together, and what is left is small.
    const at = runs.findLastIndex(({ summed }) => summed);
    const length = (runs[at] as Run).size;
    const before = sizeOf(runs.slice(0, at));
    const after = sizeOf(runs.slice(at + 1));
    const limit = after === 1 ? limits.last : limits.other;
    const { part, zeros } = length <= limit ? { part: length, zeros: 0 } : division(length, limit);
    const rest = (length + zeros) / part;
    stages.push({
      ...(zeros === 0 ? {} : { padding: { of: blocks(before, length, after), zeros } }),
      shape: blocks(before * rest, part, after),
    });
    runs = joined(runs.with(at, { size: rest, summed: rest > 1 }));
  }
  return stages;
}

/**
 * Returns into how many equal runs of images [n, c, h, w] the gradient of a filter is divided, so that a kernel adds at most `limit`
 * terms. A single image is never divided.
 */
export function imageRuns([n = 1, , h = 1, w = 1]: Shape, limit: number): number {
  let runs = 1;
  while (runs < n && (n % runs !== 0 || (n / runs) * h * w > limit)) runs++;
  return runs;
}

const blocks = (before: number, length: number, after: number): Shape =>
  after === 1 ? [before, length] : [before, length, after];

const sizeOf = (runs: readonly Run[]): number => elementCount(runs.map(({ size }) => size));

const runsOf = (shape: Shape, axes: readonly number[]): readonly Run[] =>
  joined(shape.map((size, axis) => ({ size, summed: axes.includes(axis) })));

function joined(runs: readonly Run[]): readonly Run[] {
  const result: Run[] = [];
  for (const run of runs) {
    if (run.size === 1) continue;
    const last = result.at(-1);
    if (last?.summed === run.summed) result[result.length - 1] = { ...run, size: last.size * run.size };
    else result.push(run);
  }
  return result;
}

/**
 * Divides a length into equal parts of about its square root, so that both sums are short. If no divisor is near the root, zeros make
 * the length divisible.
 */
function division(length: number, limit: number): { readonly part: number; readonly zeros: number } {
  const root = Math.min(Math.floor(Math.sqrt(length)), limit);
  for (let part = root; part >= Math.max(2, root / 16); part--) if (length % part === 0) return { part, zeros: 0 };
  return { part: root, zeros: (root - (length % root)) % root };
}
