/** The task and the encoder that a metric is elaborated for, and the axes that follow from them. */
import type { Axis, Network, Task } from "../../typed/tree.js";
import { Frame, type FrameOptions } from "../core/frame.js";

export interface MetricContext {
  readonly task: Task;
  readonly encoder: Network;
  /** Sizes stand for unknown ones, because the declaration is checked before any use. */
  readonly generic: boolean;
  /** The number of images that a `fit` sees, or undefined if it is not known. */
  readonly items?: number | undefined;
}

const axis = (name: string, size: number): Axis => ({ name, size });

/** The context for a declaration by itself. The sizes are different primes, so two axes are equal only if they are the same axis. */
export const genericContext: MetricContext = {
  task: { way: 7, shot: 3, query: 11, unlabeled: 13, distractor: 2 },
  encoder: {
    name: "encoder",
    input: [],
    layers: [],
    outputs: {
      vector: [axis("feature", 1597)],
      map: [axis("channel", 61), axis("height", 23), axis("width", 29)],
    },
    weights: [],
  },
  generic: true,
};

/** A head as a declaration by itself knows it: logits over classes, and one weight for each class and feature. */
export const genericHead: Network = {
  name: "head",
  input: [axis("feature", 1597)],
  layers: [],
  outputs: { out: [axis("class", 89)] },
  weights: [{ path: "weight", shape: [89, 1597], init: { kind: "constant", value: 0 }, trainable: true }],
};

/** Returns a frame that knows the axes of the task and of the encoder's outputs. */
export function metricFrame(
  { task, encoder, generic }: MetricContext,
  place: FrameOptions["place"],
  { opaque, transductive }: Pick<FrameOptions, "opaque" | "transductive"> = { opaque: new Set(), transductive: false },
): Frame {
  const image = generic ? {} : { image: encoder.input };
  const frame = new Frame({ place, generic, transductive, opaque, ...image }, []);
  frame.giveAxes((["way", "shot", "query"] as const).map((name) => axis(name, task[name])));
  for (const axes of Object.values(encoder.outputs)) frame.giveAxes(axes);
  return frame;
}

/**
 * Returns the axes that a layer of the metric may name: those of the task, and those of the encoder's outputs. `feature` is the one of
 * the vector. An axis that has several sizes, such as the channels of two maps, has no size that a layer could mean.
 */
export function layerAxes({ task, encoder }: MetricContext): Map<string, number> {
  const { way, shot, query } = task;
  const { vector = [], ...others } = encoder.outputs;
  const all = Object.values(others).flat();
  const single = all.filter(({ name, size }) => all.every((other) => other.name !== name || other.size === size));
  return new Map(
    [...single, ...vector].map(({ name, size }) => [name, size] as const).concat(Object.entries({ way, shot, query })),
  );
}
