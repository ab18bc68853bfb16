/** Descriptions of classes as inputs of programs: a feed with the rows of the classes. */
import type { EntryParam } from "../typed/tree.js";
import type { NamedOps, NamedTensor } from "./named-tensor.js";

/** The axis of the classes: the ways of an episode, or all classes of a split. */
export type DescribedAxis = "way" | "class";

/** Returns the name of the feed: `way.tag`, or `class.tag`. */
export const describedFeed = (axis: DescribedAxis, form: string): string => `${axis}.${form}`;

/** Returns the form of a feed of descriptions of this axis, or undefined for any other feed. */
export function describedForm(axis: DescribedAxis, feed: string): string | undefined {
  return feed.startsWith(`${axis}.`) ? feed.slice(axis.length + 1) : undefined;
}

/** Returns the names of the feeds of parameters that describe classes. */
export function describedFeeds(axis: DescribedAxis, params: readonly EntryParam[]): string[] {
  return params.flatMap(({ form, description }) => (description === undefined ? [] : [describedFeed(axis, form)]));
}

/**
 * Returns the value of a parameter that describes classes: f32 with the axes `batch` and those of the parameter. A parameter
 * without numbers tells if training has seen a class: it is true where the feed is above one half.
 */
export function describedTensor(
  ops: NamedOps,
  axis: DescribedAxis,
  param: EntryParam,
  batch: readonly { readonly name: string; readonly size: number }[],
): NamedTensor {
  const classes = param.axes.filter(({ name }) => name === axis);
  const numbers = param.axes.filter(({ name }) => name !== axis);
  const axes = [...batch, ...classes, ...numbers];
  const node = ops.t.input(
    describedFeed(axis, param.form),
    axes.map(({ size }) => size),
  );
  const rows = ops.of(
    node,
    axes.map(({ name }) => name),
  );
  return numbers.length > 0 ? rows : ops.compare("gt", rows, ops.scalar(0.5));
}
