/** Inner optimizers by name, as PyTorch defines them. Each tensor has its own settings, such as the learned rates of Meta-SGD. */
import { CompilerBug, nth } from "../../../common/bug.js";
import type { Statement } from "../../typed/tree.js";
import { axesOf, isLaneAxis, type NamedOps, type NamedTensor } from "../named-tensor.js";
import { oneMinusPower } from "../training/optimizer.js";
import { lbfgs } from "./lbfgs.js";
import type { Minimizer, MinimizerStep } from "./minimizer.js";

type Method = Extract<Statement, { kind: "minimize" }>["by"]["method"];
/** Returns a setting for each target, or undefined if the call does not give it. */
export type Settings = (name: string) => readonly NamedTensor[] | undefined;

/** The defaults of `lbfgs`: the largest derivative of a minimum, and the number of pairs that it keeps. */
const defaultTolerance = 1e-5;
const defaultHistory = 8;

/** Returns the minimizer of this name. */
export function minimizerOf(ops: NamedOps, method: Method, settings: Settings): Minimizer {
  switch (method) {
    case "sgd":
      return descent(ops, settings);
    case "adam":
      return adam(ops, settings);
    case "lbfgs":
      return lbfgs(ops, {
        tolerance: settings("tolerance")?.[0] ?? ops.scalar(defaultTolerance),
        history: wholeNumber(settings("history")?.[0]) ?? defaultHistory,
      });
    default:
      return method satisfies never;
  }
}

/** Returns a setting that decides the shape of a program, and so is a constant. */
function wholeNumber(value: NamedTensor | undefined): number | undefined {
  if (value === undefined) return undefined;
  const { node } = value;
  if (node.op !== "const") throw new CompilerBug("the history of an lbfgs is no number");
  return Math.max(1, Math.round(node.attrs.data[0] ?? 0));
}

const zeros = (ops: NamedOps, targets: readonly NamedTensor[]): NamedTensor[] =>
  targets.map((target) => ops.of(ops.t.zerosLike(target.node), target.axes));

const scaledBy = (ops: NamedOps, x: NamedTensor, share: NamedTensor | undefined): NamedTensor =>
  share === undefined ? x : ops.mul(x, share);

/** Scales the gradients of a lane so that their norm together is at most `limit`, as clip_grad_norm_ of PyTorch does. */
function clipped(
  ops: NamedOps,
  gradients: readonly NamedTensor[],
  limit: NamedTensor | undefined,
): readonly NamedTensor[] {
  if (limit === undefined || gradients.length === 0) return gradients;
  const square = gradients
    .map((g) =>
      ops.sum(
        ops.mul(g, g),
        g.axes.filter((axis) => !isLaneAxis(axis)),
      ),
    )
    .reduce((a, b) => ops.add(a, b));
  // The root has no infinite slope at 0.
  const norm = ops.unary("sqrt", ops.add(square, ops.scalar(1e-24)));
  const share = ops.binary("min", ops.div(limit, ops.add(norm, ops.scalar(1e-6))), ops.scalar(1));
  return gradients.map((g) => ops.of(ops.expand(ops.mul(g, share), axesOf(g)).node, g.axes));
}

/** Gradient descent, with momentum and L2 decay if they are given. */
function descent(ops: NamedOps, settings: Settings): Minimizer {
  const lr = settings("lr");
  const momentum = settings("momentum");
  const decay = settings("weight_decay");
  const dampening = settings("dampening");
  return {
    initialState: (targets) => (momentum !== undefined ? zeros(ops, targets) : []),
    step: ({ targets, state, objective, index }) => {
      const gradients = clipped(ops, objective(targets).gradients, settings("clip")?.[0]);
      const isFirst = ops.compare("eq", index, ops.scalar(0, "i32"));
      // In PyTorch the first velocity is the whole gradient, whatever the dampening.
      const share = (i: number): NamedTensor | undefined =>
        dampening && ops.select(isFirst, ops.scalar(1), ops.sub(ops.scalar(1), nth(dampening, i)));
      const decayed = gradients.map((gradient, i) =>
        decay !== undefined ? ops.add(gradient, ops.mul(nth(decay, i), nth(targets, i))) : gradient,
      );
      const velocity = decayed.map((gradient, i) =>
        momentum !== undefined
          ? ops.add(ops.mul(nth(momentum, i), nth(state, i)), scaledBy(ops, gradient, share(i)))
          : gradient,
      );
      return {
        targets: targets.map((target, i) => ops.sub(target, ops.mul(nth(lr, i), nth(velocity, i)))),
        state: momentum !== undefined ? velocity : [],
        done: undefined,
      };
    },
  };
}

/** Adam (Kingma & Ba 2015). Its state is the first moments, then the second ones. */
function adam(ops: NamedOps, settings: Settings): Minimizer {
  const lr = settings("lr");
  const given = (name: string, fallback: number, i: number): NamedTensor => settings(name)?.[i] ?? ops.scalar(fallback);
  return {
    initialState: (targets) => [...zeros(ops, targets), ...zeros(ops, targets)],
    step: ({ targets, state, objective, index }: MinimizerStep) => {
      const gradients = clipped(ops, objective(targets).gradients, settings("clip")?.[0]);
      const correction = (beta: NamedTensor): NamedTensor =>
        ops.of(oneMinusPower(ops, beta.node, index.node), beta.axes);
      const each = targets.map((target, i) => {
        const [beta1, beta2] = [given("beta1", 0.9, i), given("beta2", 0.999, i)];
        const gradient = nth(gradients, i);
        const moved = (before: NamedTensor, beta: NamedTensor, value: NamedTensor): NamedTensor =>
          ops.add(ops.mul(before, beta), ops.mul(value, ops.sub(ops.scalar(1), beta)));
        const first = moved(nth(state, i), beta1, gradient);
        const second = moved(nth(state, targets.length + i), beta2, ops.mul(gradient, gradient));
        const deviation = ops.div(ops.unary("sqrt", second), ops.unary("sqrt", correction(beta2)));
        const size = ops.div(nth(lr, i), correction(beta1));
        const step = ops.mul(size, ops.div(first, ops.add(deviation, given("eps", 1e-8, i))));
        return { target: ops.sub(target, step), first, second };
      });
      return {
        targets: each.map(({ target }) => target),
        state: [...each.map(({ first }) => first), ...each.map(({ second }) => second)],
        done: undefined,
      };
    },
  };
}
