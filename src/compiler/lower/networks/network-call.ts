/**
 * Lowering of networks. Inside a network every activation has the axis of images (all batch axes merged, the task axis outermost)
 * and the axes of the layer. The outputs have the batch axes of the caller again.
 */
import { CompilerBug } from "../../../common/bug.js";
import type { Node, Window } from "../../tensor/ir.js";
import type { Axis, Layer, Network } from "../../typed/tree.js";
import type { Draws } from "../draws.js";
import { axesOf, countOf, imageAxis, type NamedOps, type NamedTensor, sizeOf, taskAxis } from "../named-tensor.js";
import { activation } from "./activations.js";
import { attention, first, withClassToken } from "./attention.js";
import { concatOperands } from "./concat-operands.js";
import { lowerFormula } from "./formula.js";
import { dilatedConv, upsampled } from "./maps.js";
import { groupNorm, standardized } from "./standardize.js";

/** The new axis of a matrix product. Its name differs from every axis that can be contracted. */
const outAxisName = "·out";
type OpOf<K extends Layer["op"]["kind"]> = Extract<Layer["op"], { kind: K }>;

/** The statistics of a batch norm: means and biased variances [group, channel] of `count` numbers each. */
export interface BatchStatistics {
  readonly mean: NamedTensor;
  readonly variance: NamedTensor;
  readonly count: number;
}

/** The statistics that the batch norms of a call use. */
export type Norm =
  | {
      readonly kind: "batch";
      readonly record?: (path: string, statistics: BatchStatistics, layer: OpOf<"batch_norm">) => void;
    }
  | { readonly kind: "running" }
  /** The batch statistics of the call `by`. */
  | { readonly kind: "given"; readonly by: NetworkCall };

export interface CallContext {
  /** Returns a weight by its path within the network. */
  readonly weight: (path: string) => Node;
  readonly norm: Norm;
  /** The random draws of dropout. It is undefined at test, when nothing is dropped. */
  readonly draws: Draws | undefined;
}

/**
 * One application of a network. Layers are lowered only as far as the requested outputs need them. Later layers cost
 * nothing, and their batch norms record nothing.
 */
export class NetworkCall {
  private readonly values = new Map<string, NamedTensor>();
  private readonly batchStatistics = new Map<string, BatchStatistics>();
  private readonly batch: readonly Axis[];
  private readonly groups: number;
  private readonly input: NamedTensor;
  private current: NamedTensor;
  private next = 0;

  constructor(
    private readonly ops: NamedOps,
    private readonly network: Network,
    private readonly context: CallContext,
    given: NamedTensor,
  ) {
    const inner = network.input.map((axis) => axis.name);
    const x = this.expandToTasks(given);
    const outer = x.axes.filter((name) => !inner.includes(name));
    const names = outer.includes(taskAxis) ? [taskAxis, ...outer.filter((name) => name !== taskAxis)] : outer;
    this.batch = names.map((name) => ({ name, size: sizeOf(x, name) }));
    this.groups = names[0] === taskAxis ? sizeOf(x, taskAxis) : 1;
    this.input = x;
    this.current = this.mergeBatch(x, network.input);
  }

  output(name: string): NamedTensor {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    this.lowerUntil(() => this.values.has(name));
    // The only output of a head or module is `out`, its last value.
    const found = this.values.get(name) ?? this.splitBatch(this.current);
    if (!(name in this.network.outputs)) throw new CompilerBug(`${this.network.name} has no output ${name}`);
    this.values.set(name, found);
    return found;
  }

  /** Returns the batch statistics of the values of this call at the batch norm of this path. */
  statistics(path: string): BatchStatistics {
    this.lowerUntil(() => this.batchStatistics.has(path));
    const found = this.batchStatistics.get(path);
    if (found === undefined) throw new CompilerBug(`${this.network.name} takes no statistics at ${path}`);
    return found;
  }

