/** Typed expressions to tensors: one exhaustive switch. The axes of a value are those it has here, the compiler's own (task, query) included. */
import { CompilerBug } from "../../common/bug.js";
import { boundOf, type LoopStatement, roundsOf } from "../typed/loops.js";
import type { Block, Callable, Expr, Statement, UnaryOp } from "../typed/tree.js";
import { rootOf } from "../typed/walk.js";
import type { Draws } from "./draws.js";
import {
  type LoopContext,
  type LoweringScope,
  lowerMinimize,
  lowerRepeat,
  unrolledDriver,
  type WeightPlace,
} from "./loops/loops.js";
import { type LoopDriver, maxUnrolledRounds, maxUnrolledWeightMoves } from "./minimizers/minimizer.js";
import { axesOf, countOf, isLaneAxis, lanesOf, type NamedOps, type NamedTensor, sizeOf } from "./named-tensor.js";
import { sigmoid } from "./networks/activations.js";
import type { Adapted, Application, Calls } from "./networks/calls.js";
import { pick } from "./pick.js";

/** What the names in a body stand for. */
export interface BlockEnvironment {
  readonly param: (name: string) => NamedTensor;
  /** A learned value; one that is like a network's weights, for the weight that it is asked for. */
  readonly learn: (name: string, weight?: WeightPlace) => NamedTensor;
  /** A constant of the base data; undefined where none can stand. */
  readonly fit?: (name: string) => NamedTensor;
  readonly apply: (application: Application) => NamedTensor;
  /** The value of a loss entry, or the default loss of `classify`. */
  readonly entryLoss: (entry: string) => NamedTensor;
  readonly draws: Draws | undefined;
  /** Undefined where no loop can stand. */
  readonly loops?: LoopEnvironment;
}
export interface LoopEnvironment {
  readonly calls: Pick<Calls, "weights" | "dryRun" | "captureStatistics" | "recordStatistics">;
  /** At test a `minimize` takes its steps at test. */
  readonly test: boolean;
  /** Drives the loops that are too long to be written out; undefined where every one has to be. */
  readonly runtimeDriver?: LoopDriver;
}

/** Probabilities below this are taken as this before their logarithm. */
const leastProbability = 1e-30;

export function lowerBlock(ops: NamedOps, block: Block, scope: BlockEnvironment): NamedTensor {
  return new BlockLowering(ops, scope).block(block);
}

/** A network that a `minimize` binds: whose it is, and where its weights are now. */
interface BoundNetwork {
  readonly of: Callable;
  readonly adapted: Adapted;
}

class BlockLowering implements LoweringScope {
  private readonly locals: Map<number, NamedTensor>;
  private readonly networks: Map<number, BoundNetwork>;
  /** Shared by all bodies of an entry, so that each draw is another. */
  private readonly drawn: { dropouts: number };

  constructor(
    private readonly ops: NamedOps,
    private readonly scope: BlockEnvironment,
    outer?: BlockLowering,
  ) {
    this.locals = new Map(outer?.locals);
    this.networks = new Map(outer?.networks);
    this.drawn = outer?.drawn ?? { dropouts: 0 };
  }

