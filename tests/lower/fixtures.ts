/** Small typed trees, written by hand: what the checker would hand on for the smallest experiments. */
import type {
  Axis,
  Block,
  DataDigests,
  Dataset,
  Duration,
  Entry,
  EntryParam,
  EvaluateStage,
  Expr,
  ExprNode,
  Layer,
  LayerOp,
  Learn,
  MetaStage,
  Metric,
  Network,
  Optimizer,
  PretrainStage,
  Schedule,
  Slot,
  Task,
  ValueType,
  WeightSpec,
} from "../../src/compiler/typed/tree.js";

export const span = { file: "test.fsl", start: 0, end: 0 };
export const axis = (name: string, size: number): Axis => ({ name, size });
export const image = (channels: number, height: number, width = height): Axis[] => [
  axis("channel", channels),
  axis("height", height),
  axis("width", width),
];
export const count = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1);

export function expr(node: ExprNode, axes: readonly Axis[], kind: ValueType["kind"] = "real", of?: Axis): Expr {
  return { ...node, type: of !== undefined ? { kind, axes, of } : { kind, axes }, span } as Expr;
}
export const block = (result: Expr): Block => ({ statements: [], result });

// ------------------------------------------------------------ networks

const running: WeightSpec["init"][] = [
  { kind: "constant", value: 0 },
  { kind: "constant", value: 1 },
];

