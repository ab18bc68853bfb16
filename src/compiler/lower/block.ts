/** Lowering of typed blocks: statements in order, then the result. */
import { CompilerBug } from "../../common/bug.js";
import { vectorJacobian } from "../tensor/derivative.js";
import { rebuild } from "../tensor/walk.js";
import { computedFrom } from "../typed/dependence.js";
import { boundOf, type LoopPhase, type LoopStatement, roundsOf } from "../typed/loops.js";
import type { Block, Callable, Expr, Statement } from "../typed/tree.js";
import { rootOf } from "../typed/walk.js";
import type { Draws } from "./draws.js";
import { type BoundNetwork, type ExpressionScope, lowerExpression } from "./expressions.js";
import { expandToLanes, type LoopDriver, unrolledDriver } from "./loops/loop.js";
import { lowerMinimize } from "./loops/minimize.js";
import { lowerRepeat } from "./loops/repeat.js";
import type { LoopContext, LoweringScope, WeightPlace } from "./loops/scope.js";
import { axesOf, countOf, isLaneAxis, lanesOf, type NamedOps, type NamedTensor } from "./named-tensor.js";
import type { Adapted, Application, Calls } from "./networks/calls.js";

/** The meaning of the names in a block. */
export interface BlockEnvironment {
  readonly param: (name: string) => NamedTensor;
  /** Returns a learned value. One that is declared like a network's weights is asked for with the weight. */
  readonly learn: (name: string, weight?: WeightPlace) => NamedTensor;
  /** Returns a value that the metric fits from base data. It is undefined where the language allows none. */
  readonly fit?: (name: string) => NamedTensor;
  readonly apply: (application: Application) => NamedTensor;
  /** Returns the value of a loss entry, or the default loss of `classify`. */
  readonly entryLoss: (entry: string) => NamedTensor;
  readonly draws: Draws | undefined;
  /** It is undefined where the language allows no loop. */
  readonly loops?: LoopEnvironment;
}

export interface LoopEnvironment {
  readonly calls: Pick<Calls, "weights" | "dryRun" | "captureStatistics" | "recordStatistics">;
  readonly phase: LoopPhase;
  /** Drives the loops that are too long to be unrolled. If it is undefined, every loop is unrolled. */
  readonly runtimeDriver?: LoopDriver;
}

/** If a runtime driver is available, only loops of at most this many rounds are unrolled. Rounds of inner loops count too. */
const maxUnrolledRounds = 32;
/** The same limit for the network weights that a loop moves, counted once a round: ten rounds of a Conv4, five of a ResNet12. */
const maxUnrolledWeightMoves = 320;

/** Returns the value of a block. */
export function lowerBlock(ops: NamedOps, block: Block, environment: BlockEnvironment): NamedTensor {
  return new BlockLowering(ops, environment).block(block);
}

/** Returns the values of several expressions after the same statements. */
export function lowerValues(
  ops: NamedOps,
  statements: readonly Statement[],
  results: readonly Expr[],
  environment: BlockEnvironment,
): readonly NamedTensor[] {
  const block = new BlockLowering(ops, environment);
  block.run(statements);
  return results.map((result) => block.expr(result));
}

class BlockLowering implements LoweringScope, ExpressionScope {
  private readonly locals: Map<number, NamedTensor>;
  private readonly networks: Map<number, BoundNetwork>;
  /** The number of random draws so far, which all blocks of an entry share. */
  private readonly draws: { count: number };

  /** The statements that have run here, after those of the blocks around this one. */
  private readonly ran: Statement[];

  constructor(
    readonly ops: NamedOps,
    readonly environment: BlockEnvironment,
    outer?: BlockLowering,
  ) {
    this.ran = [...(outer?.ran ?? [])];
    this.locals = new Map(outer?.locals);
    this.networks = new Map(outer?.networks);
    this.draws = outer?.draws ?? { count: 0 };
  }

  block(block: Block): NamedTensor {
    this.run(block.statements);
    return this.expr(block.result);
  }

