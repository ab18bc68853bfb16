/** Finds experiments whose trainings normalize more pixels at once than the engine `onednn` has a primitive for. */
import type { Experiment, Stage } from "../../compiler/typed/tree.js";
import { normLimit } from "../engines/long-norms.js";

/** Tells whether a training of these experiments has a batch norm over more than `normLimit` pixels of a channel. */
export const hasLongNorms = (experiments: readonly Experiment[]): boolean =>
  experiments.some(({ stages }) => stages.some((stage) => mostPixels(stage) > normLimit));

/** Returns the pixels of the longest norm of a training stage's encoder: its images at once, times the pixels of a channel. */
function mostPixels(stage: Stage): number {
  if (stage.kind === "evaluate") return 0;
  const pixels = stage.encoder.value.layers.flatMap(({ op, output }) =>
    op.kind === "batch_norm"
      ? [output.filter(({ name }) => name !== op.axis).reduce((product, { size }) => product * size, 1)]
      : [],
  );
  return Math.max(0, ...pixels) * imagesAtOnce(stage);
}

function imagesAtOnce(stage: Exclude<Stage, { kind: "evaluate" }>): number {
  if (stage.kind === "pretrain") return stage.duration.perStep / (stage.duration.parts ?? 1);
  const { way, shot, query } = stage.episodes.task;
  return way * (shot + query);
}