  /** Lowers layers until `there` returns true, or none is left. */
  private lowerUntil(there: () => boolean): void {
    const { layers } = this.network;
    while (!there() && this.next < layers.length) {
      // A convolution and the batch norm after it are lowered together, see `sequence`.
      const length = foldsBias(layers[this.next], layers[this.next + 1]) ? 2 : 1;
      this.current = this.sequence(layers.slice(this.next, this.next + length), this.current);
      this.next += length;
    }
  }

  /** Repeats a value that episodes share if each episode draws for itself or is normalized by its own statistics. */
  private expandToTasks(x: NamedTensor): NamedTensor {
    const { draws, norm } = this.context;
    if (draws?.perTask) return draws.expandToTasks(x);
    if (norm.kind !== "given" || norm.by.groups === 1 || x.axes.includes(taskAxis)) return x;
    return this.ops.expand(x, [{ name: taskAxis, size: norm.by.groups }, ...axesOf(x)]);
  }

  /** Merges the batch axes that a value has. */
  private mergeBatch(x: NamedTensor, inner: readonly Axis[]): NamedTensor {
    const batch = this.batch.filter((axis) => x.axes.includes(axis.name));
    const size = countOf(batch);
    const ordered = this.ops.order(
      x,
      [...batch, ...inner].map((axis) => axis.name),
    );
    return this.ops.reshape(ordered, [{ name: imageAxis, size }, ...inner]);
  }

  private splitBatch(x: NamedTensor, batch = this.batch): NamedTensor {
    const inner = x.axes.filter((name) => name !== imageAxis);
    return this.ops.split(this.ops.order(x, [imageAxis, ...inner]), imageAxis, batch);
  }

  /**
   * Applies a linear map to a concatenation along the axis that the map consumes: it maps each operand over the batch axes
   * that it has, and adds the results. So a metric that compares pairs needs no copy of each side for every partner. The
   * result is undefined if `layer` is not the first, or its input is no such concatenation.
   */
  private mapConcatOperands(
    layer: Layer,
    along: string,
    map: (part: NamedTensor, from: number, to: number) => NamedTensor,
  ): NamedTensor | undefined {
    if (layer !== this.network.layers[0]) return undefined;
    const parts = concatOperands(this.ops, this.input, along);
    if (parts === undefined) return undefined;
    let from = 0;
    const terms = parts.map((part) => {
      const size = sizeOf(part, along);
      const inner = layer.input.map((axis) => (axis.name === along ? { name: along, size } : axis));
      const batch = this.batch.filter((axis) => part.axes.includes(axis.name));
      from += size;
      return this.splitBatch(map(this.mergeBatch(part, inner), from - size, from), batch);
    });
    const [first] = terms;
    if (first === undefined) return undefined;
    const sum = terms.slice(1).reduce(this.ops.add, first);
    return this.mergeBatch(
      sum,
      axesOf(sum).filter((axis) => !this.batch.some((own) => own.name === axis.name)),
    );
  }

  /**
   * Lowers layers in a row. The bias of a convolution just before a batch norm is not added to the activations, because
   * normalization by batch statistics would remove it and running statistics fold it into the affine map. It still shifts
   * the recorded mean, so that running statistics are those of the biased values.
   */
  private sequence(layers: readonly Layer[], input: NamedTensor): NamedTensor {
    let x = input;
    let bias: Node | undefined;
    layers.forEach((layer, i) => {
      x = this.ops.graph.at(layer.span, () => {
        if (layer.op.kind === "batch_norm") return this.batchNorm(layer, layer.op, x, bias);
        bias = undefined;
        if (layer.op.kind === "conv" && foldsBias(layer, layers[i + 1])) {
          bias = this.weight(layer, "bias");
          return this.convolution(layer, layer.op, x);
        }
        return this.layer(layer, x);
      });
      if (layer.op.kind === "batch_norm") bias = undefined;
      if (layer.outputName !== undefined) this.values.set(layer.outputName, this.splitBatch(x));
    });
    return x;
  }

