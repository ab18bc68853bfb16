/** Calls of the networks of a stage, with their weights, batch-norm statistics and random draws. */
import { CompilerBug } from "../../../common/bug.js";
import { batch } from "../../tensor/batch.js";
import type { Node } from "../../tensor/ir.js";
import { tailOf } from "../../typed/tail.js";
import type { Axis, Borrowed, Callable, Learn, Network } from "../../typed/tree.js";
import { stagePrefix } from "../../typed/weights.js";
import type { Draws } from "../draws.js";
import { axesOf, countOf, lanesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";
import { type WeightTable, weightAxes } from "../weights.js";
import { mapStatistics, type RecordedStatistics } from "./batch-statistics.js";
import { NetworkCall, type Norm } from "./network-call.js";

/** The output of an encoder that a head takes. */
const headInput = "vector";

/** A network with the path prefix of its weights. Training does not move a frozen one. */
export interface PlacedNetwork {
  readonly prefix: string;
  readonly network: Network;
  readonly frozen: boolean;
}

/** Weights that a `minimize` has moved, by path in their network. They replace the weights of the network itself. */
export type Adapted = ReadonlyMap<string, NamedTensor>;

/** The mode of the batch norms of a call. `from` uses the batch statistics of a call on another value. */
export type CallNorm = "phase" | "batch" | "running" | { readonly from: NamedTensor };

/** A network applied to a value, for one of its outputs. */
export interface Application {
  readonly target: Callable;
  readonly x: NamedTensor;
  readonly output: string;
  readonly norm: CallNorm;
  readonly adapted?: Adapted;
}
/** An application without its network. */
type CallArguments = Omit<Application, "target" | "adapted">;

export interface CallsOptions {
  readonly weights: WeightTable;
  readonly encoder: PlacedNetwork;
  readonly head?: PlacedNetwork;
  /** The learned modules, by their `learn` name. */
  readonly modules?: ReadonlyMap<string, PlacedNetwork>;
  /** The networks of finished stages that may be called. */
  readonly borrows?: readonly Borrowed[];
  /** Receives the batch statistics of the calls in training, by the weight path of the layer. It is undefined at test. */
  readonly record?: (recorded: RecordedStatistics) => void;
  readonly draws?: Draws;
}

/** A network with the weights of one call. */
interface ResolvedNetwork extends PlacedNetwork {
  readonly weight: (path: string) => Node;
  /** A key of the network and its weights. */
  readonly key: string;
  readonly draws: Draws | undefined;
}

/**
 * The calls of one episode, or of several side by side that do not affect each other. The same network with the same
 * weights on the same value is one call.
 */
export class Calls {
  private calls = new Map<string, NetworkCall>();
  private ordinals = new Map<string, number>();
  private sink: ((recorded: RecordedStatistics) => void) | undefined;
  /** The placeholders of one lane of a value, by the value. */
  private readonly placeholders = new Map<Node, Node>();

  constructor(
    private readonly ops: NamedOps,
    private readonly options: CallsOptions,
  ) {
    this.sink = options.record;
  }

  get draws(): Draws | undefined {
    return this.options.draws;
  }

  /** Returns the output [batch axes of x…, axes of the output…]. */
  apply({ target, adapted = new Map<string, NamedTensor>(), ...use }: Application): NamedTensor {
    if (target.kind === "stage" && target.slot === undefined) return this.applyFinishedStage(target.stage, use.x);
    return this.applyPlaced(this.resolve(target), adapted, use);
  }

  /** Returns the trainable weights of a network by path in it, on axes `·w0`, `·w1`, … */
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

  /** Runs `run` and returns the statistics that it records instead of keeping them. */
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

  /** Runs `run` without an effect: no call of it is kept, counted or recorded. */
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
        return from(placed, target.at);
      }
      case "stage": {
        if (target.slot === undefined) throw new CompilerBug(`the whole stage ${target.stage} is no network`);
        return from(this.borrowed(target.stage, target.slot), target.at);
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

  private borrowed(stage: string, slot: Borrowed["slot"]): PlacedNetwork {
    const found = this.options.borrows?.find((each) => each.stage === stage && each.slot === slot);
    if (found === undefined) throw new CompilerBug(`the ${slot} of stage ${stage} is not known here`);
    return { prefix: `${stagePrefix(stage)}${slot}`, network: found.network, frozen: true };
  }

  /** Returns the logits of a finished stage: its head on the vector of its encoder, with running statistics and no dropout. */
  private applyFinishedStage(id: string, x: NamedTensor): NamedTensor {
    const own = (placed: PlacedNetwork, value: NamedTensor, output: string): NamedTensor =>
      this.applyPlaced(placed, new Map(), { x: value, output, norm: "running" });
    const head = this.borrowed(id, "head");
    const [logits = "out"] = Object.keys(head.network.outputs);
    return own(head, own(this.borrowed(id, "encoder"), x, headInput), logits);
  }

  private applyPlaced(placed: PlacedNetwork, adapted: Adapted, use: CallArguments): NamedTensor {
    const lanes = lanesOf([...adapted.values()]);
    const weight = (path: string): Node =>
      adapted.get(path)?.node ?? this.options.weights.node(`${placed.prefix}.${path}`);
    // The first layer tells the tails of one network apart.
    const entered = placed.network.layers[0]?.path ?? "its end";
    const key = [placed.prefix, entered, ...[...adapted].map(([path, { node }]) => `${path}=${node.id}`)].join("|");
    const called: ResolvedNetwork = { ...placed, weight, key, draws: this.options.draws };
    return lanes.length === 0 ? this.applyOnce(called, use) : this.applyInLanes(called, adapted, lanes, use);
  }

  /**
   * Applies a network whose weights differ between lanes. The call is lowered for one lane and batched, so that the images
   * of all lanes pass through one grouped convolution per layer (`tensor/batch.ts`).
   */
  private applyInLanes(
    called: ResolvedNetwork,
    adapted: Adapted,
    lanes: readonly Axis[],
    { x, output, norm }: CallArguments,
  ): NamedTensor {
    const { ops } = this;
    const size = countOf(lanes);
    const batched = new Map<Node, Node>();
    const one = (value: NamedTensor): NamedTensor => {
      if (!lanes.some((lane) => value.axes.includes(lane.name))) return value;
      const rest = axesOf(value).filter((axis) => !lanes.some((lane) => lane.name === axis.name));
      const whole = ops.reshape(ops.expand(value, [...lanes, ...rest]), [{ name: "·lane", size }, ...rest]);
      const place = this.placeholders.get(whole.node) ?? ops.placeholder(whole.node.shape.slice(1), whole.node.dtype);
      this.placeholders.set(whole.node, place);
      batched.set(place, whole.node);
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
    const statistics = records.flatMap(({ statistics: { mean, variance } }) => [mean, variance]);
    const [made, ...recorded] = batch(ops.graph, [value.node, ...statistics.map(({ node }) => node)], batched, size);
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
      const by = this.lookUp(called, norm.from, this.batchNorm(called, trains), "batch");
      return this.lookUp(called, x, { kind: "given", by }, `from ${norm.from.node.id}|${norm.from.axes.join()}`).output(
        output,
      );
    }
    const batch = norm === "batch" || (norm === "phase" && trains);
    return batch
      ? this.lookUp(called, x, this.batchNorm(called, trains), "batch").output(output)
      : this.lookUp(called, x, { kind: "running" }, "running").output(output);
  }

  private batchNorm({ prefix }: ResolvedNetwork, trains: boolean): Norm {
    if (!trains) return { kind: "batch" };
    return {
      kind: "batch",
      record: (path, statistics, op) => this.sink?.({ path: `${prefix}.${path}`, statistics, op }),
    };
  }

  private lookUp(called: ResolvedNetwork, x: NamedTensor, norm: Norm, mode: string): NetworkCall {
    const key = `${called.key}|${x.node.id}|${x.axes.join()}|${mode}`;
    const known = this.calls.get(key) ?? this.createCall(called, x, norm);
    this.calls.set(key, known);
    return known;
  }

  private createCall(
    { prefix, network, frozen, weight, draws }: ResolvedNetwork,
    x: NamedTensor,
    norm: Norm,
  ): NetworkCall {
    const ordinal = this.ordinals.get(prefix) ?? 0;
    this.ordinals.set(prefix, ordinal + 1);
    const drops = this.options.record !== undefined && !frozen;
    const context = { weight, norm, draws: drops ? draws?.child(`${prefix}.${ordinal}`) : undefined };
    return new NetworkCall(this.ops, network, context, x);
  }
}

/** Returns the network after its layer of this name, or the whole network if there is no name. */
function from(placed: PlacedNetwork, at: string | undefined): PlacedNetwork {
  if (at === undefined) return placed;
  const network = tailOf(placed.network, at);
  if (network === undefined) throw new CompilerBug(`${placed.network.name} has no layer ${at}`);
  return { ...placed, network };
}

/** Returns the modules among the learned values, by name. */
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
