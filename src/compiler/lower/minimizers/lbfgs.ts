/**
 * L-BFGS (Nocedal 1980; Nocedal & Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5) on all lanes at
 * once. A round asks for the loss and its derivative ONCE, at each lane's trial point. A lane whose trial meets the weak
 * Wolfe conditions goes there and turns into a new direction; any other keeps its point and takes a trial nearer or
 * farther on the same line. What a lane does depends on nothing but itself.
 *
 * A lane is done where its largest derivative is at most `tolerance` (scikit-learn's and PyTorch's condition), or where
 * rounding lets it get no farther.
 */
import { nth } from "../../../common/bug.js";
import type { Axis } from "../../typed/tree.js";
import { axesOf, countOf, isLaneAxis, lanesOf, maxFloat, type NamedOps, type NamedTensor } from "../named-tensor.js";
import type { Minimizer, MinimizerResult, MinimizerStep } from "./minimizer.js";

export interface LbfgsOptions {
  /** Scalar. */
  readonly tolerance: NamedTensor;
  /** Pairs of steps and differences of derivatives that a direction is made of. */
  readonly history: number;
}

/** All values of a lane on one axis. */
const flat = "·values";
/** Of the loss's decrease that the slope promises, a step has to bring this part (Armijo). */
const decrease = 1e-4;
/** A step has to be long enough for the slope to fall below this part of itself (Wolfe). */
const flattening = 0.9;
/** What rounding may do to a loss, relative to it. */
const rounding = 1e-6;
/** Trials on one line before it is given up. */
const mostTrials = 20;
/** Steps in a row that lower neither loss nor derivative before a lane ends. */
const mostIdle = 15;

/** What a lane keeps between rounds beside its point: one number each. */
const numbers = [
  "loss",
  "slope",
  /** Of the trial, along the direction. */
  "step",
  /** The line is known to fall at `low` (with slope `lowSlope`) and to be too far at `high` (0: nowhere yet). */
  "low",
  "lowSlope",
  "high",
  "trials",
  /** The inverse curvature along the last step: the scale of a direction. */
  "scale",
  /** The least loss and the least largest derivative so far, and steps since either fell. */
  "leastLoss",
  "leastSlope",
  "idle",
] as const;
type Numbers = Readonly<Record<(typeof numbers)[number], NamedTensor>>;

interface State {
  readonly numbers: Numbers;
  readonly gradient: NamedTensor;
  readonly direction: NamedTensor;
  /** Newest first: s, y, and 1 / s·y, which is 0 where a lane made no step in that round. */
  readonly steps: readonly NamedTensor[];
  readonly differences: readonly NamedTensor[];
  readonly weights: readonly NamedTensor[];
}

export function lbfgs(ops: NamedOps, options: LbfgsOptions): Minimizer {
  return {
    initialState: (targets) => Lanes.of(ops, options, targets).start(),
    step: (at) => Lanes.of(ops, options, at.targets).round(at),
  };
}

class Lanes {
  private constructor(
    private readonly ops: NamedOps,
    private readonly options: LbfgsOptions,
    private readonly lanes: readonly Axis[],
    /** The axes of each target that are no lanes. */
    private readonly own: readonly (readonly Axis[])[],
  ) {}

  static of(ops: NamedOps, options: LbfgsOptions, targets: readonly NamedTensor[]): Lanes {
    const own = targets.map((target) => axesOf(target).filter((axis) => !isLaneAxis(axis.name)));
    return new Lanes(ops, options, lanesOf(targets), own);
  }

  start(): NamedTensor[] {
    const { ops, lanes } = this;
    const size = this.own.reduce((sum, axes) => sum + countOf(axes), 0);
    const zeros = (axes: readonly Axis[]): NamedTensor => ops.constant([0], axes);
    const vector = (): NamedTensor => zeros([...lanes, { name: flat, size }]);
    const pairs = Array.from({ length: this.options.history });
    return [
      ...numbers.map(() => zeros(lanes)),
      vector(),
      vector(),
      ...pairs.map(vector),
      ...pairs.map(vector),
      ...pairs.map(() => zeros(lanes)),
    ];
  }

