/** Typed expressions to tensors: one exhaustive switch. The axes of a value are those it has here, the compiler's own (task, query) included. */
import { CompilerBug } from "../bug.js";
import type { Block, Callable, Expr, UnaryOp } from "../typed.js";
import type { Draws } from "./draws.js";
import { sigmoid } from "./layers.js";
import { type Named, type NamedOps, sizeOf } from "./named.js";

/** How a call of a network says its batch norms' mode, its `from` value lowered. */
export type CallNorm = "phase" | "batch" | "running" | { readonly from: Named };

/** What the names in a body stand for. */
export interface Scope {
  readonly param: (name: string) => Named;
  readonly learn: (name: string) => Named;
  readonly apply: (target: Callable, x: Named, output: string, norm: CallNorm) => Named;
  /** The value of a loss entry, or the default loss of `classify`. */
  readonly entryLoss: (entry: string) => Named;
  readonly draws: Draws | undefined;
}

/** Probabilities below this are taken as this before their logarithm. */
const leastProbability = 1e-30;

export function lowerBlock(ops: NamedOps, block: Block, scope: Scope): Named {
  return new Body(ops, scope).block(block);
}

class Body {
  private readonly locals = new Map<number, Named>();
  private dropouts = 0;

  constructor(
    private readonly ops: NamedOps,
    private readonly scope: Scope,
  ) {}

  block(block: Block): Named {
    for (const statement of block.statements) {
      // Loops and minimisations check but carry a blocker: the runtime refuses their stages before lowering.
      if (statement.kind !== "let") throw new CompilerBug(`a ${statement.kind} reached lowering`);
      this.locals.set(statement.local, this.expr(statement.value));
    }
    return this.expr(block.result);
  }

  private expr(e: Expr): Named {
    return this.ops.graph.at(e.span, () => this.lower(e));
  }

  private lower(e: Expr): Named {
    const { ops } = this;
    switch (e.k) {
      case "number":
        return ops.scalar(e.value, e.type.kind === "bool" ? "bool" : "f32");
      case "param":
        return this.scope.param(e.name);
      case "learn":
        return this.scope.learn(e.name);
      case "fit":
        throw new CompilerBug(`the fitted value ${e.name} reached lowering`);
      case "local": {
        const value = this.locals.get(e.local);
        if (!value) throw new CompilerBug(`local ${e.local} is used before it is bound`);
        return value;
      }
      case "unary":
        return this.unary(e.op, this.expr(e.x));
      case "binary":
        return e.op === "pow" ? this.power(e.a, e.b) : this.arithmetic(e.op, this.expr(e.a), this.expr(e.b));
      case "compare":
        return ops.compare(e.op, this.expr(e.a), this.expr(e.b));
      case "select":
        return ops.select(this.expr(e.condition), this.expr(e.a), this.expr(e.b));
      case "reduce":
        return ops[e.op](this.real(e.x), e.over);
      case "argmax":
        return ops.argmax(this.real(e.x), e.over);
      case "dot":
        return ops.dot(this.real(e.a), this.real(e.b), e.over);
      case "rename":
        return ops.rename(this.expr(e.x), e.renames);
      case "merge":
        return ops.merge(this.expr(e.x), e.axes, e.as);
      case "split":
        return ops.split(this.expr(e.x), e.axis, e.as);
      case "concat":
        return ops.concat(
          e.parts.map((part) => this.real(part)),
          e.along,
        );
      case "top":
        return ops.top(this.real(e.x), e.count, e.over, e.as);
      case "index":
        return ops.iota(e.axis);
      case "merged_index":
        return this.mergedIndex(e.merged, e.as, e.axis);
      case "one_hot":
        return this.oneHot(this.expr(e.x), e.axis.name, e.axis.size);
      case "eye":
        return ops.cast(ops.compare("eq", ops.iota(e.a), ops.iota(e.b)), "f32");
      case "fill":
        return ops.constant([e.value], e.type.axes);
      case "solve":
        return ops.solve(this.real(e.a), this.real(e.b), e.over);
      case "softmax":
      case "log_softmax":
        return ops.along(e.k, this.real(e.x), e.over);
      case "normalize":
        return ops.normalize(this.real(e.x), e.over);
      case "logsumexp":
        return ops.logsumexp(this.real(e.x), e.over);
      case "squared_distance":
        return ops.squaredDistance(this.real(e.a), this.real(e.b), e.over);
      case "cross_entropy": {
        const axis = e.y.type.of?.name;
        if (axis === undefined) throw new CompilerBug("cross_entropy of a label that indexes nothing");
        return crossEntropy(ops, this.real(e.z), this.expr(e.y), axis, e.from);
      }
      case "dropout": {
        const x = this.real(e.x);
        const keep = this.scope.draws?.keep(`dropout.${this.dropouts++}`, x, e.p);
        return keep ? ops.mul(x, keep) : x;
      }
      case "rotations":
        return this.rotations(this.expr(e.x), e.as);
      case "apply": {
        const norm = typeof e.norm === "object" ? { from: this.expr(e.norm.from) } : e.norm;
        return this.scope.apply(e.target, this.real(e.x), e.output, norm);
      }
      case "entry_loss":
        return this.scope.entryLoss(e.entry);
      default:
        return e satisfies never;
    }
  }