  block(block: Block): NamedTensor {
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

  bind(local: number, value: NamedTensor): void {
    this.locals.set(local, value);
  }

  bindNetwork(local: number, of: Callable, adapted: Adapted): void {
    this.networks.set(local, { of: this.bound(of).of, adapted });
  }

  private loops(): LoopEnvironment {
    const { loops } = this.scope;
    if (loops === undefined) throw new CompilerBug("a loop stands where none can");
    return loops;
  }

  /** Trainable weights of what can be called, where a `minimize` has moved them there. */
  private weights(target: Callable): ReadonlyMap<string, NamedTensor> {
    const { of, adapted } = this.bound(target);
    return new Map([...this.loops().calls.weights(of)].map(([path, value]) => [path, adapted.get(path) ?? value]));
  }

  /** The same end to end, on one axis beside the lanes. */
  private weightsOf(target: Callable, as: string): NamedTensor {
    const { ops } = this;
    const parts = [...this.weights(target).values()].map((value) => {
      const own = axesOf(value).filter(({ name }) => !isLaneAxis(name));
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
    const { calls, test, runtimeDriver } = this.loops();
    const rounds = roundsOf(statement, test);
    const long =
      rounds > maxUnrolledRounds || rounds * this.adapted(statement) > maxUnrolledWeightMoves
        ? runtimeDriver
        : undefined;
    // A loop inside another is written out in its round.
    const within: BlockEnvironment = { ...scope, loops: { calls, test } };
    return {
      ops,
      newScope: () => new BlockLowering(ops, within, this),
      weights: (target) => this.weights(target),
      setting: (e, weight) => {
        const of = weight && { of: this.bound(weight.of).of, path: weight.path };
        return new BlockLowering(ops, { ...scope, learn: (name) => scope.learn(name, of) }, this).real(e);
      },
      dryRun: (run) => {
        const before = drawn.dropouts;
        try {
          return calls.dryRun(run);
        } finally {
          drawn.dropouts = before;
        }
      },
      captureStatistics: (run) => calls.captureStatistics(run),
      recordStatistics: (records) => calls.recordStatistics(records),
      bound: boundOf(statement, test),
      driver: long ?? unrolledDriver(ops),
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
  private bound(target: Callable): BoundNetwork {
    if (target.kind !== "local") return { of: target, adapted: new Map() };
    const bound = this.networks.get(target.local);
    if (bound === undefined) throw new CompilerBug(`network ${target.local} is called before it is bound`);
    return bound;
  }

  private fitted(name: string): NamedTensor {
    const { fit } = this.scope;
    if (fit === undefined) throw new CompilerBug(`the fitted value ${name} is read where it cannot be`);
    return fit(name);
  }

  private expr(e: Expr): NamedTensor {
    return this.ops.graph.at(e.span, () => this.lower(e));
  }

  private lower(e: Expr): NamedTensor {
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
        return ops.softmaxOver(e.k, this.real(e.x), e.over);
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
        const keep = this.scope.draws?.dropoutMask(`dropout.${this.drawn.dropouts++}`, x, e.p);
        return keep !== undefined ? ops.mul(x, keep) : x;
      }
      case "draw": {
        const { draws } = this.scope;
        if (draws === undefined) throw new CompilerBug("a draw outside training");
        return draws.sample(`${e.law.kind}.${this.drawn.dropouts++}`, e.law, e.type.axes);
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
  real(e: Expr): NamedTensor {
    return this.ops.cast(this.expr(e), "f32");
  }

  private unary(op: UnaryOp, x: NamedTensor): NamedTensor {
    const { ops } = this;
    if (op === "not") return ops.unary("not", x);
    const real = ops.cast(x, "f32");
    return op === "sigmoid" ? sigmoid(ops, real) : ops.unary(op, real);
  }

  private arithmetic(
    op: "add" | "sub" | "mul" | "div" | "max" | "min" | "and" | "or",
    a: NamedTensor,
    b: NamedTensor,
  ): NamedTensor {
    const { ops } = this;
    if (op === "and" || op === "or") return ops.binary(op, a, b);
    return ops.binary(op, ops.cast(a, "f32"), ops.cast(b, "f32"));
  }

  /** Whole and half powers without a logarithm, so that negative bases have values and gradients. */
  private power(base: Expr, exponent: Expr): NamedTensor {
    const { ops } = this;
    const x = this.real(base);
    if (exponent.k === "number") {
      const p = exponent.value;
      if (p === 0.5) return ops.unary("sqrt", x);
      if (p === -0.5) return ops.unary("rsqrt", x);
      if (Number.isInteger(p) && p >= 1 && p <= 8)
        return Array.from({ length: p - 1 }).reduce<NamedTensor>((y) => ops.mul(y, x), x);
      if (p === -1) return ops.div(ops.scalar(1), x);
    }
    return ops.binary("pow", x, this.real(exponent));
  }

  private mergedIndex(merged: readonly { name: string; size: number }[], as: string, axis: string): NamedTensor {
    const place = merged.findIndex((part) => part.name === axis);
    const own = merged[place];
    if (own === undefined) throw new CompilerBug(`${axis} is no part of ${as}`);
    const stride = countOf(merged.slice(place + 1));
    const size = countOf(merged);
    const data = Array.from({ length: size }, (_, i) => Math.floor(i / stride) % own.size);
    return this.ops.constant(data, [{ name: as, size }], "i32");
  }

  private oneHot(x: NamedTensor, name: string, size: number): NamedTensor {
    return oneHot(this.ops, x, name, size);
  }

  /** Images turned by 0, 90, 180 and 270 degrees, counter-clockwise. */
  private rotations(x: NamedTensor, as: string): NamedTensor {
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
    const slot = (turn: NamedTensor): NamedTensor => {
      const ordered = ops.order(turn, [...batch, ...images]);
      const axes = ordered.axes.map((name) => ({ name, size: sizeOf(ordered, name) }));
      return ops.reshape(ordered, [...axes.slice(0, batch.length), { name: as, size: 1 }, ...axes.slice(batch.length)]);
    };
    return ops.concat(turns.map(slot), as);
  }
}

export function oneHot(ops: NamedOps, x: NamedTensor, name: string, size: number): NamedTensor {
  return ops.cast(ops.compare("eq", x, ops.iota({ name, size })), "f32");
}

/** −log of the probability of label `y` (an index into `axis`), which takes `axis` away. */
export function crossEntropy(
  ops: NamedOps,
  z: NamedTensor,
  y: NamedTensor,
  axis: string,
  from: "logits" | "probabilities",
): NamedTensor {
  if (from === "logits") {
    // A class that a mask excludes has −∞, and 0 · ∞ is no number: what no label asks for stays out.
    const asked = ops.compare("eq", y, ops.iota({ name: axis, size: sizeOf(z, axis) }));
    const logs = ops.softmaxOver("log_softmax", z, [axis]);
    return ops.neg(ops.sum(ops.select(asked, logs, ops.scalar(0)), [axis]));
  }
  const target = oneHot(ops, y, axis, sizeOf(z, axis));
  const probability = ops.sum(ops.mul(target, z), [axis]);
  return ops.neg(ops.unary("log", ops.binary("max", probability, ops.scalar(leastProbability))));
}
