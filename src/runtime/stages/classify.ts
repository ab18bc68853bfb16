/** Classifies the queries of episodes, many episodes in one run of the metric's program. */
import { orderFeed } from "../../compiler/lower/index.js";
import type { Metric, Task } from "../../compiler/typed/tree.js";
import { allImages, type Episode, type Loader } from "../data/contract.js";
import { shuffledImages } from "../data/index.js";
import type { Handle, HostTensor } from "../engines/engine.js";
import { roundProgress, type StageContext } from "./context.js";
import { allocateFeeds, type Feeds, feedData } from "./feeds.js";
import type { Rows } from "./rows.js";
import type { SegmentedExecutable } from "./segmented.js";

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

export interface ClassifyRequest {
  readonly task: Task;
  readonly episodes: readonly Episode[];
  readonly top: readonly number[];
  /** The program of `lowerClassify` or `lowerEpisodes` for `perRun` episodes. */
  readonly executable: SegmentedExecutable;
  readonly perRun: number;
  /** The weights that are not constants of the program. */
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  readonly showProgress: boolean;
}

/** Fills the feeds of one run for `count` episodes from `start` on. */
export type Feeder = (feeds: Feeds, start: number, count: number) => void | Promise<void>;

/** Classifies all episodes of the request. `feed` fills the feeds of each run. */
export async function classify(request: ClassifyRequest, feed: Feeder, context: StageContext): Promise<Classification> {
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
  const onRound = request.showProgress ? roundProgress(context, "inner loop") : undefined;
  for (let start = 0; start < episodes.length; start += perRun) {
    const count = Math.min(perRun, episodes.length - start);
    // A short last run leaves older episodes at the end. Their outputs are dropped.
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
    if (request.showProgress) {
      const done = start + count;
      context.emit({ type: "stage.progress", phase: "classify", done, total: episodes.length, unit: "episodes" });
    }
  }
  return { correct, top, predicted, unscored, logits };
}

/**
 * Fills the feed of query orders for `count` episodes from `start` on, if the program has one. A transductive method sees
 * the queries in this order. It is a seeded shuffle, so that no method can derive labels from positions.
 */
export function fillOrders(feeds: Feeds, seed: number, start: number, count: number): void {
  if (!(orderFeed in feeds)) return;
  const orders = feedData(feeds, orderFeed, Int32Array);
  const queries = feeds[orderFeed]?.shape[1] ?? 0;
  for (let e = 0; e < count; e++) orders.set(shuffledImages(seed, "shuffle", queries, start + e), e * queries);
}

/** Returns a feeder from embeddings. For example, `support.vector` gets the rows of the output `vector` for the supports. */
export function fromRows(episodes: readonly Episode[], all: ReadonlyMap<string, Rows>): Feeder {
  return (feeds, start, count) => {
    for (const name of Object.keys(feeds)) {
      if (name === orderFeed) continue;
      const dot = name.indexOf(".");
      const part = name.slice(0, dot);
      const rows = all.get(name.slice(dot + 1));
      if (rows === undefined || (part !== "support" && part !== "query" && part !== "unlabeled"))
        throw new Error(`nothing can feed ${name}`);
      const data = feedData(feeds, name, Float32Array);
      for (const [e, episode] of episodes.slice(start, start + count).entries()) {
        const images = episode[part] ?? new Int32Array(0);
        rows.gather(images, data, e * images.length * rows.width);
      }
    }
  };
}

/** Returns a feeder of images, for a metric that embeds them itself: the supports of each episode, its queries, and those without labels. */
export function fromLoader(episodes: readonly Episode[], loader: Loader, perRun: number): Feeder {
  const request = (start: number): void => {
    const images = episodes.slice(start, start + perRun).flatMap((episode) => [...allImages(episode)]);
    if (images.length > 0) loader.request(start, Int32Array.from(images));
  };
  return async (feeds, start) => {
    if (start === 0) request(0);
    request(start + perRun);
    const batch = await loader.next();
    feedData(feeds, "images", Uint8Array).set(batch.images);
    batch.release();
  };
}

/** Returns the mean over the queries of each episode. */
export function perEpisode(values: Float32Array, episodes: number): Float64Array {
  const queries = values.length / episodes;
  return Float64Array.from({ length: episodes }, (_, e) => {
    let sum = 0;
    for (let q = 0; q < queries; q++) sum += values[e * queries + q] ?? 0;
    return sum / queries;
  });
}

/** Returns the names of the encoder outputs that `classify` of these metrics takes. */
export function outputsOf(...metrics: readonly Metric[]): string[] {
  const forms = metrics.flatMap((metric) => metric.entries["classify"]?.params.map((param) => param.form) ?? []);
  return [...new Set(forms.filter((form) => form !== "image" && form !== "encoder" && form !== "class"))];
}

/** Returns true if the metric takes embeddings only: its entry takes neither the encoder nor images. */
export function takesEmbeddings(metric: Metric): boolean {
  const forms = metric.entries["classify"]?.params.map((param) => param.form) ?? [];
  return !forms.includes("image") && !forms.includes("encoder");
}

/** Returns every image of the episodes once, in ascending order. */
export function imagesOf(episodes: readonly Episode[]): Int32Array {
  const images = new Set<number>();
  for (const episode of episodes) for (const image of allImages(episode)) images.add(image);
  return Int32Array.from(images).sort();
}
