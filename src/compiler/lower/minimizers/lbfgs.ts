/**
 * L-BFGS (Nocedal 1980; Nocedal & Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5) on all lanes at
 * once. Each round evaluates the loss and its derivative once, at each lane's trial point. If the trial meets the weak
 * Wolfe conditions, the lane moves there and takes a new direction. Otherwise it keeps its point, and its next trial is
 * nearer or farther on the same line. A lane depends on no other lane.
 *
 * A lane is done if its largest derivative is at most `tolerance` (the condition of scikit-learn and PyTorch), or if
 * rounding lets it get no farther.
 */
import { nth } from "../../../common/bug.js";
import { maxFloat, type NamedOps, type NamedTensor } from "../named-tensor.js";
import { LaneVectors, valuesAxis } from "./lane-vectors.js";
import type { Minimizer, MinimizerResult, MinimizerStep, Objective } from "./minimizer.js";

export interface LbfgsOptions {
  /** The largest derivative of a minimum: a scalar. */
  readonly tolerance: NamedTensor;
  /** The number of pairs (step, difference of derivatives) that a direction is made of. */
  readonly history: number;
}

/** A step has to bring this part of the decrease that the slope promises (Armijo). */
const sufficientDecrease = 1e-4;
/** A step has to be long enough for the slope to fall below this part of itself (Wolfe). */
const curvatureFactor = 0.9;
/** The relative error that rounding may add to a loss. */
const roundingError = 1e-6;
/** A line is given up after this many trials. */
const maxTrials = 20;
/** A lane ends after this many steps in a row that lower neither the loss nor the derivative. */
const maxIdleSteps = 15;

/** The numbers that a lane keeps between rounds, beside its vectors. */
const numbers = [
  "loss",
  /** The slope of the loss along the direction. */
  "slope",
  /** The length of the trial step along the direction. */
  "step",
  /** The line still falls at `low`, with slope `lowSlope`, and is too far at `high` (0 as long as no such point is known). */
  "low",
  "lowSlope",
  "high",
  "trials",
  /** The inverse curvature along the last step, which scales a direction. */
  "scale",
  /** The least loss and the least largest derivative so far, and the number of steps since either fell. */
  "leastLoss",
  "leastSlope",
  "idle",
] as const;
type Numbers = Readonly<Record<(typeof numbers)[number], NamedTensor>>;

/** The last steps of each lane, newest first: s, y, and 1 / s·y, which is 0 if the lane made no step in that round. */
interface History {
  readonly steps: readonly NamedTensor[];
  readonly differences: readonly NamedTensor[];
  readonly weights: readonly NamedTensor[];
}

interface State extends History {
  readonly numbers: Numbers;
  readonly gradient: NamedTensor;
  readonly direction: NamedTensor;
}

/** The loss and its derivative at the trial point of each lane. */
interface Trial {
  readonly start: NamedTensor;
  readonly move: NamedTensor;
  readonly end: NamedTensor;
  readonly loss: NamedTensor;
  readonly gradient: NamedTensor;
  /** The largest derivative. */
  readonly steepest: NamedTensor;
  readonly finite: NamedTensor;
  /** The slope along the direction. */
  readonly slope: NamedTensor;
}

/** The verdict on the trial of each lane, with its reasons. */
interface Verdict {
  readonly first: NamedTensor;
  readonly lower: NamedTensor;
  /** The largest derivative is at most the tolerance. */
  readonly small: NamedTensor;
  readonly accepted: NamedTensor;
}

/** The line that the next trial is on. */
interface Line {
  readonly gradient: NamedTensor;
  readonly direction: NamedTensor;
  readonly slope: NamedTensor;
  readonly weights: readonly NamedTensor[];
  /** The lane takes a new direction, or the same one from a new point. */
  readonly isNew: NamedTensor;
  /** The direction is straight down the derivative, and the history is forgotten. */
  readonly steepestDescent: NamedTensor;
  /** The first step of steepest descent. */
  readonly firstStep: NamedTensor;
  readonly trials: NamedTensor;
  /** Steepest descent itself has been tried without success. */
  readonly lost: NamedTensor;
}

/** Returns a minimizer that runs L-BFGS. */
export function lbfgs(ops: NamedOps, options: LbfgsOptions): Minimizer {
  return {
    initialState: (targets) => new Lbfgs(ops, options, targets).initialState(),
    step: (at) => new Lbfgs(ops, options, at.targets).round(at),
  };
}

class Lbfgs {
  private readonly vectors: LaneVectors;

  constructor(
    private readonly ops: NamedOps,
    private readonly options: LbfgsOptions,
    targets: readonly NamedTensor[],
  ) {
    this.vectors = new LaneVectors(ops, targets);
  }

