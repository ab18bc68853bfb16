/** Classifies the queries of episodes, many episodes in one run of the metric's program. */
import { describedForm, episodeFeed, labelFeed, orderFeed } from "../../compiler/lower/index.js";
import type { Metric } from "../../compiler/typed/tree.js";
import { allImages, type Episode, type Loader } from "../data/contract.js";
import { shuffledImages } from "../data/index.js";
import type { Handle, HostTensor } from "../engines/engine.js";
import type { ClassifiedEpisodes } from "./classified-episodes.js";
import { roundProgress, type StageContext, StoppedError, timed } from "./context.js";
import { type DescribedClasses, fillWays } from "./described.js";
import { allocateFeeds, type Feeds, feedData, imageBytes } from "./feeds.js";
import type { Rows } from "./rows.js";
import type { SegmentedExecutable } from "./segmented.js";

export interface ClassifyRequest {
  readonly episodes: readonly Episode[];
  /** Receives the values of the queries. Runs whose episodes it has already are left out. */
  readonly into: ClassifiedEpisodes;
  /** The program of `lowerClassify` or `lowerEpisodes` for `perRun` episodes. */
  readonly executable: SegmentedExecutable;
  readonly perRun: number;
  /** The weights that are not constants of the program. */
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  /** The descriptions of the classes of the split. */
  readonly described: DescribedClasses;
  readonly showProgress: boolean;
}

/** Fills the feeds of one run for `count` episodes from `start` on. */
export type Feeder = (feeds: Feeds, start: number, count: number) => void | Promise<void>;

/** Returns the first episode of each run that is still to be made. */
export function runsToMake({
  episodes,
  into,
  perRun,
}: Pick<ClassifyRequest, "episodes" | "into" | "perRun">): number[] {
  const starts = Array.from({ length: Math.ceil(episodes.length / perRun) }, (_, run) => run * perRun);
  return starts.filter((from) => into.isOpen({ from, to: Math.min(episodes.length, from + perRun) }));
}

/** Classifies the episodes of the request that are not classified. `feed` fills the feeds of each run, in the order of `runsToMake`. */
export async function classify(request: ClassifyRequest, feed: Feeder, context: StageContext): Promise<void> {
  const { episodes, executable, perRun, weights, into } = request;
  const feeds = allocateFeeds(executable.program);
  const onRound = request.showProgress ? roundProgress(context, "inner loop") : undefined;
  try {
    for (const start of runsToMake(request)) {
      const count = Math.min(perRun, episodes.length - start);
      // A short last run leaves older episodes at the end. Their outputs are dropped.
      await timed(context, "wait for episodes", async () => feed(feeds, start, count));
      fillOrders(feeds, context.job.seed, start, count);
      fillLabels(feeds, episodes.slice(start, start + count));
      fillNumbers(feeds, start);
      fillWays(feeds, request.described, episodes.slice(start, start + count));
      const host = await executable.run({ ...weights, ...feeds }, context.progress, onRound);
      await into.put(start, count, host);
      context.progress.step();
      if (request.showProgress) {
        const done = start + count;
        context.emit({ type: "stage.progress", phase: "classify", done, total: episodes.length, unit: "episodes" });
      }
    }
  } catch (error) {
    if (error instanceof StoppedError) await into.flush();
    throw error;
  }
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

/** Fills the feed with the numbers of the episodes from `start` on, if the program draws. */
function fillNumbers(feeds: Feeds, start: number): void {
  if (!(episodeFeed in feeds)) return;
  const numbers = feedData(feeds, episodeFeed, Int32Array);
  for (let e = 0; e < numbers.length; e++) numbers[e] = start + e;
}

/** Fills the feed of the ways of the queries of some episodes, if the program has one. */
export function fillLabels(feeds: Feeds, episodes: readonly Episode[]): void {
  if (!(labelFeed in feeds)) return;
  const labels = feedData(feeds, labelFeed, Int32Array);
  for (const [e, own] of episodes.entries())
    if (own.labels !== undefined) labels.set(own.labels, e * own.labels.length);
}

/** Returns a feeder from embeddings. For example, `support.vector` gets the rows of the output `vector` for the supports. */
export function fromRows(episodes: readonly Episode[], all: ReadonlyMap<string, Rows>): Feeder {
  return (feeds, start, count) => {
    for (const name of Object.keys(feeds)) {
      if (!name.includes(".") || describedForm("way", name) !== undefined) continue;
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
export function fromLoader(request: Pick<ClassifyRequest, "episodes" | "into" | "perRun">, loader: Loader): Feeder {
  const { episodes, perRun } = request;
  const waiting = runsToMake(request);
  const requestNext = (): void => {
    const start = waiting.shift();
    if (start === undefined) return;
    const images = episodes.slice(start, start + perRun).flatMap((episode) => [...allImages(episode)]);
    loader.request(start, Int32Array.from(images));
  };
  requestNext();
  return async (feeds) => {
    requestNext();
    const batch = await loader.next();
    imageBytes(feeds, "images").set(batch.images);
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
  const params = metrics.flatMap((metric) => metric.entries["classify"]?.params ?? []);
  const forms = params.filter(({ description }) => description === undefined).map(({ form }) => form);
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
