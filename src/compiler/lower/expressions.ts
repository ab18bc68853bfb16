/** Typed expressions to tensors: one exhaustive switch. The axes of a value are those it has here, the compiler's own (task, query) included. */
import { CompilerBug } from "../../common/bug.js";
import { boundOf, type LoopStatement, roundsOf } from "../typed/loops.js";
import type { Block, Callable, Expr, Statement, UnaryOp } from "../typed/tree.js";
import { rootOf } from "../typed/walk.js";
import { sigmoid } from "./activations.js";
import type { Adapted, Application, Calls } from "./calls.js";
import type { Draws } from "./draws.js";
import { type Inside, type LoopContext, lowerMinimize, lowerRepeat, unrolled, type WeightPlace } from "./loops.js";
import { type LoopDriver, shortAdaptation, shortLoop } from "./minimizer.js";
import { axesOf, countOf, isLane, lanesOf, type Named, type NamedOps, sizeOf } from "./named.js";
import { pick } from "./picks.js";

/** What the names in a body stand for. */
export interface Scope {
  readonly param: (name: string) => Named;
  /** A learned value; one that is like a network's weights, for the weight that it is asked for. */
  readonly learn: (name: string, weight?: WeightPlace) => Named;
  /** A constant of the base data; undefined where none can stand. */
  readonly fit?: (name: string) => Named;
  readonly apply: (application: Application) => Named;
  /** The value of a loss entry, or the default loss of `classify`. */
  readonly entryLoss: (entry: string) => Named;
  readonly draws: Draws | undefined;
  /** Undefined where no loop can stand. */
  readonly loops?: LoopScope;
}
export interface LoopScope {
  readonly calls: Pick<Calls, "weights" | "aside" | "captured" | "record">;
  /** At test a `minimize` takes its steps at test. */
  readonly test: boolean;
  /** Drives the loops that are too long to be written out; undefined where every one has to be. */
  readonly longLoop?: LoopDriver;
}

/** Probabilities below this are taken as this before their logarithm. */
const leastProbability = 1e-30;

export function lowerBlock(ops: NamedOps, block: Block, scope: Scope): Named {
  return new Body(ops, scope).block(block);
}

/** A network that a `minimize` binds: whose it is, and where its weights are now. */
interface Bound {
  readonly of: Callable;
  readonly adapted: Adapted;
}

class Body implements Inside {
  private readonly locals: Map<number, Named>;
  private readonly networks: Map<number, Bound>;
  /** Shared by all bodies of an entry, so that each draw is another. */
  private readonly drawn: { dropouts: number };

  constructor(
    private readonly ops: NamedOps,
    private readonly scope: Scope,
    outer?: Body,
  ) {
    this.locals = new Map(outer?.locals);
    this.networks = new Map(outer?.networks);
    this.drawn = outer?.drawn ?? { dropouts: 0 };
  }

  block(block: Block): Named {
    this.run(block.statements);
    return this.expr(block.result);
  }

  run(statements: readonly Statement[]): void {
    for (const statement of statements) {
      switch (statement.kind) {
        case "let":
          this.locals.set(statement.local, this.expr(statement.value));
          break;
        case "repeat":
          this.ops.graph.at(statement.span, () => lowerRepeat(this.loop(statement), this, statement));
          break;
        case "minimize":
          this.ops.graph.at(statement.span, () => lowerMinimize(this.loop(statement), this, statement));
          break;
        default:
          statement satisfies never;
      }
    }
  }

  bind(local: number, value: Named): void {
    this.locals.set(local, value);
  }

  bindNetwork(local: number, of: Callable, adapted: Adapted): void {
    this.networks.set(local, { of: this.bound(of).of, adapted });
  }

  private loops(): LoopScope {
    const { loops } = this.scope;
    if (loops === undefined) throw new CompilerBug("a loop stands where none can");
    return loops;
  }

  /** Trainable weights of what can be called, where a `minimize` has moved them there. */
  private weights(target: Callable): ReadonlyMap<string, Named> {
    const { of, adapted } = this.bound(target);
    return new Map([...this.loops().calls.weights(of)].map(([path, value]) => [path, adapted.get(path) ?? value]));
  }

  /** The same end to end, on one axis beside the lanes. */
  private weightsOf(target: Callable, as: string): Named {
    const { ops } = this;
    const parts = [...this.weights(target).values()].map((value) => {
      const own = axesOf(value).filter(({ name }) => !isLane(name));
      const lanes = lanesOf([value]);
      const ordered = ops.order(
        value,
        [...lanes, ...own].map(({ name }) => name),
      );
      return ops.reshape(ordered, [...lanes, { name: as, size: countOf(own) }]);
    });
    return ops.concat(parts, as);
  }

