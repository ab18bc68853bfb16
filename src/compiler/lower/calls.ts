/** The networks of a stage and how its bodies call them: which weights, which batch-norm statistics, which draws. */
import { CompilerBug } from "../bug.js";
import type { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import type { Callable, LayerOp, Network, PretrainStage } from "../typed.js";
import type { Draws } from "./draws.js";
import type { CallNorm } from "./expressions.js";
import { NetworkCall, type Norm, type Statistics } from "./layers.js";
import type { Named, NamedOps } from "./named.js";
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

/** Calls of one episode (or of several side by side at test). The same network on the same value is one call. */
export class Calls {
  private readonly calls = new Map<string, NetworkCall>();
  private readonly ordinals = new Map<string, number>();

  constructor(
    private readonly ops: NamedOps,
    private readonly options: CallsOptions,
  ) {}

  get draws(): Draws | undefined {
    return this.options.draws;
  }

  apply(target: Callable, x: Named, output: string, norm: CallNorm): Named {
    if (target.kind === "stage") return this.finished(target.stage, x);
    return this.run(this.placed(target), x, output, norm);
  }

  private placed(target: Callable): Placed {
    switch (target.kind) {
      case "slot": {
        const placed = this.options[target.slot];
        if (!placed) throw new CompilerBug(`this stage has no ${target.slot}`);
        return placed;
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
    const embedded = this.run(part("encoder"), x, taken[0], "running");
    const [logits] = Object.keys(stage.head.value.outputs);
    return this.run(part("head"), embedded, logits ?? "out", "running");
  }

  private run(placed: Placed, x: Named, output: string, norm: CallNorm): Named {
    const trains = this.options.record !== undefined && !placed.frozen;
    if (typeof norm === "object") {
      const statistics = this.statistics(placed, norm.from, output, trains);
      return this.call(placed, x, { kind: "given", statistics }, `from ${norm.from.node.id}`).output(output);
    }
    const batch = norm === "batch" || (norm === "phase" && trains);
    return this.call(
      placed,
      x,
      batch ? this.batch(placed, trains) : { kind: "running" },
      batch ? "batch" : "running",
    ).output(output);
  }

  private batch(placed: Placed, trains: boolean): Norm {
    const { record } = this.options;
    return {
      kind: "batch",
      ...(trains && record
        ? {
            record: (path: string, statistics: Statistics, op: RunningUpdate["op"]) =>
              record(`${placed.prefix}.${path}`, { statistics, op }),
          }
        : {}),
    };
  }

  /** The statistics that a call on another value normalizes with. */
  private statistics(placed: Placed, y: Named, output: string, trains: boolean): (path: string) => Statistics {
    const seen = new Map<string, Statistics>();
    const batch = this.batch(placed, trains);
    const record = (path: string, statistics: Statistics, op: RunningUpdate["op"]): void => {
      seen.set(path, statistics);
      if (batch.kind === "batch") batch.record?.(path, statistics, op);
    };
    this.make(placed, y, { kind: "batch", record }).output(output);
    return (path) => {
      const found = seen.get(path);
      if (!found) throw new CompilerBug(`no statistics of ${path}`);
      return found;
    };
  }

  private call(placed: Placed, x: Named, norm: Norm, mode: string): NetworkCall {
    const key = `${placed.prefix}|${x.node.id}|${x.axes.join()}|${mode}`;
    const known = this.calls.get(key) ?? this.make(placed, x, norm);
    this.calls.set(key, known);
    return known;
  }

  private make(placed: Placed, x: Named, norm: Norm): NetworkCall {
    const { weights, draws, record } = this.options;
    const ordinal = this.ordinals.get(placed.prefix) ?? 0;
    this.ordinals.set(placed.prefix, ordinal + 1);
    const drops = record !== undefined && !placed.frozen;
    return new NetworkCall(
      this.ops,
      placed.network,
      {
        weight: (path) => weights.node(`${placed.prefix}.${path}`),
        norm,
        draws: drops ? draws?.at(`${placed.prefix}.${ordinal}`) : undefined,
      },
      x,
    );
  }
}

/** Prefix of the weights of a finished stage that a loss calls. */
export const stagePrefix = (id: string): string => `stage:${id}:`;