/** Lays out a network layer by layer, with paths `conv.0`, `batch_norm.0`, …. */
export class NetworkBuilder {
  private readonly layers: Layer[] = [];
  private readonly weights: WeightSpec[] = [];
  private readonly outputs: Record<string, readonly Axis[]> = {};
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly input: readonly Axis[],
    private current: readonly Axis[] = input,
  ) {}

  private add(op: LayerOp, output: readonly Axis[], weights: readonly WeightSpec[] = []): string {
    const number = this.counts.get(op.kind) ?? 0;
    this.counts.set(op.kind, number + 1);
    const path = `${op.kind}.${number}`;
    this.layers.push({ path, op, input: this.current, output, span });
    this.weights.push(...weights.map((w) => ({ ...w, path: `${path}.${w.path}` })));
    this.current = output;
    return path;
  }
  private size(name: string): number {
    return this.current.find((a) => a.name === name)?.size ?? 0;
  }
  private window(size: number, stride: number, pad: number): readonly [number, number] {
    const out = (n: number): number => Math.floor((n + 2 * pad - size) / stride) + 1;
    return [out(this.size("height")), out(this.size("width"))];
  }

  conv(kernel: number, out: number, { stride = 1, pad = 1, bias = true } = {}): this {
    const inside = this.size("channel");
    const [h, w] = this.window(kernel, stride, pad);
    const init = { kind: "normal", mean: 0, std: 0.5 } as const;
    this.add({ kind: "conv", in: inside, out, kernel, stride, pad, bias }, image(out, h, w), [
      { path: "weight", shape: [out, inside, kernel, kernel], init, trainable: true },
      ...(bias ? [{ path: "bias", shape: [out], init, trainable: true }] : []),
    ]);
    return this;
  }
  batchNorm(name = "channel"): this {
    const size = this.size(name);
    const init = { kind: "uniform", low: 0.5, high: 1.5 } as const;
    this.add({ kind: "batch_norm", axis: name, momentum: 0.1, eps: 1e-5 }, this.current, [
      { path: "weight", shape: [size], init, trainable: true },
      { path: "bias", shape: [size], init: { kind: "normal", mean: 0, std: 0.2 }, trainable: true },
      { path: "running_mean", shape: [size], init: running[0] ?? init, trainable: false },
      { path: "running_var", shape: [size], init: running[1] ?? init, trainable: false },
    ]);
    return this;
  }
  layerNorm(...axes: string[]): this {
    const shape = axes.map((name) => this.size(name));
    const init = { kind: "uniform", low: 0.5, high: 1.5 } as const;
    this.add({ kind: "layer_norm", axes, eps: 1e-5 }, this.current, [
      { path: "weight", shape, init, trainable: true },
      { path: "bias", shape, init, trainable: true },
    ]);
    return this;
  }
  activation(fn: Extract<LayerOp, { kind: "activation" }>["fn"] = "relu", slope?: number): this {
    this.add(slope === undefined ? { kind: "activation", fn } : { kind: "activation", fn, slope }, this.current);
    return this;
  }
  pool(kind: "max_pool" | "avg_pool", size: number, stride = size, pad = 0): this {
    const [h, w] = this.window(size, stride, pad);
    this.add({ kind, size, stride, pad }, image(this.size("channel"), h, w));
    return this;
  }
  globalPool(): this {
    this.add({ kind: "global_avg_pool" }, [axis("feature", this.size("channel"))]);
    return this;
  }
  flatten(): this {
    this.add({ kind: "flatten" }, [axis("feature", count(this.current))]);
    return this;
  }
  linear(out: number | undefined, outAxis = "feature", bias = true): this {
    const inside = this.size("feature");
    const init = { kind: "normal", mean: 0, std: 0.5 } as const;
    const named = out === undefined ? undefined : outAxis;
    this.add(
      { kind: "linear", in: inside, out: out ?? 1, inAxis: "feature", outAxis: named, bias },
      out === undefined ? [] : [axis(outAxis, out)],
      [
        { path: "weight", shape: [out ?? 1, inside], init, trainable: true },
        ...(bias ? [{ path: "bias", shape: [out ?? 1], init, trainable: true }] : []),
      ],
    );
    return this;
  }
  cosineLinear(out: number, outAxis: string, scale: number): this {
    const inside = this.size("feature");
    const init = { kind: "normal", mean: 0, std: 0.5 } as const;
    this.add(
      { kind: "cosine_linear", in: inside, out, inAxis: "feature", outAxis, scale },
      [axis(outAxis, out)],
      [{ path: "weight", shape: [out, inside], init, trainable: true }],
    );
    return this;
  }
  dropout(p: number): this {
    this.add({ kind: "dropout", p }, this.current);
    return this;
  }
  dropBlock(p: number, size: number, rampSteps: number): this {
    this.add({ kind: "drop_block", p, size, rampSteps }, this.current);
    return this;
  }
  /** Layers of other builders, which began where this one stands, inside one layer. */
  nest(
    name: string,
    op: (layers: readonly (readonly Layer[])[]) => LayerOp,
    output: readonly Axis[],
    parts: readonly NetworkBuilder[],
  ): this {
    const layers = parts.map((part, i) => part.layers.map((l) => ({ ...l, path: `${name}.${i}.${l.path}` })));
    this.layers.push({ path: name, op: op(layers), input: this.current, output, span });
    parts.forEach((part, i) =>
      this.weights.push(...part.weights.map((w) => ({ ...w, path: `${name}.${i}.${w.path}` }))),
    );
    this.current = output;
    return this;
  }
  /** A builder for a branch: it begins with what this one has. */
  branch(): NetworkBuilder {
    return new NetworkBuilder(this.input, this.current);
  }
  as(name: string): this {
    const last = this.layers.pop();
    if (last !== undefined) this.layers.push({ ...last, outputName: name });
    this.outputs[name] = this.current;
    return this;
  }
  build(name = "net"): Network {
    const outputs = Object.keys(this.outputs).length > 0 ? this.outputs : { out: this.current };
    return { name, input: this.input, layers: this.layers, outputs, weights: this.weights };
  }
}

/** conv–BN–ReLU–pool blocks with outputs `map` and `vector`. */
export function convNet(input: readonly Axis[], channels: readonly number[], bias = true): Network {
  const builder = new NetworkBuilder(input);
  for (const out of channels) builder.conv(3, out, { bias }).batchNorm().activation().pool("max_pool", 2);
  return builder.as("map").flatten().as("vector").build();
}

// ------------------------------------------------------------ metrics

export function entry(
  name: string,
  params: readonly EntryParam[],
  result: Entry["result"],
  body: Block,
  transductive = false,
): Entry {
  return { name, params, result, body, transductive, random: false, assumes: [], borrows: [] };
}
export function metric(classify: Entry, learns: readonly Learn[] = [], others: readonly Entry[] = []): Metric {
  const entries = Object.fromEntries([classify, ...others].map((e) => [e.name, e]));
  return { name: "test", learns, fits: [], entries };
}

