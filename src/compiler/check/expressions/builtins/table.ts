/** The table of the built-in functions of expressions: how each is called, and its typing rule. */

import type { Value } from "../../core/values.js";
import { reduceBy } from "./by-labels.js";
import type { BuiltinCall } from "./call.js";
import { beta, normal, permutation, uniform } from "./draws.js";
import { dropout, elementwise, extreme } from "./elementwise.js";
import { blend, imageOf, pixelsOf, rotations } from "./images.js";
import { crossEntropy, label, nearest, oneHot } from "./labels.js";
import { dot, eye, solve, squaredDistance } from "./linear.js";
import { argmax, logsumexpLike, reduce, top } from "./reduce.js";
import { concat, fill, merge, pick, position, size, split } from "./shape.js";
import { slice } from "./slices.js";
import { slope } from "./slope.js";
import { weights } from "./weights.js";

export interface Builtin {
  /** The names of its parameters. `"…"` as the last one allows any number of further arguments. */
  readonly params: readonly string[];
  /** True if all arguments are axes: `size(way)`, `eye(i, i')`. */
  readonly takesAxes?: boolean;
  /** True if the last argument is an axis or a list of axes: `merge(x, [way, shot] as item)`, `split(x, item as …)`. */
  readonly lastIsAxes?: boolean;
  /** The number of axes after the word: `one` is exactly one, `some` at least one, `maybe` none or more. */
  readonly over?: "one" | "some" | "maybe";
  /** True if labels after `by` may say where the elements go: `sum(x by y over item)`. */
  readonly by?: boolean;
  readonly along?: "one";
  readonly as?: "one" | "some" | "maybe";
  /** True if its axes may have sizes of their own: `zeros(slot: 8)`, `split(x, feature as [head: 4, d])`. */
  readonly sized?: boolean;
  readonly rule: (call: BuiltinCall) => Value;
  /** An example of a call, for help. */
  readonly usage: string;
}

const reductions = (op: "sum" | "mean"): Builtin => ({
  params: ["x"],
  over: "some",
  by: true,
  rule: (call) => (call.by === undefined ? reduce(call, op) : reduceBy(call, call.by, op)),
  usage: `${op}(x over shot)`,
});
const extremes = (op: "max" | "min"): Builtin => ({
  params: ["x", "…"],
  over: "maybe",
  rule: (call) => (call.over.length > 0 ? reduce(call, op) : extreme(call, op)),
  usage: `${op}(x over shot)`,
});
const unary = (op: Parameters<typeof elementwise>[1]): Builtin => ({
  params: ["x"],
  rule: (call) => elementwise(call, op),
  usage: `${op}(x)`,
});
const along = (op: Parameters<typeof logsumexpLike>[1]): Builtin => ({
  params: ["x"],
  over: "some",
  rule: (call) => logsumexpLike(call, op),
  usage: `${op}(x over way)`,
});
const filled = (value: number, usage: string): Builtin => ({
  params: ["…"],
  takesAxes: true,
  sized: true,
  rule: (call) => fill(call, value),
  usage,
});

const ends = (end: "first" | "last"): Builtin => ({
  params: ["k", "x"],
  over: "one",
  as: "one",
  rule: (call) => slice(call, end),
  usage: `${end}(3, x over item as some)`,
});

