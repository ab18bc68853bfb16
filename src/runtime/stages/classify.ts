/** Runs a metric over episodes, many of them in one run of its program, and scores each. */
import { orderFeed } from "../../compiler/lower/index.js";
import type { Metric, Task } from "../../compiler/typed/tree.js";
import type { Episode, Loader } from "../data/contract.js";
import { shuffledImages } from "../data/index.js";
import type { Handle, HostTensor } from "../engines/engine.js";
import { roundProgress, type StageContext } from "./context.js";
import { allocateFeeds, type Feeds, feedData } from "./feeds.js";
import type { Rows } from "./rows.js";
import type { StagedExecutable } from "./staged.js";

/** What a classification gives of one query, in the order of episodes and of queries in them. */
export interface Classified {
  /** Credit for being right, per query: 1, 0, or 1/ties. */
  readonly correct: Float32Array;
  /** By k of a `top k` report. */
  readonly top: ReadonlyMap<number, Float32Array>;
  /** The way (0…) that each query was put into. */
  readonly predicted: Int32Array;
  /** 1 where a score of the query is not a number, else 0. */
  readonly unscored: Float32Array;
  /** Scores of each way, per query; undefined where they are not reported. */
  readonly logits: Float32Array | undefined;
}

export interface ClassifyRequest {
  readonly task: Task;
  readonly episodes: readonly Episode[];
  readonly top: readonly number[];
  /** `lowerClassify`'s or `lowerEpisodes`' program for `perRun` episodes, compiled. */
  readonly executable: StagedExecutable;
  readonly perRun: number;
  /** Its weights that are not baked in. */
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  readonly announce: boolean;
}

/** Fills the feeds of one run for `count` episodes from `start` on. */
export type Feeder = (feeds: Feeds, start: number, count: number) => void | Promise<void>;

export async function classify(request: ClassifyRequest, feed: Feeder, context: StageContext): Promise<Classified> {
  const { task, episodes, executable, perRun, weights } = request;
  const { program } = executable;
  const queries = task.way * task.query;
  const correct = new Float32Array(episodes.length * queries);
  const predicted = new Int32Array(episodes.length * queries);
  const unscored = new Float32Array(episodes.length * queries);
  const top = new Map(request.top.map((k) => [k, new Float32Array(episodes.length * queries)]));
  const logits = program.outputs.some(({ name }) => name === "logits")
    ? new Float32Array(episodes.length * queries * task.way)
    : undefined;
  const feeds = allocateFeeds(program);
  const onRound = request.announce ? roundProgress(context, "inner loop") : undefined;
  for (let start = 0; start < episodes.length; start += perRun) {
    const count = Math.min(perRun, episodes.length - start);
    // A short last run keeps episodes of the one before it at its end: their answers are dropped.
    await feed(feeds, start, count);
    fillOrders(feeds, context.job.seed, start, count);
    const host = await executable.run({ ...weights, ...feeds }, context.progress, onRound);
    const take = (target: Float32Array | Int32Array, name: string): void => {
      const data = host[name]?.data;
      if (data === undefined) throw new Error(`the classification gave no ${name}`);
      const each = target.length / episodes.length;
      target.set(data.subarray(0, count * each), start * each);
    };
    take(correct, "correct");
    take(predicted, "predicted");
    take(unscored, "unscored");
    for (const [k, hits] of top) take(hits, `top${k}`);
    if (logits !== undefined) take(logits, "logits");
    context.progress.step();
    if (request.announce) {
      const done = start + count;
      context.emit({ type: "stage.progress", phase: "classify", done, total: episodes.length, unit: "episodes" });
    }
  }
  return { correct, top, predicted, unscored, logits };
}

/**
 * The order in which a transductive method meets the queries of each episode, `start` being the first: a seeded shuffle,
 * so that no method can read labels off their places. Nothing where the program takes none.
 */
export function fillOrders(feeds: Feeds, seed: number, start: number, count: number): void {
  if (!(orderFeed in feeds)) return;
  const orders = feedData(feeds, orderFeed, Int32Array);
  const queries = feeds[orderFeed]?.shape[1] ?? 0;
  for (let e = 0; e < count; e++) orders.set(shuffledImages(seed, "shuffle", queries, start + e), e * queries);
}

/** Feeds from embeddings: `support.vector` gets the rows of the output `vector` of each episode's supports. */
export function fromRows(episodes: readonly Episode[], all: ReadonlyMap<string, Rows>): Feeder {
  return (feeds, start, count) => {
    for (const name of Object.keys(feeds)) {
      if (name === orderFeed) continue;
      const dot = name.indexOf(".");
      const part = name.slice(0, dot);
      const rows = all.get(name.slice(dot + 1));
      if (rows === undefined || (part !== "support" && part !== "query")) throw new Error(`nothing can feed ${name}`);
      const data = feedData(feeds, name, Float32Array);
      for (const [e, episode] of episodes.slice(start, start + count).entries()) {
        const images = episode[part];
        rows.gather(images, data, e * images.length * rows.width);
      }
    }
  };
}

/** Feeds images themselves, where a metric wants to embed them: each episode's supports, then its queries. */
export function fromLoader(episodes: readonly Episode[], loader: Loader, perRun: number): Feeder {
  const ask = (start: number): void => {
    const images = episodes.slice(start, start + perRun).flatMap(({ support, query }) => [...support, ...query]);
    if (images.length > 0) loader.request(start, Int32Array.from(images));
  };
  return async (feeds, start) => {
    if (start === 0) ask(0);
    ask(start + perRun);
    const batch = await loader.next();
    feedData(feeds, "images", Uint8Array).set(batch.images);
    batch.release();
  };
}

/** The mean of each episode's queries. */
export function perEpisode(values: Float32Array, episodes: number): Float64Array {
  const queries = values.length / episodes;
  return Float64Array.from({ length: episodes }, (_, e) => {
    let sum = 0;
    for (let q = 0; q < queries; q++) sum += values[e * queries + q] ?? 0;
    return sum / queries;
  });
}

/** The outputs of the encoder that `classify` of these metrics looks at. */
export function outputsOf(...metrics: readonly Metric[]): string[] {
  const forms = metrics.flatMap((metric) => metric.entries["classify"]?.params.map((param) => param.form) ?? []);
  return [...new Set(forms.filter((form) => form !== "image" && form !== "encoder" && form !== "class"))];
}

/** Whether a metric is content with embeddings: its entry takes neither the encoder nor images. */
export function takesEmbeddings(metric: Metric): boolean {
  const forms = metric.entries["classify"]?.params.map((param) => param.form) ?? [];
  return !forms.includes("image") && !forms.includes("encoder");
}

/** Every image that the episodes name, ascending, each once. */
export function imagesOf(episodes: readonly Episode[]): Int32Array {
  const images = new Set<number>();
  for (const { support, query } of episodes) {
    for (const image of support) images.add(image);
    for (const image of query) images.add(image);
  }
  return Int32Array.from(images).sort();
}
