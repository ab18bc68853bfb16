/** The canonical form of a learned tensor. */
import type { LearnedTensor } from "../../typed/tree.js";
import type { AxisNames } from "./axes.js";
import { type Canonical, plainFields } from "./value.js";

export function canonicalTensor(learn: LearnedTensor, names: AxisNames): Canonical {
  const of = learn.of === undefined ? {} : { of: names.axes([learn.of]) };
  return { ...plainFields(learn), axes: names.axes(learn.axes), ...of };
}