  private layer(layer: Layer, x: NamedTensor): NamedTensor {
    const { ops } = this;
    const { op } = layer;
    switch (op.kind) {
      case "conv": {
        const y = this.convolution(layer, op, x);
        return op.bias ? ops.add(y, ops.of(this.weight(layer, "bias"), ["channel"])) : y;
      }
      case "batch_norm":
        return this.batchNorm(layer, op, x, undefined);
      case "layer_norm":
        return this.scaledAndShifted(layer, op.axes, standardized(ops, x, op.axes, op.eps));
      case "group_norm": {
        const normal = groupNorm(ops, op, x, imageAxis);
        return op.affine ? this.scaledAndShifted(layer, [op.axis], normal) : normal;
      }
      case "layer_scale":
        return ops.mul(x, ops.of(this.weight(layer, "weight"), [op.axis]));
      case "linear":
        return this.linear(layer, op, x);
      case "cosine_linear": {
        const weight = ops.of(this.weight(layer, "weight"), [outAxisName, op.inAxis]);
        const cosine = ops.dot(ops.normalize(x, [op.inAxis]), ops.normalize(weight, [op.inAxis]), [op.inAxis]);
        return this.nameOutAxis(ops.scale(cosine, op.scale), op.outAxis);
      }
      case "activation":
        return activation(ops, op, x);
      case "max_pool":
        return this.asLayerOutput(layer, ops.t.maxPool(this.imageNode(x), window(op)));
      case "avg_pool":
        return this.asLayerOutput(layer, ops.t.avgPool(this.imageNode(x), window(op)));
      case "global_avg_pool":
        return this.globalMean(layer, x);
      case "upsample":
        return upsampled(ops, op, this.inImageOrder(x));
      case "flatten":
        return this.asLayerOutput(layer, ops.order(x, [imageAxis, ...layer.input.map((axis) => axis.name)]).node);
      case "tokens":
        return this.asLayerOutput(layer, ops.order(x, [imageAxis, "height", "width", "channel"]).node);
      case "class_token":
        return withClassToken(ops, x, this.weight(layer, "weight"));
      case "position_table": {
        const axes = layer.input.map((axis) => axis.name);
        return ops.add(x, ops.of(this.weight(layer, "weight"), axes));
      }
      case "first":
        return first(ops, x, op.axis);
      case "attention": {
        const linear = (name: string) => ({
          weight: this.weight(layer, `${name}.weight`),
          bias: this.weight(layer, `${name}.bias`),
        });
        return attention(ops, op, x, { qkv: linear("qkv"), out: linear("out") }, imageAxis);
      }
      case "dropout": {
        const keep = this.context.draws?.dropoutMask(layer.path, this.splitTasks(x), op.p);
        return keep !== undefined ? this.applyMask(x, keep) : x;
      }
      case "drop_block": {
        const keep = this.context.draws?.dropBlockMask(layer.path, this.splitTasks(this.inImageOrder(x)), op);
        return keep !== undefined ? this.applyMask(this.inImageOrder(x), keep) : x;
      }
      case "formula":
        return lowerFormula(ops, op, { x, output: layer.output, weight: (name) => this.weight(layer, name) });
      case "residual":
        return ops.add(this.sequence(op.body, x), this.sequence(op.shortcut, x));
      case "parallel":
        return ops.concat(
          op.branches.map((branch) => this.sequence(branch, x)),
          op.along,
        );
      default:
        return op satisfies never;
    }
  }

  /** Returns x with a task axis, if each episode draws for itself. */
  private splitTasks(x: NamedTensor): NamedTensor {
    if (!this.context.draws?.perTask) return x;
    const { groups } = this;
    return this.ops.split(x, imageAxis, [
      { name: taskAxis, size: groups },
      { name: "·each", size: sizeOf(x, imageAxis) / groups },
    ]);
  }