  round({ targets, state, objective, index }: MinimizerStep): MinimizerResult {
    const { ops } = this;
    const { tolerance } = this.options;
    const before = this.read(state);
    const { gradient, direction } = before;
    const n = before.numbers;
    const first = ops.compare("eq", index, ops.scalar(0, "i32"));

    const point = this.joined(targets);
    const move = ops.mul(n.step, direction);
    const trial = ops.add(point, move);
    const found = objective(this.parted(trial, targets));
    const loss = ops.unary("stop_gradient", found.loss);
    const slopes = ops.unary("stop_gradient", this.joined(found.gradients));
    const steepest = ops.max(ops.unary("abs", slopes), [flat]);
    const finite = ops.binary("and", this.within(ops.unary("abs", loss), maxFloat), this.within(steepest, maxFloat));
    const slope = this.dot(slopes, direction);

    // Whether the trial is taken. Near the end, differences of losses are rounding; slopes still tell.
    const room = ops.scale(ops.unary("abs", n.loss), rounding);
    const promised = ops.add(ops.add(n.loss, ops.scale(ops.mul(n.step, n.slope), decrease)), room);
    const lower = ops.binary("and", finite, ops.compare("le", loss, promised));
    const flatter = ops.compare("ge", slope, ops.scale(n.slope, flattening));
    const small = ops.compare("le", steepest, tolerance);
    const taken = this.either(first, ops.binary("and", lower, this.either(flatter, small)));

    // A step that is taken becomes the newest pair. Its s·y is positive by the second condition.
    const difference = ops.sub(slopes, gradient);
    const product = ops.mul(n.step, ops.sub(slope, n.slope));
    const turned = this.all(taken, ops.unary("not", first), ops.compare("gt", product, ops.scalar(0)));
    const newest = {
      step: ops.select(turned, move, ops.scalar(0)),
      difference: ops.select(turned, difference, ops.scalar(0)),
      weight: ops.select(turned, ops.div(ops.scalar(1), product), ops.scalar(0)),
    };
    const curvature = this.dot(newest.difference, newest.difference);
    const known = this.all(turned, ops.compare("gt", curvature, ops.scalar(0)));
    const scale = ops.select(known, ops.div(product, curvature), n.scale);
    const history = this.history;
    const steps = [newest.step, ...before.steps].slice(0, history);
    const differences = [newest.difference, ...before.differences].slice(0, history);
    const pairs = [newest.weight, ...before.weights].slice(0, history);

    // The next line: from the new point, or the same one.
    const from = ops.select(taken, slopes, gradient);
    const square = this.dot(from, from);
    const ahead = this.twoLoops(from, { steps, differences, weights: pairs }, ops.select(first, ops.scalar(1), scale));
    const fall = this.dot(from, ahead);
    const trials = ops.add(n.trials, ops.scalar(1));
    const stuck = this.all(ops.unary("not", taken), ops.compare("ge", trials, ops.scalar(mostTrials)));
    // A line that leads nowhere: once more down the derivative, and where that is what was tried, the lane ends.
    const bent = this.either(ops.compare("lt", fall, ops.scalar(0)), ops.compare("le", square, ops.scalar(0)));
    const plain = this.either(first, this.either(stuck, this.all(taken, ops.unary("not", bent))));
    const remembered = before.weights.reduce<NamedTensor>((sum, weight) => ops.add(sum, weight), ops.scalar(0));
    const lost = this.all(stuck, ops.compare("le", remembered, ops.scalar(0)));
    const weights = pairs.map((weight) => ops.select(plain, ops.scalar(0), weight));

    const anew = this.either(taken, stuck);
    const down = ops.neg(from);
    const next = ops.select(plain, down, ops.select(taken, ahead, direction));
    const falling = ops.select(plain, ops.neg(square), ops.select(taken, fall, n.slope));
    const long = ops.unary("sqrt", square);
    const short = ops.div(ops.scalar(1), ops.binary("max", long, ops.scalar(1)));
    const zero = ops.scalar(0);
    const line = this.line(n, { lower, finite, slope });

    const fell = ops.compare("lt", loss, ops.sub(n.leastLoss, ops.scale(ops.unary("abs", n.leastLoss), rounding / 10)));
    const eased = ops.compare("lt", steepest, ops.scale(n.leastSlope, 0.9));
    const moved = this.either(first, this.either(fell, eased));
    const idle = ops.select(taken, ops.select(moved, zero, ops.add(n.idle, ops.scalar(1))), n.idle);
    const least = (name: "leastLoss" | "leastSlope", value: NamedTensor): NamedTensor =>
      ops.select(first, value, ops.select(taken, ops.binary("min", n[name], value), n[name]));

    const done = this.either(
      this.either(this.all(taken, small), lost),
      this.either(this.all(first, ops.unary("not", finite)), ops.compare("ge", idle, ops.scalar(mostIdle))),
    );
    const after: State = {
      numbers: {
        loss: ops.select(taken, loss, n.loss),
        slope: falling,
        step: ops.select(plain, short, ops.select(taken, ops.scalar(1), line.step)),
        low: ops.select(anew, zero, line.low),
        lowSlope: ops.select(anew, falling, line.lowSlope),
        high: ops.select(anew, zero, line.high),
        trials: ops.select(anew, zero, trials),
        scale,
        leastLoss: least("leastLoss", loss),
        leastSlope: least("leastSlope", steepest),
        idle,
      },
      gradient: from,
      direction: next,
      steps,
      differences,
      weights,
    };
    return {
      targets: this.parted(ops.select(taken, trial, point), targets),
      state: this.written(after),
      done,
    };
  }

