/**
 * One step of an optimizer, as PyTorch defines it: SGD with momentum, plain or Nesterov, without dampening; Adam with L2
 * decay (Kingma & Ba 2015); AdamW with decoupled decay (Loshchilov & Hutter 2019).
 */
import type { Node } from "../../tensor/ir.js";
import type { Optimizer } from "../../typed/tree.js";
import type { NamedOps } from "../named-tensor.js";

/** A tensor that the optimizer keeps between steps. It starts at 0. */
export interface OptimizerState {
  readonly name: string;
  readonly before: Node;
  readonly after: Node;
}
export interface WeightUpdate {
  readonly weight: Node;
  readonly states: readonly OptimizerState[];
}

export interface WeightUpdateRequest {
  readonly path: string;
  readonly weight: Node;
  readonly gradient: Node;
  /** The factor of the schedule: an f32 scalar. */
  readonly factor: Node;
  readonly lr: number;
  readonly weightDecay: number;
}

export class OptimizerLowering {
  private readonly rate = new Map<number, Node>();

  constructor(
    private readonly ops: NamedOps,
    private readonly optimizer: Optimizer,
    /** The number of finished steps: an i32 scalar. */
    private readonly step: Node,
  ) {}

  update(request: WeightUpdateRequest): WeightUpdate {
    switch (this.optimizer.kind) {
      case "sgd":
        return this.sgd(request);
      case "adam":
      case "adamw":
        return this.adam(request, this.optimizer.kind === "adamw");
      default:
        return this.optimizer.kind satisfies never;
    }
  }

  private sgd(request: WeightUpdateRequest): WeightUpdate {
    const { t } = this.ops;
    const { momentum, nesterov } = this.optimizer;
    const { weight, path } = request;
    const gradient = this.withDecay(request);
    if (momentum === 0) return { weight: t.sub(weight, t.mul(this.lr(request), gradient)), states: [] };
    const name = `momentum:${path}`;
    const before = t.input(name, weight.shape);
    const after = t.add(t.mul(before, momentum), gradient);
    const direction = nesterov ? t.add(gradient, t.mul(after, momentum)) : after;
    return {
      weight: t.sub(weight, t.mul(this.lr(request), direction)),
      states: [{ name, before, after }],
    };
  }

  private adam(request: WeightUpdateRequest, decoupled: boolean): WeightUpdate {
    const { t } = this.ops;
    const { beta1, beta2, eps } = this.optimizer;
    const { weight, path } = request;
    const gradient = decoupled ? request.gradient : this.withDecay(request);
    const lr = this.rateOf(request);
    const state = (name: string, decay: number, value: Node): OptimizerState => {
      const before = t.input(`${name}:${path}`, weight.shape);
      return { name: `${name}:${path}`, before, after: t.add(t.mul(before, decay), t.mul(value, 1 - decay)) };
    };
    const first = state("adam_m", beta1, gradient);
    const second = state("adam_v", beta2, t.square(gradient));
    const deviation = t.div(
      t.sqrt(second.after),
      this.spread(t.sqrt(oneMinusPower(this.ops, beta2, this.step)), weight),
    );
    // Scalars are combined before they are spread, so that no engine computes them for each element.
    const size = this.spread(t.div(lr, oneMinusPower(this.ops, beta1, this.step)), weight);
    const decay = (): Node => this.spread(t.mul(lr, request.weightDecay), weight);
    const decayedWeight = decoupled && request.weightDecay !== 0 ? t.sub(weight, t.mul(decay(), weight)) : weight;
    return {
      weight: t.sub(decayedWeight, t.mul(size, t.div(first.after, t.add(deviation, eps)))),
      states: [first, second],
    };
  }

  /** Returns the gradient with L2 decay added. */
  private withDecay({ gradient, weight, weightDecay }: WeightUpdateRequest): Node {
    const { t } = this.ops;
    return weightDecay === 0 ? gradient : t.add(gradient, t.mul(weight, weightDecay));
  }

  /** Returns the learning rate in the shape of the weight. */
  private lr(request: WeightUpdateRequest): Node {
    return this.spread(this.rateOf(request), request.weight);
  }

  /** Returns the learning rate of this step: an f32 scalar. */
  private rateOf({ lr, factor }: Pick<WeightUpdateRequest, "lr" | "factor">): Node {
    const scalar = this.rate.get(lr) ?? this.ops.t.mul(factor, lr);
    this.rate.set(lr, scalar);
    return scalar;
  }

  private spread(scalar: Node, like: Node): Node {
    return this.ops.t.splat(scalar, like.shape);
  }
}

/**
 * Returns 1 − βᵗ with t = finished steps + 1. It is computed as −expm1(t·ln β) = −2u / (1 − u), u = tanh(t·ln β / 2),
 * because in f32 the plain difference loses four digits at the first steps.
 */
export function oneMinusPower({ t }: NamedOps, beta: number | Node, step: Node): Node {
  const half = typeof beta === "number" ? t.scalar(Math.log(beta) / 2) : t.mul(t.log(beta), 0.5);
  const count = t.splat(t.add(t.cast(step, "f32"), 1), half.shape);
  const u = t.tanh(t.mul(count, half));
  return t.div(t.mul(u, -2), t.sub(1, u));
}
