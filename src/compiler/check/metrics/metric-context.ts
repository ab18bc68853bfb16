/** The task and the encoder that a metric is elaborated for, and the axes that follow from them. */
import type * as ast from "../../../../grammar/ast.js";
import { describedAxes, seenForm } from "../../typed/described.js";
import type { Axis, Description, Network, Task } from "../../typed/tree.js";
import { Frame, type FrameOptions } from "../core/frame.js";

export interface MetricContext {
  readonly task: Task;
  readonly encoder: Network;
  /** Sizes stand for unknown ones, because the declaration is checked before any use. */
  readonly generic: boolean;
  /** The descriptions of the classes of an episode. */
  readonly descriptions: readonly Description[];
  /** The data that a `fit` sees, or undefined if the stage names none. */
  readonly base?: BaseData | undefined;
}
/** The base data of a `fit`. A number is undefined if it is not known. */
export interface BaseData {
  readonly items: number | undefined;
  readonly classes: number | undefined;
  readonly descriptions: readonly Description[];
}

const axis = (name: string, size: number): Axis => ({ name, size });

/** The context for a declaration by itself. The sizes are different primes, so two axes are equal only if they are the same axis. */
export const genericContext: MetricContext = {
  task: { way: 7, shot: 3, query: 11, unlabeled: 13, distractor: 2 },
  descriptions: [],
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

/** Stands for the sizes of descriptions. They are primes that nothing else has. */
const unknownSizes = [1601, 1607, 1609, 1613];

/**
 * Returns the context for a declaration by itself. A form along `way` or `class` that is none of the language's is taken to be a
 * description of classes, which the dataset of a later stage has.
 */
export function contextOfDeclaration({ entries, fits }: ast.MetricDecl): MetricContext {
  const params = [...entries.flatMap((entry) => entry.params), ...fits.flatMap((fit) => fit.from)];
  const names = new Set<string>();
  for (const { type } of params) {
    const [axis, ...more] = type?.axes ?? [];
    const isOfClasses = more.length === 0 && (axis?.text === "way" || axis?.text === "class");
    if (type !== undefined && isOfClasses && !knownForms.includes(type.name.text)) names.add(type.name.text);
  }
  const descriptions = [...names].map((name, i) => ({
    name,
    size: unknownSizes[i % unknownSizes.length] ?? 1601,
    digest: undefined,
  }));
  return { ...genericContext, descriptions, base: { items: undefined, classes: undefined, descriptions } };
}

const knownForms = ["vector", "map", "image", "class", seenForm];

/** Returns a frame that knows the axes of the task and of the encoder's outputs. */
export function metricFrame(
  { task, encoder, generic, descriptions }: MetricContext,
  place: FrameOptions["place"],
  { opaque, transductive }: Pick<FrameOptions, "opaque" | "transductive"> = { opaque: new Set(), transductive: false },
): Frame {
  const image = generic ? {} : { image: encoder.input };
  const frame = new Frame({ place, generic, transductive, opaque, ...image }, []);
  frame.giveAxes([...taskAxes(task).map((name) => axis(name, task[name])), ...describedAxes(descriptions)]);
  for (const axes of Object.values(encoder.outputs)) frame.giveAxes(axes);
  return frame;
}

/**
 * Returns the axes that a layer of the metric may name: those of the task and of descriptions, and those of the encoder's outputs.
 * `feature` is the one of the vector. An axis that has several sizes, such as the channels of two maps, has no size that a layer
 * could mean.
 */
export function layerAxes({ task, encoder, descriptions }: MetricContext): Map<string, number> {
  const { vector = [], ...others } = encoder.outputs;
  const all = Object.values(others).flat();
  const single = all.filter(({ name, size }) => all.every((other) => other.name !== name || other.size === size));
  const named = [...single, ...vector, ...describedAxes(descriptions)];
  return new Map([
    ...named.map(({ name, size }) => [name, size] as const),
    ...taskAxes(task).map((name) => [name, task[name]] as const),
  ]);
}

/** Returns the axes that an episode has: without supports there is no `shot`. */
export function taskAxes({ shot }: Task): readonly ("way" | "shot" | "query")[] {
  return shot > 0 ? ["way", "shot", "query"] : ["way", "query"];
}