const builtins: Readonly<Record<string, Builtin>> = {
  sum: reductions("sum"),
  mean: reductions("mean"),
  max: extremes("max"),
  min: extremes("min"),
  argmax: { params: ["x"], over: "one", rule: argmax, usage: "argmax(x over way)" },
  top: { params: ["k", "x"], over: "one", as: "one", rule: top, usage: "top(3, x over item as best)" },
  first: ends("first"),
  last: ends("last"),
  softmax: along("softmax"),
  log_softmax: along("log_softmax"),
  logsumexp: along("logsumexp"),
  normalize: along("normalize"),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  tanh: unary("tanh"),
  abs: unary("abs"),
  floor: unary("floor"),
  relu: unary("relu"),
  sigmoid: unary("sigmoid"),
  stop_gradient: unary("stop_gradient"),
  dropout: { params: ["x", "p"], rule: dropout, usage: "dropout(x, 0.5)" },
  dot: { params: ["a", "b"], over: "some", rule: dot, usage: "dot(a, b over feature)" },
  squared_distance: {
    params: ["a", "b"],
    over: "some",
    rule: squaredDistance,
    usage: "squared_distance(a, b over feature)",
  },
  solve: { params: ["A", "B"], over: "one", rule: solve, usage: "solve(A, B over i)" },
  eye: { params: ["a", "b"], takesAxes: true, sized: true, rule: eye, usage: "eye(i, i')" },
  size: { params: ["axis"], takesAxes: true, rule: size, usage: "size(way)" },
  label: { params: ["axis"], takesAxes: true, sized: true, rule: label, usage: "label(way)" },
  zeros: filled(0, "zeros(way, feature)"),
  ones: filled(1, "ones(way, slot: 8)"),
  one_hot: { params: ["y"], rule: oneHot, usage: "one_hot(y)" },
  cross_entropy: { params: ["z", "y"], rule: crossEntropy, usage: "cross_entropy(z, y)" },
  merge: { params: ["x", "axes"], lastIsAxes: true, as: "one", rule: merge, usage: "merge(x, [way, shot] as item)" },
  split: {
    params: ["x", "axis"],
    lastIsAxes: true,
    as: "some",
    sized: true,
    rule: split,
    usage: "split(x, item as [way, shot])",
  },
  concat: { params: ["a", "…"], along: "one", rule: concat, usage: "concat(a, b along channel)" },
  pick: { params: ["x", "at"], over: "one", rule: pick, usage: "pick(x, y over class)" },
  position: { params: ["axis"], takesAxes: true, sized: true, rule: position, usage: "position(way)" },
  blend: { params: ["a", "b", "w"], rule: blend, usage: "blend(x, y, 0.5)" },
  uniform: { params: [], as: "maybe", sized: true, rule: uniform, usage: "uniform()" },
  normal: { params: [], as: "maybe", sized: true, rule: normal, usage: "normal()" },
  beta: { params: ["a", "b"], as: "maybe", sized: true, rule: beta, usage: "beta(1.0, 1.0)" },
  permutation: { params: ["axis"], takesAxes: true, sized: true, rule: permutation, usage: "permutation(item)" },
  weights: { params: ["network"], as: "one", rule: weights, usage: "weights(encoder as w)" },
  nearest: { params: ["x"], over: "one", rule: nearest, usage: "nearest(r over height)" },
  pixels: { params: ["x"], rule: pixelsOf, usage: "pixels(x)" },
  image: { params: ["x"], rule: imageOf, usage: "image(v)" },
  slope: { params: ["f", "x"], rule: slope, usage: "slope(f, x)" },
  rotations: { params: ["x"], as: "one", rule: rotations, usage: "rotations(x as turn)" },
};

export const builtinNames: readonly string[] = Object.keys(builtins);
export function isBuiltin(name: string): boolean {
  return Object.hasOwn(builtins, name);
}
export function builtinOf(name: string): Builtin | undefined {
  return isBuiltin(name) ? builtins[name] : undefined;
}

/**
 * Returns how a built-in can be called if it is passed as a function: the number of its values, and whether it takes axes.
 * Returns undefined if it needs more than values and `over`.
 */
export function arityOf(name: string): { readonly params: number; readonly axes: boolean } | undefined {
  const builtin = builtinOf(name);
  if (builtin === undefined || builtin.takesAxes || builtin.lastIsAxes || builtin.as || builtin.along) return undefined;
  return { params: builtin.params.filter((param) => param !== "…").length, axes: builtin.over !== undefined };
}