  private applyMask(x: NamedTensor, keep: NamedTensor): NamedTensor {
    const { ops } = this;
    const product = ops.mul(this.splitTasks(x), keep);
    if (!product.axes.includes(taskAxis)) return product;
    return ops.order(ops.merge(product, [taskAxis, "·each"], imageAxis), x.axes);
  }

  private weight(layer: Layer, name: string): Node {
    return this.context.weight(`${layer.path}.${name}`);
  }

  private inImageOrder(x: NamedTensor): NamedTensor {
    return this.ops.order(x, [imageAxis, "channel", "height", "width"]);
  }
  private imageNode(x: NamedTensor): Node {
    return this.inImageOrder(x).node;
  }

  /** Returns a node [n, …] as the output of the layer. */
  private asLayerOutput(layer: Layer, node: Node): NamedTensor {
    const n = node.shape[0] ?? 1;
    const axes = [{ name: imageAxis, size: n }, ...layer.output];
    return this.ops.of(
      this.ops.t.reshape(
        node,
        axes.map((axis) => axis.size),
      ),
      axes.map((axis) => axis.name),
    );
  }

  private globalMean(layer: Layer, x: NamedTensor): NamedTensor {
    const [channels = "feature"] = layer.input.map(({ name }) => name).filter((name) => name === "channel");
    const places = layer.input.map(({ name }) => name).filter((name) => name !== channels);
    return this.asLayerOutput(layer, this.ops.mean(this.ops.order(x, [imageAxis, channels, ...places]), places).node);
  }

  private convolution(layer: Layer, op: OpOf<"conv">, x: NamedTensor): NamedTensor {
    const { stride, pad, groups = 1, dilation = 1 } = op;
    const { t } = this.ops;
    const attrs = { stride: [stride, stride], pad: [pad, pad, pad, pad], groups } as const;
    const filters = this.weight(layer, "weight");
    const convolved = (image: NamedTensor, own: Node): NamedTensor => {
      const node = this.imageNode(image);
      return this.asLayerOutput(
        layer,
        dilation === 1 ? t.conv2d(node, own, attrs) : dilatedConv(t, node, own, attrs, dilation),
      );
    };
    const parts =
      groups === 1
        ? this.mapConcatOperands(layer, "channel", (part, from, to) =>
            convolved(part, t.sliceAxis(filters, 1, from, to)),
          )
        : undefined;
    return parts ?? convolved(x, filters);
  }

  private linear(layer: Layer, op: OpOf<"linear">, x: NamedTensor): NamedTensor {
    const { ops } = this;
    const one = op.outAxis === undefined;
    const weight = this.weight(layer, "weight");
    // `linear()` without a size consumes its axis, so its weight is one row.
    const named = one ? ops.of(ops.t.reshape(weight, [op.in]), [op.inAxis]) : ops.of(weight, [outAxisName, op.inAxis]);
    const parts = this.mapConcatOperands(layer, op.inAxis, (part, from, to) =>
      ops.dot(part, ops.slice(named, op.inAxis, from, to), [op.inAxis]),
    );
    const product = parts ?? ops.dot(x, named, [op.inAxis]);
    if (!op.bias) return this.nameOutAxis(product, op.outAxis);
    const bias = this.weight(layer, "bias");
    const shift = one ? ops.of(ops.t.reshape(bias, []), []) : ops.of(bias, [outAxisName]);
    return this.nameOutAxis(ops.add(product, shift), op.outAxis);
  }

  /** Names the new axis of a matrix product, which may have the name of the contracted axis. */
  private nameOutAxis(x: NamedTensor, outAxis: string | undefined): NamedTensor {
    return outAxis === undefined ? x : this.ops.rename(x, [{ from: outAxisName, to: outAxis }]);
  }