  initialState(): NamedTensor[] {
    const { vectors } = this;
    const pairs = Array.from({ length: this.options.history });
    return [
      ...numbers.map(() => vectors.zero()),
      vectors.zeros(),
      vectors.zeros(),
      ...pairs.map(() => vectors.zeros()),
      ...pairs.map(() => vectors.zeros()),
      ...pairs.map(() => vectors.zero()),
    ];
  }

  round({ targets, state, objective, index }: MinimizerStep): MinimizerResult {
    const { ops } = this;
    const before = this.read(state);
    const n = before.numbers;
    const first = ops.compare("eq", index, ops.scalar(0, "i32"));
    const trial = this.evaluate(before, targets, objective);
    const verdict = this.judge(n, trial, first);
    const { accepted } = verdict;
    const { history, scale } = this.remember(before, trial, verdict);
    const line = this.nextLine(before, trial, verdict, { history, scale });
    const search = this.searchLine(n, { ...trial, ...verdict });
    const progress = this.progress(n, trial, verdict);
    const zero = ops.scalar(0);
    const nextStep = ops.select(accepted, ops.scalar(1), search.step);
    const after: State = {
      numbers: {
        loss: ops.select(accepted, trial.loss, n.loss),
        slope: line.slope,
        step: ops.select(line.steepestDescent, line.firstStep, nextStep),
        low: ops.select(line.isNew, zero, search.low),
        lowSlope: ops.select(line.isNew, line.slope, search.lowSlope),
        high: ops.select(line.isNew, zero, search.high),
        trials: ops.select(line.isNew, zero, line.trials),
        scale,
        ...progress,
      },
      gradient: line.gradient,
      direction: line.direction,
      steps: history.steps,
      differences: history.differences,
      weights: line.weights,
    };
    return {
      targets: this.vectors.split(ops.select(accepted, trial.end, trial.start), targets),
      state: this.written(after),
      done: this.isDone(trial, verdict, { lost: line.lost, idle: progress.idle }),
    };
  }

  private evaluate({ numbers: n, direction }: State, targets: readonly NamedTensor[], objective: Objective): Trial {
    const { ops } = this;
    const start = this.vectors.concatenate(targets);
    const move = ops.mul(n.step, direction);
    const end = ops.add(start, move);
    const found = objective(this.vectors.split(end, targets));
    const loss = ops.unary("stop_gradient", found.loss);
    const gradient = ops.unary("stop_gradient", this.vectors.concatenate(found.gradients));
    const steepest = ops.max(ops.unary("abs", gradient), [valuesAxis]);
    const finite = this.all(this.atMost(ops.unary("abs", loss), maxFloat), this.atMost(steepest, maxFloat));
    return { start, move, end, loss, gradient, steepest, finite, slope: this.dot(gradient, direction) };
  }

  /** Applies the Wolfe conditions. Near the end, differences of losses are only rounding, but slopes still tell. */
  private judge(n: Numbers, { finite, loss, slope, steepest }: Trial, first: NamedTensor): Verdict {
    const { ops } = this;
    const tolerated = ops.scale(ops.unary("abs", n.loss), roundingError);
    const promised = ops.scale(ops.mul(n.step, n.slope), sufficientDecrease);
    const lower = this.all(finite, ops.compare("le", loss, ops.add(ops.add(n.loss, promised), tolerated)));
    const flatter = ops.compare("ge", slope, ops.scale(n.slope, curvatureFactor));
    const small = ops.compare("le", steepest, this.options.tolerance);
    return { first, lower, small, accepted: this.any(first, this.all(lower, this.any(flatter, small))) };
  }

  /** Makes an accepted step the newest pair. Its s·y is positive by the second Wolfe condition. */
  private remember(
    before: State,
    { move, gradient, slope }: Trial,
    { accepted, first }: Verdict,
  ): { readonly history: History; readonly scale: NamedTensor } {
    const { ops } = this;
    const n = before.numbers;
    const zero = ops.scalar(0);
    const product = ops.mul(n.step, ops.sub(slope, n.slope));
    const usable = this.all(accepted, ops.unary("not", first), ops.compare("gt", product, zero));
    const step = ops.select(usable, move, zero);
    const difference = ops.select(usable, ops.sub(gradient, before.gradient), zero);
    const weight = ops.select(usable, ops.div(ops.scalar(1), product), zero);
    const curvature = this.dot(difference, difference);
    const curved = this.all(usable, ops.compare("gt", curvature, zero));
    const push = (newest: NamedTensor, older: readonly NamedTensor[]): NamedTensor[] =>
      [newest, ...older].slice(0, this.options.history);
    return {
      history: {
        steps: push(step, before.steps),
        differences: push(difference, before.differences),
        weights: push(weight, before.weights),
      },
      scale: ops.select(curved, ops.div(product, curvature), n.scale),
    };
  }