/** −‖query − mean(support over shot)‖². */
export function prototypes(task: Task, features: number): Metric {
  const [way, shot, feature] = [axis("way", task.way), axis("shot", task.shot), axis("feature", features)];
  const support = expr({ k: "param", name: "support" }, [way, shot, feature]);
  const query = expr({ k: "param", name: "query" }, [feature]);
  const prototype = expr({ k: "reduce", op: "mean", x: support, over: ["shot"] }, [way, feature]);
  const distance = expr({ k: "squared_distance", a: query, b: prototype, over: ["feature"] }, [way]);
  return metric(
    entry(
      "classify",
      [
        { name: "support", form: "vector", axes: [way, shot, feature] },
        { name: "query", form: "vector", axes: [feature] },
      ],
      { kind: "logits", axes: [way] },
      block(expr({ k: "unary", op: "neg", x: distance }, [way])),
    ),
  );
}

// ------------------------------------------------------------ stages

export const slot = <T>(value: T): Slot<T> => ({ value, from: undefined, frozen: false, span });
export const sgd = (changes: Partial<Optimizer> = {}): Optimizer => ({
  kind: "sgd",
  lr: 0.1,
  weightDecay: 0,
  momentum: 0,
  nesterov: false,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  clip: undefined,
  overrides: {},
  span,
  ...changes,
});
export const constant: Schedule = { kind: "constant", warmup: 0 };
const duration = (perStep: number): Duration => ({ epochs: 1, stepsPerEpoch: 10, perStep });
const base = { name: "s", span, needs: [], blockers: [] };

export function dataset(channels: number, size: number, changes: Partial<Dataset> = {}): Dataset {
  return {
    id: "d",
    name: "d",
    source: { kind: "folder", args: {} },
    train: [],
    eval: [],
    unreadable: "stop",
    image: { channels, height: size, width: size },
    facts: undefined,
    span,
    ...changes,
  };
}

export function meta(
  encoder: Network,
  m: Metric,
  task: Task,
  episodes: number,
  changes: Partial<MetaStage> = {},
): MetaStage {
  return {
    ...base,
    kind: "meta",
    id: "proto",
    encoder: slot(encoder),
    metric: slot(m),
    episodes: { task, split: { dataset: "d", split: "train", span } },
    loss: block(expr({ k: "entry_loss", entry: "classify" }, [])),
    optimizer: sgd(),
    schedule: constant,
    duration: duration(episodes),
    validate: undefined,
    ...changes,
  };
}

/** mean(cross_entropy(head(encoder(x, norm: batch).vector), y) over all). */
export function pretrain(
  encoder: Network,
  head: Network,
  classes: number,
  batch: number,
  changes: Partial<PretrainStage> = {},
): PretrainStage {
  const item = axis("item", batch);
  const of = axis("class", classes);
  const x = expr({ k: "param", name: "x" }, [item], "image");
  const y = expr({ k: "param", name: "y" }, [item], "class", of);
  const vector = encoder.outputs.vector ?? [];
  const embedded = expr({ k: "apply", target: { kind: "slot", slot: "encoder" }, x, output: "vector", norm: "batch" }, [
    item,
    ...vector,
  ]);
  const z = expr({ k: "apply", target: { kind: "slot", slot: "head" }, x: embedded, output: "out", norm: "phase" }, [
    item,
    of,
  ]);
  const each = expr({ k: "cross_entropy", z, y, from: "logits" }, [item]);
  return {
    ...base,
    kind: "pretrain",
    id: "base",
    data: { dataset: "d", split: "train", span },
    classes,
    encoder: slot(encoder),
    head: slot(head),
    learns: [],
    loss: block(expr({ k: "reduce", op: "mean", x: each, over: ["item"] }, [])),
    borrows: [],
    optimizer: sgd(),
    schedule: constant,
    duration: duration(batch),
    validate: undefined,
    ...changes,
  };
}

/** A stage that evaluates the encoder and the metric of stage `from`, on the test split. */
export function evaluation(
  name: string,
  from: string,
  encoder: Network,
  metric: Metric,
  task: Task,
  episodes: number,
): EvaluateStage {
  return {
    kind: "evaluate",
    id: name,
    name,
    span,
    needs: [from],
    blockers: [],
    encoder: { ...slot(encoder), from: { stage: from, slot: "encoder" } },
    metric: { ...slot(metric), from: { stage: from, slot: "metric" } },
    rows: [{ label: "", task, split: { dataset: "d", split: "test", span }, episodes, metric }],
    report: [{ kind: "accuracy" }],
    embedOnce: { legal: true },
  };
}

/** Returns the digests of a dataset that has one digest for all of its splits. */
export function digests(digest: string): DataDigests {
  return { whole: digest, splits: { train: digest, val: digest, test: digest } };
}
