/** The networks of a stage and how its bodies call them: which weights, which batch-norm statistics, which draws. */
import { CompilerBug } from "../bug.js";
import { tailOf } from "../tail.js";
import { batch } from "../tensor/batch.js";
import type { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import type { Axis, Callable, LayerOp, Network, PretrainStage } from "../typed.js";
import type { Draws } from "./draws.js";
import type { CallNorm } from "./expressions.js";
import { NetworkCall, type Norm, type Statistics } from "./layers.js";
import { axesOf, lanesOf, type Named, type NamedOps } from "./named.js";
import type { WeightDecl } from "./weights.js";

/** Program inputs for declared weights, made when they are first used. */
export class WeightTable {
  private readonly decls: ReadonlyMap<string, WeightDecl>;
  private readonly nodes = new Map<string, Node<"input">>();

  constructor(
    private readonly graph: Graph,
    decls: readonly WeightDecl[],
  ) {
    this.decls = new Map(decls.map((decl) => [decl.path, decl]));
  }

  node(path: string): Node<"input"> {
    const known = this.nodes.get(path);
    if (known) return known;
    const decl = this.decls.get(path);
    if (!decl) throw new CompilerBug(`no weight ${path} is declared`);
    const node = this.graph.input(path, decl.shape, "f32");
    this.nodes.set(path, node);
    return node;
  }

  /** Those that something has used, in the order of first use. */
  get used(): readonly WeightDecl[] {
    return [...this.nodes.keys()].flatMap((path) => this.decls.get(path) ?? []);
  }
}

/** A network in its slot: the prefix of its weights' paths, and whether training may move it. */
export interface Placed {
  readonly prefix: string;
  readonly network: Network;
  readonly frozen: boolean;
}

export interface RunningUpdate {
  readonly statistics: Statistics;
  readonly op: Extract<LayerOp, { kind: "batch_norm" }>;
}

/** The statistics of one call's batch norm, by weight path of the layer. */
export interface Recorded {
  readonly path: string;
  readonly update: RunningUpdate;
}

/** Weights that a `minimize` has moved, by path in their network: those in place of the network's own. */
export type Adapted = ReadonlyMap<string, Named>;

/** Records of the same layers about other values. */
export function mapped(records: readonly Recorded[], map: (nodes: readonly Node[]) => readonly Node[]): Recorded[] {
  const before = records.flatMap(({ update: { statistics } }) => [statistics.mean, statistics.variance]);
  const after = map(before.map(({ node }) => node));
  return records.map(({ path, update: { op, statistics } }, i) => {
    const of = (value: Named, place: number): Named => ({ ...value, node: after[2 * i + place] ?? value.node });
    const { mean, variance, count } = statistics;
    return { path, update: { op, statistics: { mean: of(mean, 0), variance: of(variance, 1), count } } };
  });
}

export interface CallsOptions {
  readonly weights: WeightTable;
  readonly encoder: Placed;
  readonly head?: Placed;
  /** Modules of the metric, by their `learn` name. */
  readonly modules?: ReadonlyMap<string, Placed>;
  /** Finished stages that a loss may call. */
  readonly stage?: (id: string) => PretrainStage;
  /** Where batch norms of this episode's calls report, by weight path of the layer; undefined at test. */
  readonly record?: (path: string, update: RunningUpdate) => void;
  readonly draws?: Draws;
}

/** A placed network as one call sees it. */
interface Called extends Placed {
  readonly weight: (path: string) => Node;
  /** Tells calls of the same network with other weights apart. */
  readonly key: string;
  readonly draws: Draws | undefined;
}

/**
 * Calls of one episode (or of several side by side, each of which sees itself only). The same network with the same
 * weights on the same value is one call.
 */
export class Calls {
  private calls = new Map<string, NetworkCall>();
  private ordinals = new Map<string, number>();
  private sink: ((recorded: Recorded) => void) | undefined;
  /** What stands for one lane of a value while a call is written for one. */
  private readonly places = new Map<Node, Node>();

  constructor(
    private readonly ops: NamedOps,
    private readonly options: CallsOptions,
  ) {
    const { record } = options;
    this.sink = record && (({ path, update }) => record(path, update));
  }

  get draws(): Draws | undefined {
    return this.options.draws;
  }

  apply(target: Callable, x: Named, output: string, norm: CallNorm, adapted?: Adapted): Named {
    if (target.kind === "stage") return this.finished(target.stage, x);
    return this.run(this.placed(target), adapted, x, output, norm);
  }

  /** Trainable weights of a network by path in it, on axes `·w0`, `·w1`, … */
  weights(target: Callable): ReadonlyMap<string, Named> {
    const { prefix, network } = this.placed(target);
    return new Map(
      network.weights.flatMap(({ path, shape, trainable }) =>
        trainable
          ? [[path, this.ops.of(this.options.weights.node(`${prefix}.${path}`), weightAxes(shape))] as const]
          : [],
      ),
    );
  }

  /** What `run` records is given back, not kept. */
  captured<T>(run: () => T): { readonly value: T; readonly records: readonly Recorded[] } {
    const records: Recorded[] = [];
    const { sink } = this;
    this.sink = sink && ((recorded) => records.push(recorded));
    try {
      return { value: run(), records };
    } finally {
      this.sink = sink;
    }
  }

  record(records: readonly Recorded[]): void {
    for (const recorded of records) this.sink?.(recorded);
  }

  /** Runs what is only looked at: no call of it is kept, counted or recorded. */
  aside<T>(run: () => T): T {
    const { calls, ordinals } = this;
    this.calls = new Map();
    this.ordinals = new Map(ordinals);
    try {
      return this.captured(run).value;
    } finally {
      this.calls = calls;
      this.ordinals = ordinals;
    }
  }

  private placed(target: Callable): Placed {
    switch (target.kind) {
      case "slot": {
        const placed = this.options[target.slot];
        if (!placed) throw new CompilerBug(`this stage has no ${target.slot}`);
        if (target.at === undefined) return placed;
        const network = tailOf(placed.network, target.at);
        if (!network) throw new CompilerBug(`${placed.network.name} has no layer ${target.at}`);
        return { ...placed, network };
      }
      case "learn": {
        const placed = this.options.modules?.get(target.name);
        if (!placed) throw new CompilerBug(`the metric has no module ${target.name}`);
        return placed;
      }
      default:
        throw new CompilerBug(`a call of a ${target.kind} reached lowering`);
    }
  }

  /** A finished stage's logits: its head on its encoder, running statistics, nothing dropped. */
  private finished(id: string, x: Named): Named {
    const stage = this.options.stage?.(id);
    if (!stage) throw new CompilerBug(`stage ${id} is not known here`);
    const part = (slot: "encoder" | "head"): Placed => ({
      prefix: `${stagePrefix(id)}${slot}`,
      network: stage[slot].value,
      frozen: true,
    });
    const axes = JSON.stringify(stage.head.value.input.map((axis) => axis.name));
    const taken = Object.entries(stage.encoder.value.outputs).find(
      ([, output]) => JSON.stringify(output.map((axis) => axis.name)) === axes,
    );
    if (!taken) throw new CompilerBug(`the head of ${id} takes none of its encoder's outputs`);
    const embedded = this.run(part("encoder"), undefined, x, taken[0], "running");
    const [logits] = Object.keys(stage.head.value.outputs);
    return this.run(part("head"), undefined, embedded, logits ?? "out", "running");
  }

  private run(placed: Placed, adapted: Adapted | undefined, x: Named, output: string, norm: CallNorm): Named {
    const own = adapted ?? new Map<string, Named>();
    const lanes = lanesOf([...own.values()]);
    const weight = (path: string): Node => own.get(path)?.node ?? this.options.weights.node(`${placed.prefix}.${path}`);
    const key = [placed.prefix, ...[...own].map(([path, { node }]) => `${path}=${node.id}`)].join("|");
    const called: Called = { ...placed, weight, key, draws: this.options.draws };
    return lanes.length === 0 ? this.apart(called, x, output, norm) : this.inLanes(called, own, lanes, x, output, norm);
  }

  /**
   * A call whose weights are each lane's own: written for one lane and batched, so that the images of all lanes pass
   * through one grouped convolution per layer (`tensor/batch.ts`).
   */
  private inLanes(
    called: Called,
    own: Adapted,
    lanes: readonly Axis[],
    x: Named,
    output: string,
    norm: CallNorm,
  ): Named {
    const { ops } = this;
    const size = lanes.reduce((n, lane) => n * lane.size, 1);
    const places = new Map<Node, Node>();
    const one = (value: Named): Named => {
      if (!lanes.some((lane) => value.axes.includes(lane.name))) return value;
      const rest = axesOf(value).filter((axis) => !lanes.some((lane) => lane.name === axis.name));
      const whole = ops.reshape(ops.expand(value, [...lanes, ...rest]), [{ name: "·lane", size }, ...rest]);
      const place = this.places.get(whole.node) ?? ops.standIn(whole.node.shape.slice(1), whole.node.dtype);
      this.places.set(whole.node, place);
      places.set(place, whole.node);
      return ops.of(
        place,
        rest.map((axis) => axis.name),
      );
    };
    const weights = new Map([...own].map(([path, value]) => [path, one(value)]));
    const inLane: Called = {
      ...called,
      weight: (path) => weights.get(path)?.node ?? called.weight(path),
      key: `${called.key} in a lane`,
      draws: called.draws?.inLane(one),
    };
    const { value, records } = this.captured(() =>
      this.apart(inLane, one(x), output, typeof norm === "object" ? { from: one(norm.from) } : norm),
    );
    const statistics = records.flatMap(({ update: { statistics: s } }) => [s.mean, s.variance]);
    const [made, ...recorded] = batch(ops.graph, [value.node, ...statistics.map(({ node }) => node)], places, size);
    if (!made) throw new CompilerBug("a batched call has no value");
    // The lanes of a statistic [group, channel] are further groups.
    const flat = recorded.map((node) => {
      const [, groups = 1, channels = 1] = node.shape;
      return ops.t.reshape(node, [size * groups, channels]);
    });
    this.record(mapped(records, () => flat));
    return ops.split(ops.of(made, ["·lane", ...value.axes]), "·lane", lanes);
  }

  private apart(called: Called, x: Named, output: string, norm: CallNorm): Named {
    const trains = this.options.record !== undefined && !called.frozen;
    if (typeof norm === "object") {
      const statistics = this.statistics(called, norm.from, output, trains);
      return this.call(called, x, { kind: "given", statistics }, `from ${norm.from.node.id}`).output(output);
    }
    const batch = norm === "batch" || (norm === "phase" && trains);
    return this.call(
      called,
      x,
      batch ? this.batch(called, trains) : { kind: "running" },
      batch ? "batch" : "running",
    ).output(output);
  }

  private batch(called: Called, trains: boolean): Norm {
    return {
      kind: "batch",
      ...(trains
        ? {
            record: (path: string, statistics: Statistics, op: RunningUpdate["op"]) =>
              this.sink?.({ path: `${called.prefix}.${path}`, update: { statistics, op } }),
          }
        : {}),
    };
  }

  /** The statistics that a call on another value normalizes with. */
  private statistics(called: Called, y: Named, output: string, trains: boolean): (path: string) => Statistics {
    const seen = new Map<string, Statistics>();
    const batch = this.batch(called, trains);
    const record = (path: string, statistics: Statistics, op: RunningUpdate["op"]): void => {
      seen.set(path, statistics);
      if (batch.kind === "batch") batch.record?.(path, statistics, op);
    };
    this.make(called, y, { kind: "batch", record }).output(output);
    return (path) => {
      const found = seen.get(path);
      if (!found) throw new CompilerBug(`no statistics of ${path}`);
      return found;
    };
  }

  private call(called: Called, x: Named, norm: Norm, mode: string): NetworkCall {
    const key = `${called.key}|${called.network.layers.length}|${x.node.id}|${x.axes.join()}|${mode}`;
    const known = this.calls.get(key) ?? this.make(called, x, norm);
    this.calls.set(key, known);
    return known;
  }

  private make(called: Called, x: Named, norm: Norm): NetworkCall {
    const ordinal = this.ordinals.get(called.prefix) ?? 0;
    this.ordinals.set(called.prefix, ordinal + 1);
    const drops = this.options.record !== undefined && !called.frozen;
    return new NetworkCall(
      this.ops,
      called.network,
      {
        weight: called.weight,
        norm,
        draws: drops ? called.draws?.at(`${called.prefix}.${ordinal}`) : undefined,
      },
      x,
    );
  }
}

/** Axes of a weight of any rank, under names that no file can write. */
export const weightAxes = (shape: readonly number[]): string[] => shape.map((_, i) => `·w${i}`);

/** Prefix of the weights of a finished stage that a loss calls. */
export const stagePrefix = (id: string): string => `stage:${id}:`;
