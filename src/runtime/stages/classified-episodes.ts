/** Collects the values of all queries of a row of episodes, run by run, and takes those that an earlier process has computed. */
import type { Report, Task } from "../../compiler/typed/tree.js";
import type { HostTensors } from "../engines/engine.js";
import type { Range } from "../store/parts.js";
import type { StageContext } from "./context.js";
import { PartKeeper } from "./part-keeper.js";

/** The values of all queries, in the order of the episodes and of the queries in them. */
export interface Classification {
  /** The credit of each query: 1 if it is right, 0 if it is wrong, or 1/ties if the best scores are equal. */
  readonly correct: Float32Array;
  /** The credit of each query by the k of a `top k` report. */
  readonly top: ReadonlyMap<number, Float32Array>;
  /** The predicted way of each query, from 0. */
  readonly predicted: Int32Array;
  /** 1 for each query with a score that is not a number, otherwise 0. */
  readonly unscored: Float32Array;
  /** The scores of each way for each query, or undefined if they are not reported. */
  readonly logits: Float32Array | undefined;
}

type Values = Float32Array | Int32Array;

export interface EpisodesToClassify {
  readonly task: Task;
  readonly count: number;
  readonly report: readonly Report[];
  /** The part of the episodes that this job classifies; without it all. */
  readonly shard?: { readonly index: number; readonly of: number } | undefined;
}

export class ClassifiedEpisodes {
  readonly count: number;
  private readonly shard: NonNullable<EpisodesToClassify["shard"]>;
  private readonly values: Readonly<Record<string, Values>>;
  private readonly keeper: PartKeeper | undefined;

  /** With `keep`, the values are kept on disk under a name, and those that are there are taken. */
  constructor(
    { task, count, report, shard = { index: 0, of: 1 } }: EpisodesToClassify,
    keep?: { readonly name: string; readonly context: Pick<StageContext, "checkpoints" | "emit"> },
  ) {
    this.count = count;
    this.shard = shard;
    const queries = count * task.way * task.query;
    this.values = {
      correct: new Float32Array(queries),
      predicted: new Int32Array(queries),
      unscored: new Float32Array(queries),
      ...Object.fromEntries(
        report.flatMap((item): [string, Values][] => {
          if (item.kind === "top") return [[`top${item.k}`, new Float32Array(queries)]];
          const isLogits = item.kind === "logits" || item.kind === "logits_json";
          return isLogits ? [["logits", new Float32Array(queries * task.way)]] : [];
        }),
      ),
    };
    if (keep === undefined) return;
    const kept = {
      name: keep.name,
      unit: "episodes" as const,
      total: count,
      values: (range: Range) => this.slice(range),
      take: ({ from, to, tensors }: Range & { readonly tensors: HostTensors }) => this.fill(from, to - from, tensors),
    };
    this.keeper = new PartKeeper(kept, keep.context);
  }

  /** True if every episode is classified. */
  get isWhole(): boolean {
    return this.keeper?.isWhole ?? false;
  }

  /** Tells whether a run of episodes is to be made: one of them is not classified, and it belongs to the part of this job. */
  isOpen(run: Range): boolean {
    const { index, of } = this.shard;
    return Math.floor((run.from * of) / this.count) === index && this.keeper?.has(run) !== true;
  }

  /** Tells whether a run of at most `perRun` episodes that is to be made may have the episode in it. */
  mayNeed(episode: number, perRun: number): boolean {
    const { index, of } = this.shard;
    const inPart = episode * of >= index * this.count && (episode - perRun) * of < (index + 1) * this.count;
    return inPart && this.keeper?.has({ from: episode, to: episode + 1 }) !== true;
  }

  /** Takes the values of `count` episodes from `start` on. A run may have computed further ones, which are dropped. */
  async put(start: number, count: number, host: HostTensors): Promise<void> {
    this.fill(start, count, host);
    await this.keeper?.add({ from: start, to: start + count });
  }

  /** Writes the values that are not on disk. */
  async flush(): Promise<void> {
    await this.keeper?.flush();
  }

  /** Returns the values of all episodes. */
  get classification(): Classification {
    const { correct, predicted, unscored, logits, ...top } = this.values;
    return {
      correct: correct as Float32Array,
      predicted: predicted as Int32Array,
      unscored: unscored as Float32Array,
      logits: logits as Float32Array | undefined,
      top: new Map(Object.entries(top).map(([name, hits]) => [Number(name.slice("top".length)), hits as Float32Array])),
    };
  }

  private fill(start: number, count: number, host: HostTensors): void {
    for (const [name, target] of Object.entries(this.values)) {
      const data = host[name]?.data;
      if (data === undefined) throw new Error(`the classification gave no ${name}`);
      const each = target.length / this.count;
      target.set(data.subarray(0, count * each) as Values, start * each);
    }
  }

  private slice({ from, to }: Range): HostTensors {
    return Object.fromEntries(
      Object.entries(this.values).map(([name, all]) => {
        const each = all.length / this.count;
        const data = all.slice(from * each, to * each);
        const dtype = data instanceof Int32Array ? ("i32" as const) : ("f32" as const);
        return [name, { shape: [to - from, each], dtype, data }];
      }),
    );
  }
}