  private real(e: Expr): Named {
    return this.ops.cast(this.expr(e), "f32");
  }

  private unary(op: UnaryOp, x: Named): Named {
    const { ops } = this;
    if (op === "not") return ops.unary("not", x);
    const real = ops.cast(x, "f32");
    return op === "sigmoid" ? sigmoid(ops, real) : ops.unary(op, real);
  }

  private arithmetic(op: "add" | "sub" | "mul" | "div" | "max" | "min" | "and" | "or", a: Named, b: Named): Named {
    const { ops } = this;
    if (op === "and" || op === "or") return ops.binary(op, a, b);
    return ops.binary(op, ops.cast(a, "f32"), ops.cast(b, "f32"));
  }

  /** Whole and half powers without a logarithm, so that negative bases have values and gradients. */
  private power(base: Expr, exponent: Expr): Named {
    const { ops } = this;
    const x = this.real(base);
    if (exponent.k === "number") {
      const p = exponent.value;
      if (p === 0.5) return ops.unary("sqrt", x);
      if (p === -0.5) return ops.unary("rsqrt", x);
      if (Number.isInteger(p) && p >= 1 && p <= 8)
        return Array.from({ length: p - 1 }).reduce<Named>((y) => ops.mul(y, x), x);
      if (p === -1) return ops.div(ops.scalar(1), x);
    }
    return ops.binary("pow", x, this.real(exponent));
  }

  private mergedIndex(merged: readonly { name: string; size: number }[], as: string, axis: string): Named {
    const place = merged.findIndex((part) => part.name === axis);
    const own = merged[place];
    if (!own) throw new CompilerBug(`${axis} is no part of ${as}`);
    const stride = merged.slice(place + 1).reduce((n, part) => n * part.size, 1);
    const size = merged.reduce((n, part) => n * part.size, 1);
    const data = Array.from({ length: size }, (_, i) => Math.floor(i / stride) % own.size);
    return this.ops.constant(data, [{ name: as, size }], "i32");
  }

  private oneHot(x: Named, name: string, size: number): Named {
    return oneHot(this.ops, x, name, size);
  }

  /** Images turned by 0, 90, 180 and 270 degrees, counter-clockwise. */
  private rotations(x: Named, as: string): Named {
    const { ops } = this;
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
    const slot = (turn: Named): Named => {
      const ordered = ops.order(turn, [...batch, ...images]);
      const axes = ordered.axes.map((name) => ({ name, size: sizeOf(ordered, name) }));
      return ops.reshape(ordered, [...axes.slice(0, batch.length), { name: as, size: 1 }, ...axes.slice(batch.length)]);
    };
    return ops.concat(turns.map(slot), as);
  }
}

export function oneHot(ops: NamedOps, x: Named, name: string, size: number): Named {
  return ops.cast(ops.compare("eq", x, ops.iota({ name, size })), "f32");
}

/** −log of the probability of label `y` (an index into `axis`), which takes `axis` away. */
export function crossEntropy(ops: NamedOps, z: Named, y: Named, axis: string, from: "logits" | "probabilities"): Named {
  const target = oneHot(ops, y, axis, sizeOf(z, axis));
  if (from === "logits") return ops.neg(ops.sum(ops.mul(target, ops.along("log_softmax", z, [axis])), [axis]));
  const probability = ops.sum(ops.mul(target, z), [axis]);
  return ops.neg(ops.unary("log", ops.binary("max", probability, ops.scalar(leastProbability))));
}