  /**
   * Chooses the next line: from the new point, or the same one. If a line leads nowhere, the lane tries once more straight
   * down the derivative. If that is what was tried, the lane is lost.
   */
  private nextLine(
    before: State,
    trial: Trial,
    { accepted, first }: Verdict,
    { history, scale }: { readonly history: History; readonly scale: NamedTensor },
  ): Line {
    const { ops } = this;
    const n = before.numbers;
    const zero = ops.scalar(0);
    const gradient = ops.select(accepted, trial.gradient, before.gradient);
    const square = this.dot(gradient, gradient);
    const newton = this.quasiNewtonDirection(gradient, history, ops.select(first, ops.scalar(1), scale));
    const fall = this.dot(gradient, newton);
    const trials = ops.add(n.trials, ops.scalar(1));
    const stuck = this.all(ops.unary("not", accepted), ops.compare("ge", trials, ops.scalar(maxTrials)));
    const falls = this.any(ops.compare("lt", fall, zero), ops.compare("le", square, zero));
    const steepestDescent = this.any(first, stuck, this.all(accepted, ops.unary("not", falls)));
    const remembered = before.weights.reduce<NamedTensor>((sum, weight) => ops.add(sum, weight), zero);
    const ahead = ops.select(accepted, newton, before.direction);
    const slope = ops.select(accepted, fall, n.slope);
    return {
      gradient,
      direction: ops.select(steepestDescent, ops.neg(gradient), ahead),
      slope: ops.select(steepestDescent, ops.neg(square), slope),
      weights: history.weights.map((weight) => ops.select(steepestDescent, zero, weight)),
      isNew: this.any(accepted, stuck),
      steepestDescent,
      firstStep: ops.div(ops.scalar(1), ops.binary("max", ops.unary("sqrt", square), ops.scalar(1))),
      trials,
      lost: this.all(stuck, ops.compare("le", remembered, zero)),
    };
  }

  /** Counts the steps that have lowered neither the least loss nor the least largest derivative. */
  private progress(
    n: Numbers,
    { loss, steepest }: Trial,
    { accepted, first }: Verdict,
  ): Pick<Numbers, "leastLoss" | "leastSlope" | "idle"> {
    const { ops } = this;
    const margin = ops.scale(ops.unary("abs", n.leastLoss), roundingError / 10);
    const lowerLoss = ops.compare("lt", loss, ops.sub(n.leastLoss, margin));
    const lowerSlope = ops.compare("lt", steepest, ops.scale(n.leastSlope, 0.9));
    const improved = this.any(first, lowerLoss, lowerSlope);
    const least = (name: "leastLoss" | "leastSlope", value: NamedTensor): NamedTensor =>
      ops.select(first, value, ops.select(accepted, ops.binary("min", n[name], value), n[name]));
    return {
      leastLoss: least("leastLoss", loss),
      leastSlope: least("leastSlope", steepest),
      idle: ops.select(accepted, ops.select(improved, ops.scalar(0), ops.add(n.idle, ops.scalar(1))), n.idle),
    };
  }

  private isDone(
    { finite }: Trial,
    { accepted, first, small }: Verdict,
    { lost, idle }: { readonly lost: NamedTensor; readonly idle: NamedTensor },
  ): NamedTensor {
    const { ops } = this;
    return this.any(
      this.all(accepted, small),
      lost,
      this.all(first, ops.unary("not", finite)),
      ops.compare("ge", idle, ops.scalar(maxIdleSteps)),
    );
  }

  /** Returns the next trial on the same line, by the secant of its slopes within the known bracket. */
  private searchLine(
    n: Numbers,
    { lower, finite, slope }: Pick<Trial, "finite" | "slope"> & Pick<Verdict, "lower">,
  ): Pick<Numbers, "low" | "lowSlope" | "high" | "step"> {
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

  /** Returns minus the inverse Hessian, as the history approximates it, times the derivative (algorithm 7.4). */
  private quasiNewtonDirection(
    gradient: NamedTensor,
    { steps, differences, weights }: History,
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

  private dot(a: NamedTensor, b: NamedTensor): NamedTensor {
    return this.vectors.dot(a, b);
  }

  private atMost(x: NamedTensor, most: number): NamedTensor {
    return this.ops.compare("le", x, this.ops.scalar(most));
  }

  private any = (...conditions: readonly NamedTensor[]): NamedTensor =>
    conditions.reduce((a, b) => this.ops.binary("or", a, b));
  private all = (...conditions: readonly NamedTensor[]): NamedTensor =>
    conditions.reduce((a, b) => this.ops.binary("and", a, b));

  // ------------------------------------------------------------ state as the driver carries it

  private read(state: readonly NamedTensor[]): State {
    const rest = state.slice(numbers.length);
    const pairs = rest.slice(2);
    const { history } = this.options;
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