  /** Applies the scale and the shift of a normalization over these axes. */
  private scaledAndShifted(layer: Layer, axes: readonly string[], x: NamedTensor): NamedTensor {
    const { ops } = this;
    const scaled = ops.mul(x, ops.of(this.weight(layer, "weight"), axes));
    return ops.add(scaled, ops.of(this.weight(layer, "bias"), axes));
  }

  private batchNorm(layer: Layer, op: OpOf<"batch_norm">, x: NamedTensor, bias: Node | undefined): NamedTensor {
    const { ops } = this;
    const { t } = ops;
    const { norm } = this.context;
    const rest = layer.input.filter((axis) => axis.name !== op.axis);
    const ordered = ops.order(x, [imageAxis, op.axis, ...rest.map((axis) => axis.name)]);
    const back = (node: Node): NamedTensor => ops.reshape(ops.of(node, ["n", "c", "h", "w"]), axesOf(ordered));
    const n = sizeOf(x, imageAxis);
    const channels = sizeOf(x, op.axis);
    const area = countOf(rest);
    const [height, width] = rest.length === 2 ? rest.map((axis) => axis.size) : [area, 1];
    const image = t.reshape(ordered.node, [n, channels, height ?? 1, width ?? 1]);
    const gamma = this.weight(layer, "weight");
    const beta = this.weight(layer, "bias");
    const eps = op.eps;
    switch (norm.kind) {
      case "batch": {
        const { groups } = this;
        const mean = ops.of(t.batchMean(image, groups), [taskAxis, op.axis]);
        const statistics = {
          mean: bias !== undefined ? ops.add(mean, ops.of(bias, [op.axis])) : mean,
          variance: ops.of(t.batchVariance(image, groups), [taskAxis, op.axis]),
          count: (n / groups) * area,
        };
        this.batchStatistics.set(layer.path, statistics);
        norm.record?.(layer.path, statistics, op);
        return back(t.batchNorm(image, gamma, beta, { eps, groups }));
      }
      case "running": {
        const mean = this.weight(layer, "running_mean");
        const scale = t.mul(gamma, t.graph.op("rsqrt", [t.add(this.weight(layer, "running_var"), eps)], {}));
        const shift = t.sub(beta, t.mul(bias !== undefined ? t.sub(mean, bias) : mean, scale));
        return back(t.channelAffine(image, scale, shift));
      }
      case "given": {
        const { mean, variance } = norm.by.statistics(layer.path);
        const deviation = ops.unary("rsqrt", ops.add(variance, ops.scalar(eps)));
        const scale = ops.mul(deviation, ops.of(gamma, [op.axis]));
        const center = bias !== undefined ? ops.sub(mean, ops.of(bias, [op.axis])) : mean;
        const shift = ops.sub(ops.of(beta, [op.axis]), ops.mul(center, scale));
        const groups = sizeOf(mean, taskAxis);
        if (groups === 1) {
          const perChannel = (value: NamedTensor): Node => t.reshape(value.node, [channels]);
          return back(t.channelAffine(image, perChannel(scale), perChannel(shift)));
        }
        const parts = [
          { name: taskAxis, size: groups },
          { name: "·each", size: n / groups },
        ];
        const y = ops.add(ops.mul(ops.split(ordered, imageAxis, parts), scale), shift);
        return ops.order(ops.merge(y, [taskAxis, "·each"], imageAxis), ordered.axes);
      }
      default:
        return norm satisfies never;
    }
  }
}

/** Returns true if the bias of a convolution is left to the batch norm after it. */
function foldsBias(layer: Layer | undefined, next: Layer | undefined): boolean {
  return (
    layer?.op.kind === "conv" &&
    layer.op.bias &&
    layer.outputName === undefined &&
    next?.op.kind === "batch_norm" &&
    next.op.axis === "channel"
  );
}

function window(op: OpOf<"max_pool" | "avg_pool">): Window {
  const { size, stride, pad } = op;
  return { size: [size, size], stride: [stride, stride], pad: [pad, pad, pad, pad] };
}
