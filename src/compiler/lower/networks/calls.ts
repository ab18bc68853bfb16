/** The networks of a stage and how its bodies call them: which weights, which batch-norm statistics, which draws. */
import { CompilerBug } from "../../../common/bug.js";
import { batch } from "../../tensor/batch.js";
import type { Node } from "../../tensor/ir.js";
import { tailOf } from "../../typed/tail.js";
import type { Axis, Callable, Learn, Network, PretrainStage } from "../../typed/tree.js";
import { stagePrefix } from "../../typed/weights.js";
import type { Draws } from "../draws.js";
import { axesOf, countOf, lanesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";
import { type WeightTable, weightAxes } from "../weights.js";
import { mapStatistics, type RecordedStatistics, type RunningUpdate } from "./batch-statistics.js";
import { NetworkCall, type Norm } from "./network-call.js";

/** The output of an encoder that a head takes. */
const headInput = "vector";

/** A network in its slot: the prefix of its weights' paths, and whether training may move it. */
export interface PlacedNetwork {
  readonly prefix: string;
  readonly network: Network;
  readonly frozen: boolean;
}

/** Weights that a `minimize` has moved, by path in their network: those in place of the network's own. */
export type Adapted = ReadonlyMap<string, NamedTensor>;

/** How a call says its batch norms' mode; `from`: by the batch statistics of a call on this value. */
export type CallNorm = "phase" | "batch" | "running" | { readonly from: NamedTensor };

/** A network applied to a value: which of its outputs is wanted, and the weights that stand in place of its own. */
export interface Application {
  readonly target: Callable;
  readonly x: NamedTensor;
  readonly output: string;
  readonly norm: CallNorm;
  readonly adapted?: Adapted;
}
/** The same once it is known where the network stands. */
type CallArguments = Omit<Application, "target" | "adapted">;

export interface CallsOptions {
  readonly weights: WeightTable;
  readonly encoder: PlacedNetwork;
  readonly head?: PlacedNetwork;
  /** Modules of the metric, by their `learn` name. */
  readonly modules?: ReadonlyMap<string, PlacedNetwork>;
  /** Finished stages that a loss may call. */
  readonly stage?: (id: string) => PretrainStage;
  /** Where batch norms of this episode's calls report, by weight path of the layer; undefined at test. */
  readonly record?: (path: string, update: RunningUpdate) => void;
  readonly draws?: Draws;
}

/** A placed network as one call sees it. */
interface ResolvedNetwork extends PlacedNetwork {
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
  private sink: ((recorded: RecordedStatistics) => void) | undefined;
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

  /** The output [the batch axes of x…, its own axes…]. */
  apply({ target, adapted = new Map<string, NamedTensor>(), ...use }: Application): NamedTensor {
    if (target.kind === "stage") return this.applyFinishedStage(target.stage, use.x);
    return this.applyPlaced(this.resolve(target), adapted, use);
  }

  /** Trainable weights of a network by path in it, on axes `·w0`, `·w1`, … */
  weights(target: Callable): ReadonlyMap<string, NamedTensor> {
    const { prefix, network } = this.resolve(target);
    return new Map(
      network.weights.flatMap(({ path, shape, trainable }) =>
        trainable
          ? [[path, this.ops.of(this.options.weights.node(`${prefix}.${path}`), weightAxes(shape))] as const]
          : [],
      ),
    );
  }

  /** What `run` records is given back, not kept. */
  captureStatistics<T>(run: () => T): { readonly value: T; readonly records: readonly RecordedStatistics[] } {
    const records: RecordedStatistics[] = [];
    const { sink } = this;
    this.sink = sink && ((recorded) => records.push(recorded));
    try {
      return { value: run(), records };
    } finally {
      this.sink = sink;
    }
  }

  recordStatistics(records: readonly RecordedStatistics[]): void {
    for (const recorded of records) this.sink?.(recorded);
  }

  /** Runs what is only looked at: no call of it is kept, counted or recorded. */
  dryRun<T>(run: () => T): T {
    const { calls, ordinals } = this;
    this.calls = new Map();
    this.ordinals = new Map(ordinals);
    try {
      return this.captureStatistics(run).value;
    } finally {
      this.calls = calls;
      this.ordinals = ordinals;
    }
  }

  private resolve(target: Callable): PlacedNetwork {
    switch (target.kind) {
      case "slot": {
        const placed = this.options[target.slot];
        if (placed === undefined) throw new CompilerBug(`this stage has no ${target.slot}`);
        if (target.at === undefined) return placed;
        const network = tailOf(placed.network, target.at);
        if (network === undefined) throw new CompilerBug(`${placed.network.name} has no layer ${target.at}`);
        return { ...placed, network };
      }
      case "learn": {
        const placed = this.options.modules?.get(target.name);
        if (placed === undefined) throw new CompilerBug(`the metric has no module ${target.name}`);
        return placed;
      }
      default:
        throw new CompilerBug(`a call of a ${target.kind} reached lowering`);
    }
  }

  /** A finished stage's logits: its head on its encoder's vector, running statistics, nothing dropped. */
  private applyFinishedStage(id: string, x: NamedTensor): NamedTensor {
    const stage = this.options.stage?.(id);
    if (stage === undefined) throw new CompilerBug(`stage ${id} is not known here`);
    const own = (slot: "encoder" | "head", value: NamedTensor, output: string): NamedTensor => {
      const placed = { prefix: `${stagePrefix(id)}${slot}`, network: stage[slot].value, frozen: true };
      return this.applyPlaced(placed, new Map(), { x: value, output, norm: "running" });
    };
    const [logits = "out"] = Object.keys(stage.head.value.outputs);
    return own("head", own("encoder", x, headInput), logits);
  }

  private applyPlaced(placed: PlacedNetwork, adapted: Adapted, use: CallArguments): NamedTensor {
    const lanes = lanesOf([...adapted.values()]);
    const weight = (path: string): Node =>
      adapted.get(path)?.node ?? this.options.weights.node(`${placed.prefix}.${path}`);
    // Of one network there are as many tails as first layers.
    const entered = placed.network.layers[0]?.path ?? "its end";
    const key = [placed.prefix, entered, ...[...adapted].map(([path, { node }]) => `${path}=${node.id}`)].join("|");
    const called: ResolvedNetwork = { ...placed, weight, key, draws: this.options.draws };
    return lanes.length === 0 ? this.applyOnce(called, use) : this.applyInLanes(called, adapted, lanes, use);
  }

  /**
   * A call whose weights are each lane's own: written for one lane and batched, so that the images of all lanes pass
   * through one grouped convolution per layer (`tensor/batch.ts`).
   */
  private applyInLanes(
    called: ResolvedNetwork,
    adapted: Adapted,
    lanes: readonly Axis[],
    { x, output, norm }: CallArguments,
  ): NamedTensor {
    const { ops } = this;
    const size = countOf(lanes);
    const places = new Map<Node, Node>();
    const one = (value: NamedTensor): NamedTensor => {
      if (!lanes.some((lane) => value.axes.includes(lane.name))) return value;
      const rest = axesOf(value).filter((axis) => !lanes.some((lane) => lane.name === axis.name));
      const whole = ops.reshape(ops.expand(value, [...lanes, ...rest]), [{ name: "·lane", size }, ...rest]);
      const place = this.places.get(whole.node) ?? ops.placeholder(whole.node.shape.slice(1), whole.node.dtype);
      this.places.set(whole.node, place);
      places.set(place, whole.node);
      return ops.of(
        place,
        rest.map((axis) => axis.name),
      );
    };
    const weights = new Map([...adapted].map(([path, value]) => [path, one(value)]));
    const inLane: ResolvedNetwork = {
      ...called,
      weight: (path) => weights.get(path)?.node ?? called.weight(path),
      key: `${called.key} in a lane`,
      draws: called.draws?.forLane(one),
    };
    const { value, records } = this.captureStatistics(() =>
      this.applyOnce(inLane, { x: one(x), output, norm: typeof norm === "object" ? { from: one(norm.from) } : norm }),
    );
    const statistics = records.flatMap(({ update: { statistics: s } }) => [s.mean, s.variance]);
    const [made, ...recorded] = batch(ops.graph, [value.node, ...statistics.map(({ node }) => node)], places, size);
    if (made === undefined) throw new CompilerBug("a batched call has no value");
    // The lanes of a statistic [group, channel] are further groups.
    const flat = recorded.map((node) => {
      const [, groups = 1, channels = 1] = node.shape;
      return ops.t.reshape(node, [size * groups, channels]);
    });
    this.recordStatistics(mapStatistics(records, () => flat));
    return ops.split(ops.of(made, ["·lane", ...value.axes]), "·lane", lanes);
  }

  private applyOnce(called: ResolvedNetwork, { x, output, norm }: CallArguments): NamedTensor {
    const trains = this.options.record !== undefined && !called.frozen;
    if (typeof norm === "object") {
      const by = this.call(called, norm.from, this.batch(called, trains), "batch");
      return this.call(called, x, { kind: "given", by }, `from ${norm.from.node.id}|${norm.from.axes.join()}`).output(
        output,
      );
    }
    const batch = norm === "batch" || (norm === "phase" && trains);
    return batch
      ? this.call(called, x, this.batch(called, trains), "batch").output(output)
      : this.call(called, x, { kind: "running" }, "running").output(output);
  }

  private batch({ prefix }: ResolvedNetwork, trains: boolean): Norm {
    if (!trains) return { kind: "batch" };
    return {
      kind: "batch",
      record: (path, statistics, op) => this.sink?.({ path: `${prefix}.${path}`, update: { statistics, op } }),
    };
  }

  private call(called: ResolvedNetwork, x: NamedTensor, norm: Norm, mode: string): NetworkCall {
    const key = `${called.key}|${x.node.id}|${x.axes.join()}|${mode}`;
    const known = this.calls.get(key) ?? this.make(called, x, norm);
    this.calls.set(key, known);
    return known;
  }

  private make({ prefix, network, frozen, weight, draws }: ResolvedNetwork, x: NamedTensor, norm: Norm): NetworkCall {
    const ordinal = this.ordinals.get(prefix) ?? 0;
    this.ordinals.set(prefix, ordinal + 1);
    const drops = this.options.record !== undefined && !frozen;
    const context = { weight, norm, draws: drops ? draws?.child(`${prefix}.${ordinal}`) : undefined };
    return new NetworkCall(this.ops, network, context, x);
  }
}

/** The modules among learned values in their places. */
export function modulesOf(
  slot: "metric" | "learn",
  learns: readonly Learn[],
  frozen: boolean,
): ReadonlyMap<string, PlacedNetwork> {
  return new Map(
    learns.flatMap((learn) =>
      learn.kind === "module"
        ? [[learn.name, { prefix: `${slot}.${learn.name}`, network: learn.network, frozen }] as const]
        : [],
    ),
  );
}