  private loop(statement: LoopStatement): LoopContext {
    const { ops, scope, drawn } = this;
    const { calls, test, longLoop } = this.loops();
    const rounds = roundsOf(statement, test);
    const long = rounds > shortLoop || rounds * this.adapted(statement) > shortAdaptation ? longLoop : undefined;
    // A loop inside another is written out in its round.
    const within: Scope = { ...scope, loops: { calls, test } };
    return {
      ops,
      inside: () => new Body(ops, within, this),
      weights: (target) => this.weights(target),
      setting: (e, weight) => {
        const of = weight && { of: this.bound(weight.of).of, path: weight.path };
        return new Body(ops, { ...scope, learn: (name) => scope.learn(name, of) }, this).real(e);
      },
      aside: (run) => {
        const before = drawn.dropouts;
        try {
          return calls.aside(run);
        } finally {
          drawn.dropouts = before;
        }
      },
      captured: (run) => calls.captured(run),
      record: (records) => calls.record(records),
      bound: boundOf(statement, test),
      drive: long ?? unrolled(ops),
    };
  }

  /** How many weights of networks a loop moves. */
  private adapted(statement: LoopStatement): number {
    const own =
      statement.kind === "minimize"
        ? statement.targets.flatMap((target) => (target.kind === "network" ? [rootOf(target.from)] : []))
        : [];
    const { calls } = this.loops();
    const inner = statement.body.reduce((sum, one) => sum + (one.kind === "let" ? 0 : this.adapted(one)), 0);
    return own.reduce((sum, network) => sum + calls.weights(network).size, inner);
  }

  /** What is called: a network of a slot or of the metric, and the weights that it has in this place. */
  private bound(target: Callable): Bound {
    if (target.kind !== "local") return { of: target, adapted: new Map() };
    const bound = this.networks.get(target.local);
    if (bound === undefined) throw new CompilerBug(`network ${target.local} is called before it is bound`);
    return bound;
  }

  private fitted(name: string): Named {
    const { fit } = this.scope;
    if (fit === undefined) throw new CompilerBug(`the fitted value ${name} is read where it cannot be`);
    return fit(name);
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
        return this.fitted(e.name);
      case "local": {
        const value = this.locals.get(e.local);
        if (value === undefined) throw new CompilerBug(`local ${e.local} is used before it is bound`);
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
        const keep = this.scope.draws?.keep(`dropout.${this.drawn.dropouts++}`, x, e.p);
        return keep !== undefined ? ops.mul(x, keep) : x;
      }
      case "draw": {
        const { draws } = this.scope;
        if (draws === undefined) throw new CompilerBug("a draw outside training");
        return draws.law(`${e.law.kind}.${this.drawn.dropouts++}`, e.law, e.type.axes);
      }
      case "pick":
        return pick(ops, this.expr(e.x), e.at.k === "number" ? e.at.value : this.expr(e.at), e.over);
      case "blend": {
        const w = this.real(e.w);
        return ops.add(ops.mul(w, this.real(e.a)), ops.mul(ops.sub(ops.scalar(1), w), this.real(e.b)));
      }
      case "rotations":
        return this.rotations(this.expr(e.x), e.as);
      case "apply": {
        const norm = typeof e.norm === "object" ? { from: this.expr(e.norm.from) } : e.norm;
        const { of: target, adapted } = this.bound(e.target);
        return this.scope.apply({ target, x: this.real(e.x), output: e.output, norm, adapted });
      }
      case "weights":
        return this.weightsOf(e.target, e.as);
      case "entry_loss":
        return this.scope.entryLoss(e.entry);
      default:
        return e satisfies never;
    }
  }

  /** The value as f32. */
  real(e: Expr): Named {
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
    if (own === undefined) throw new CompilerBug(`${axis} is no part of ${as}`);
    const stride = countOf(merged.slice(place + 1));
    const size = countOf(merged);
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
  if (from === "logits") {
    // A class that a mask excludes has −∞, and 0 · ∞ is no number: what no label asks for stays out.
    const asked = ops.compare("eq", y, ops.iota({ name: axis, size: sizeOf(z, axis) }));
    const logs = ops.along("log_softmax", z, [axis]);
    return ops.neg(ops.sum(ops.select(asked, logs, ops.scalar(0)), [axis]));
  }
  const target = oneHot(ops, y, axis, sizeOf(z, axis));
  const probability = ops.sum(ops.mul(target, z), [axis]);
  return ops.neg(ops.unary("log", ops.binary("max", probability, ops.scalar(leastProbability))));
}
