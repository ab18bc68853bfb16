/** Thins the steps of trainings to curves that a figure can show. */
import type { NodeEvent } from "../../runtime/events/events.js";

type Step = Extract<NodeEvent, { type: "stage.step" }>;

/** The means of some steps in a row. The accuracy is NaN if the training reports none. */
export interface CurvePoint {
  /** The last of the steps. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly lr: number;
}

/** The most points of a curve. A figure has about as many columns of pixels. */
const mostPoints = 240;

/** Returns the curve of each stage. A step that was made again after a stop counts once, as it was made last. */
export function curvesOf(steps: readonly Step[]): ReadonlyMap<string, readonly CurvePoint[]> {
  const byStage = new Map<string, Map<number, Step>>();
  for (const step of steps) {
    const known = byStage.get(step.stage) ?? new Map<number, Step>();
    known.set(step.step, step);
    byStage.set(step.stage, known);
  }
  return new Map(
    [...byStage].map(([stage, made]) => [stage, thin([...made.values()].sort((a, b) => a.step - b.step))]),
  );
}

function thin(steps: readonly Step[]): CurvePoint[] {
  const size = Math.ceil(steps.length / mostPoints);
  return Array.from({ length: Math.ceil(steps.length / Math.max(1, size)) }, (_, i) => {
    const group = steps.slice(i * size, (i + 1) * size);
    return {
      step: group.at(-1)?.step ?? 0,
      loss: mean(group.map(({ loss }) => loss)),
      accuracy: mean(group.map(({ accuracy }) => accuracy ?? Number.NaN)),
      lr: mean(group.map(({ lr }) => lr)),
    };
  });
}

/** Returns the mean of the values that are numbers, or NaN without any. */
function mean(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
}