  /** Where to try next on the same line, by the secant of its slopes within what is known of it. */
  private line(n: Numbers, { lower, finite, slope }: { lower: NamedTensor; finite: NamedTensor; slope: NamedTensor }) {
    const { ops } = this;
    const low = ops.select(lower, n.step, n.low);
    const lowSlope = ops.select(lower, slope, n.lowSlope);
    const high = ops.select(lower, n.high, n.step);
    // From the old `low` and the trial, whichever side of the minimum that is on.
    const rise = ops.sub(slope, n.lowSlope);
    const usable = this.all(finite, ops.compare("gt", rise, ops.scalar(0)));
    const secant = ops.sub(n.low, ops.div(ops.mul(ops.sub(n.step, n.low), n.lowSlope), rise));
    const open = ops.compare("le", high, ops.scalar(0));
    const width = ops.sub(high, low);
    const [nearest, farthest, middle] = [
      ops.select(open, ops.scale(n.step, 1.5), ops.add(low, ops.scale(width, 0.1))),
      ops.select(open, ops.scale(n.step, 10), ops.sub(high, ops.scale(width, 0.1))),
      ops.select(open, ops.scale(n.step, 2), ops.add(low, ops.scale(width, 0.5))),
    ];
    const aim = ops.select(usable, secant, middle);
    return { low, lowSlope, high, step: ops.binary("min", ops.binary("max", aim, nearest), farthest) };
  }

  /** Minus the inverse Hessian, as the pairs know it, times the derivative. */
  private twoLoops(
    gradient: NamedTensor,
    { steps, differences, weights }: Pick<State, "steps" | "differences" | "weights">,
    scale: NamedTensor,
  ): NamedTensor {
    const { ops } = this;
    let q = gradient;
    const alphas = steps.map((s, i) => {
      const alpha = ops.mul(nth(weights, i), this.dot(s, q));
      q = ops.sub(q, ops.mul(alpha, nth(differences, i)));
      return alpha;
    });
    let r = ops.mul(scale, q);
    for (let i = steps.length - 1; i >= 0; i--) {
      const beta = ops.mul(nth(weights, i), this.dot(nth(differences, i), r));
      r = ops.add(r, ops.mul(ops.sub(nth(alphas, i), beta), nth(steps, i)));
    }
    return ops.neg(r);
  }

  // ------------------------------------------------------------ vectors and numbers of lanes

  private get history(): number {
    return this.options.history;
  }

  private dot(a: NamedTensor, b: NamedTensor): NamedTensor {
    return this.ops.sum(this.ops.mul(a, b), [flat]);
  }

  private within(x: NamedTensor, most: number): NamedTensor {
    return this.ops.compare("le", x, this.ops.scalar(most));
  }

  private either = (a: NamedTensor, b: NamedTensor): NamedTensor => this.ops.binary("or", a, b);
  private all = (...conditions: readonly NamedTensor[]): NamedTensor =>
    conditions.reduce((a, b) => this.ops.binary("and", a, b));

  private joined(values: readonly NamedTensor[]): NamedTensor {
    const { ops, lanes } = this;
    const parts = values.map((value, i) => {
      const own = nth(this.own, i);
      return ops.reshape(ops.expand(value, [...lanes, ...own]), [...lanes, { name: flat, size: countOf(own) }]);
    });
    return ops.concat(parts, flat);
  }

  /** The values of a joined vector, each with the axes of its like. */
  private parted(vector: NamedTensor, like: readonly NamedTensor[]): NamedTensor[] {
    const { ops, lanes } = this;
    let place = 0;
    return like.map((value, i) => {
      const own = nth(this.own, i);
      const size = countOf(own);
      const slice = ops.slice(ops.order(vector, [...lanes.map(({ name }) => name), flat]), flat, place, place + size);
      place += size;
      return ops.order(ops.reshape(slice, [...lanes, ...own]), value.axes);
    });
  }

  // ------------------------------------------------------------ state as the driver carries it

  private read(state: readonly NamedTensor[]): State {
    const rest = state.slice(numbers.length);
    const pairs = rest.slice(2);
    const { history } = this;
    return {
      numbers: Object.fromEntries(numbers.map((name, i) => [name, nth(state, i)])) as unknown as Numbers,
      gradient: nth(rest, 0),
      direction: nth(rest, 1),
      steps: pairs.slice(0, history),
      differences: pairs.slice(history, 2 * history),
      weights: pairs.slice(2 * history),
    };
  }

  private written(state: State): NamedTensor[] {
    return [
      ...numbers.map((name) => state.numbers[name]),
      state.gradient,
      state.direction,
      ...state.steps,
      ...state.differences,
      ...state.weights,
    ];
  }
}
