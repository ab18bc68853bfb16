/** Lowering of typed expressions: one exhaustive table, by the kind of the expression. */
import { CompilerBug } from "../../common/bug.js";
import type { Callable, Expr, UnaryOp } from "../typed/tree.js";
import type { BlockEnvironment } from "./block.js";
import { crossEntropy, oneHot } from "./cross-entropy.js";
import { countOf, type NamedOps, type NamedTensor, sizeOf } from "./named-tensor.js";
import { sigmoid } from "./networks/activations.js";
import type { Adapted } from "./networks/calls.js";
import { nearest, pick, sumBy } from "./pick.js";

/** A network that a `minimize` binds: the network it comes from, and the weights that it has now. */
export interface BoundNetwork {
  readonly of: Callable;
  readonly adapted: Adapted;
}

/** The parts of a block that an expression in it needs. */
export interface ExpressionScope {
  readonly ops: NamedOps;
  readonly environment: BlockEnvironment;
  /** Lowers an expression. */
  expr(e: Expr): NamedTensor;
  /** Lowers an expression and casts it to f32. */
  real(e: Expr): NamedTensor;
  local(local: number): NamedTensor;
  network(target: Callable): BoundNetwork;
  /** Returns the trainable weights of a network end to end on the axis `as`. */
  concatenatedWeights(target: Callable, as: string): NamedTensor;
  /** Returns the derivative of the sum of `f` in `x`, a parameter or a local. */
  slope(f: Expr, x: Expr): NamedTensor;
  /** Returns the number of the next random draw, so that no two draws of an entry are the same. */
  nextDraw(): number;
}

type Of<E extends Expr, K extends Expr["k"]> = E extends Expr ? (K extends E["k"] ? E : never) : never;
type ExprOf<K extends Expr["k"]> = Of<Expr, K>;
type Rule<K extends Expr["k"]> = (block: ExpressionScope, e: ExprOf<K>) => NamedTensor;

/** Lowers an expression. The axes of the value are those that it has here, with those of the compiler (task, query). */
export function lowerExpression(block: ExpressionScope, e: Expr): NamedTensor {
  const rule = rules[e.k] as (block: ExpressionScope, e: Expr) => NamedTensor;
  return rule(block, e);
}

const rules: { readonly [K in Expr["k"]]: Rule<K> } = {
  number: ({ ops }, e) => ops.scalar(e.value, e.type.kind === "bool" ? "bool" : "f32"),
  param: ({ environment }, e) => environment.param(e.name),
  learn: ({ environment, ops }, e) => {
    const value = environment.learn(e.name);
    return e.type.kind === "class" ? ops.cast(value, "i32") : value;
  },
  fit: ({ environment: { fit } }, e) => {
    if (fit === undefined) throw new CompilerBug(`the fitted value ${e.name} is read where it cannot be`);
    return fit(e.name);
  },
  local: (block, e) => block.local(e.local),
  unary: (block, e) => unary(block.ops, e.op, block.expr(e.x)),
  binary: (block, e) =>
    e.op === "pow" ? power(block, e.a, e.b) : arithmetic(block.ops, e.op, block.expr(e.a), block.expr(e.b)),
  compare: (block, e) => block.ops.compare(e.op, block.expr(e.a), block.expr(e.b)),
  select: (block, e) => block.ops.select(block.expr(e.condition), block.expr(e.a), block.expr(e.b)),
  reduce: (block, e) => block.ops[e.op](block.real(e.x), e.over),
  slope: (block, e) => block.slope(e.f, e.x),
  sum_by: (block, e) => sumBy(block.ops, block.real(e.x), block.expr(e.y), e),
  argmax: (block, e) => block.ops.argmax(block.real(e.x), e.over),
  dot: (block, e) => block.ops.dot(block.real(e.a), block.real(e.b), e.over),
  rename: (block, e) => block.ops.rename(block.expr(e.x), e.renames),
  merge: (block, e) => block.ops.merge(block.expr(e.x), e.axes, e.as),
  split: (block, e) => block.ops.split(block.expr(e.x), e.axis, e.as),
  concat: (block, e) =>
    block.ops.concat(
      e.parts.map((part) => block.real(part)),
      e.along,
    ),
  top: (block, e) => block.ops.top(block.real(e.x), e.count, e.over, e.as),
  slice: (block, e) => {
    const taken = block.ops.slice(block.expr(e.x), e.over, e.start, e.start + e.count);
    return block.ops.rename(taken, [{ from: e.over, to: e.as }]);
  },
  index: ({ ops }, e) => ops.iota(e.axis),
  merged_index: ({ ops }, e) => mergedIndex(ops, e),
  one_hot: (block, e) => oneHot(block.ops, block.expr(e.x), e.axis.name, e.axis.size),
  eye: ({ ops }, e) => ops.cast(ops.compare("eq", ops.iota(e.a), ops.iota(e.b)), "f32"),
  fill: ({ ops }, e) => ops.constant([e.value], e.type.axes),
  solve: (block, e) => block.ops.solve(block.real(e.a), block.real(e.b), e.over),
  softmax: (block, e) => block.ops.softmaxOver("softmax", block.real(e.x), e.over),
  log_softmax: (block, e) => block.ops.softmaxOver("log_softmax", block.real(e.x), e.over),
  normalize: (block, e) => block.ops.normalize(block.real(e.x), e.over),
  logsumexp: (block, e) => block.ops.logsumexp(block.real(e.x), e.over),
  squared_distance: (block, e) => block.ops.squaredDistance(block.real(e.a), block.real(e.b), e.over),
  cross_entropy: (block, e) => {
    const axis = e.y.type.of?.name;
    if (axis === undefined) throw new CompilerBug("cross_entropy of a label that indexes nothing");
    return crossEntropy(block.ops, block.real(e.z), block.expr(e.y), axis, e.from);
  },
  dropout: (block, e) => {
    const x = block.real(e.x);
    const mask = block.environment.draws?.dropoutMask(`dropout.${block.nextDraw()}`, x, e.p);
    return mask !== undefined ? block.ops.mul(x, mask) : x;
  },
  draw: (block, e) => {
    const { draws } = block.environment;
    if (draws === undefined) throw new CompilerBug("a draw outside training");
    return draws.sample(`${e.law.kind}.${block.nextDraw()}`, e.law, e.type.axes);
  },
  pick: (block, e) => pick(block.ops, block.expr(e.x), e.at.k === "number" ? e.at.value : block.expr(e.at), e.over),
  blend: (block, e) => {
    const { ops } = block;
    const w = block.real(e.w);
    return ops.add(ops.mul(w, block.real(e.a)), ops.mul(ops.sub(ops.scalar(1), w), block.real(e.b)));
  },
  nearest: (block, e) => nearest(block.ops, block.real(e.x), e.size),
  rotations: (block, e) => rotations(block.ops, block.expr(e.x), e.as),
  apply: (block, e) => {
    const norm = typeof e.norm === "object" ? { from: block.expr(e.norm.from) } : e.norm;
    const { of: target, adapted } = block.network(e.target);
    return block.environment.apply({ target, x: block.real(e.x), output: e.output, norm, adapted });
  },
  weights: (block, e) => block.concatenatedWeights(e.target, e.as),
  entry_loss: ({ environment }, e) => environment.entryLoss(e.entry),
};