  run(statements: readonly Statement[]): void {
    for (const statement of statements) {
      this.ran.push(statement);
      switch (statement.kind) {
        case "let":
          this.locals.set(statement.local, this.expr(statement.value));
          break;
        case "repeat":
          this.ops.graph.at(statement.span, () => lowerRepeat(this.loopContext(statement), this, statement));
          break;
        case "minimize":
          this.ops.graph.at(statement.span, () => lowerMinimize(this.loopContext(statement), this, statement));
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
    this.networks.set(local, { of: this.network(of).of, adapted });
  }

  expr(e: Expr): NamedTensor {
    return this.ops.graph.at(e.span, () => lowerExpression(this, e));
  }

  real(e: Expr): NamedTensor {
    return this.ops.cast(this.expr(e), "f32");
  }

  local(local: number): NamedTensor {
    const value = this.locals.get(local);
    if (value === undefined) throw new CompilerBug(`local ${local} is used before it is bound`);
    return value;
  }

  network(target: Callable): BoundNetwork {
    if (target.kind !== "local") return { of: target, adapted: new Map() };
    const bound = this.networks.get(target.local);
    if (bound === undefined) throw new CompilerBug(`network ${target.local} is called before it is bound`);
    return bound;
  }

  concatenatedWeights(target: Callable, as: string): NamedTensor {
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

  /**
   * The derivative is taken in a placeholder, from which f is computed anew, and the placeholder is then replaced by x. It has
   * the lanes of f, so that each query has the slope of its own f.
   */
  slope(f: Expr, x: Expr): NamedTensor {
    const { ops } = this;
    if (x.k !== "local" && x.k !== "param") throw new CompilerBug("a slope in a value without a name");
    const statements = computedFrom(x, this.ran);
    const own = this.real(x);
    const at = (value: NamedTensor): NamedTensor =>
      this.withoutEffect(() => {
        const { param } = this.environment;
        const environment =
          x.k === "local"
            ? this.environment
            : { ...this.environment, param: (name: string) => (name === x.name ? value : param(name)) };
        const scope = new BlockLowering(ops, environment, this);
        if (x.k === "local") scope.bind(x.local, value);
        scope.run(statements);
        return scope.real(f);
      });
    const wide = expandToLanes(ops, own, lanesOf([own, at(own)]));
    const place = ops.of(ops.placeholder(wide.node.shape, wide.node.dtype), wide.axes);
    const made = at(place);
    const value = expandToLanes(ops, made, lanesOf([wide, made]));
    const seed = { of: value.node, by: ops.t.full(value.node.shape, 1) };
    const gradients = vectorJacobian(ops.graph, [seed], [place.node]);
    const [node] = rebuild(ops.graph, gradients, (each) => (each === place.node ? wide.node : undefined));
    return ops.of(node ?? wide.node, wide.axes);
  }

  /** Runs `run` without an effect: no call, statistic or draw of it is kept or counted. */
  private withoutEffect<V>(run: () => V): V {
    const { loops } = this.environment;
    const before = this.draws.count;
    try {
      return loops === undefined ? run() : loops.calls.dryRun(run);
    } finally {
      this.draws.count = before;
    }
  }

  nextDraw(): number {
    return this.draws.count++;
  }

  private loops(): LoopEnvironment {
    const { loops } = this.environment;
    if (loops === undefined) throw new CompilerBug("a loop stands where none can");
    return loops;
  }

  /** Returns the trainable weights of a network, as a `minimize` has moved them. */
  private weights(target: Callable): ReadonlyMap<string, NamedTensor> {
    const { of, adapted } = this.network(target);
    return new Map([...this.loops().calls.weights(of)].map(([path, value]) => [path, adapted.get(path) ?? value]));
  }

  private loopContext(statement: LoopStatement): LoopContext {
    const { ops, environment, draws } = this;
    const { calls, phase, runtimeDriver } = this.loops();
    // A loop inside another is unrolled within the round of the outer one.
    const inner: BlockEnvironment = { ...environment, loops: { calls, phase } };
    return {
      ops,
      newScope: (round) => {
        const draws = round === undefined ? inner.draws : inner.draws?.inRound(round);
        return new BlockLowering(ops, { ...inner, draws }, this);
      },
      weights: (target) => this.weights(target),
      setting: (e, weight, prepare) => {
        const of = weight && { of: this.network(weight.of).of, path: weight.path };
        const scope = new BlockLowering(ops, { ...environment, learn: (name) => environment.learn(name, of) }, this);
        prepare(scope);
        return scope.real(e);
      },
      dryRun: (run) => {
        const before = draws.count;
        try {
          return calls.dryRun(run);
        } finally {
          draws.count = before;
        }
      },
      captureStatistics: (run) => calls.captureStatistics(run),
      recordStatistics: (records) => calls.recordStatistics(records),
      bound: boundOf(statement, phase),
      driver: (this.isLong(statement) ? runtimeDriver : undefined) ?? unrolledDriver(ops),
    };
  }

  private isLong(statement: LoopStatement): boolean {
    const rounds = roundsOf(statement, this.loops().phase);
    return rounds > maxUnrolledRounds || rounds * this.countMovedWeights(statement) > maxUnrolledWeightMoves;
  }

  /** Counts the network weights that a loop moves. */
  private countMovedWeights(statement: LoopStatement): number {
    const own =
      statement.kind === "minimize"
        ? statement.targets.flatMap((target) => (target.kind === "network" ? [rootOf(target.from)] : []))
        : [];
    const { calls } = this.loops();
    const inner = statement.body.reduce((sum, one) => sum + (one.kind === "let" ? 0 : this.countMovedWeights(one)), 0);
    return own.reduce((sum, network) => sum + calls.weights(network).size, inner);
  }
}