function unary(ops: NamedOps, op: UnaryOp, x: NamedTensor): NamedTensor {
  if (op === "not") return ops.unary("not", x);
  const real = ops.cast(x, "f32");
  return op === "sigmoid" ? sigmoid(ops, real) : ops.unary(op, real);
}

function arithmetic(
  ops: NamedOps,
  op: "add" | "sub" | "mul" | "div" | "max" | "min" | "and" | "or",
  a: NamedTensor,
  b: NamedTensor,
): NamedTensor {
  if (op === "and" || op === "or") return ops.binary(op, a, b);
  return ops.binary(op, ops.cast(a, "f32"), ops.cast(b, "f32"));
}

/** Returns a power. Whole and half exponents need no logarithm, so negative bases have values and gradients. */
function power(block: ExpressionScope, base: Expr, exponent: Expr): NamedTensor {
  const { ops } = block;
  const x = block.real(base);
  if (exponent.k === "number") {
    const p = exponent.value;
    if (p === 0.5) return ops.unary("sqrt", x);
    if (p === -0.5) return ops.unary("rsqrt", x);
    if (Number.isInteger(p) && p >= 1 && p <= 8)
      return Array.from({ length: p - 1 }).reduce<NamedTensor>((y) => ops.mul(y, x), x);
    if (p === -1) return ops.div(ops.scalar(1), x);
  }
  return ops.binary("pow", x, block.real(exponent));
}

/** Returns, for each place on a merged axis, the index along one of the axes that were merged. */
function mergedIndex(ops: NamedOps, { merged, as, axis }: ExprOf<"merged_index">): NamedTensor {
  const place = merged.findIndex((part) => part.name === axis);
  const own = merged[place];
  if (own === undefined) throw new CompilerBug(`${axis} is no part of ${as}`);
  const stride = countOf(merged.slice(place + 1));
  const size = countOf(merged);
  const data = Array.from({ length: size }, (_, i) => Math.floor(i / stride) % own.size);
  return ops.constant(data, [{ name: as, size }], "i32");
}

/** Returns images turned by 0, 90, 180 and 270 degrees, counterclockwise, on the new axis `as`. */
function rotations(ops: NamedOps, x: NamedTensor, as: string): NamedTensor {
  if (sizeOf(x, "height") !== sizeOf(x, "width")) throw new CompilerBug("rotations of images that are not square");
  const flipped = ops.order(
    ops.rename(x, [
      { from: "height", to: "width" },
      { from: "width", to: "height" },
    ]),
    x.axes,
  );
  const turns = [
    x,
    ops.reverse(flipped, "height"),
    ops.reverse(ops.reverse(x, "height"), "width"),
    ops.reverse(flipped, "width"),
  ];
  const images = ["channel", "height", "width"];
  const batch = x.axes.filter((name) => !images.includes(name));
  const slot = (turn: NamedTensor): NamedTensor => {
    const ordered = ops.order(turn, [...batch, ...images]);
    const axes = ordered.axes.map((name) => ({ name, size: sizeOf(ordered, name) }));
    return ops.reshape(ordered, [...axes.slice(0, batch.length), { name: as, size: 1 }, ...axes.slice(batch.length)]);
  };
  return ops.concat(turns.map(slot), as);
}
