/**
 * Evaluation programs. Several episodes are lowered side by side on an axis of their own. Axes align by name, so the task
 * axis is one more axis that no expression consumes. At test batch norms use running statistics, so no episode affects
 * another. Batching the finished graph would give the same nodes, but here shapes are chosen with the task axis known.
 */
import { CompilerBug } from "../../common/bug.js";
import { own } from "../../common/own.js";
import { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import { scoringBorrows } from "../typed/borrows.js";
import { imagesIn, queriesIn, unlabeledIn } from "../typed/tasks.js";
import type { Dataset, EntryParam, Metric, Network, Report, Task } from "../typed/tree.js";
import { networkWeights, scoringWeights } from "../typed/weights.js";
import { describedFeeds, describedTensor } from "./described.js";
import { Draws } from "./draws.js";
import { imageInput, imageShape, lowerImages } from "./images.js";
import { RuntimeLoops } from "./loops/runtime-loops.js";
import { type SegmentedProgram, splitAtLoops } from "./loops/segments.js";
import {
  episodeFeed,
  isTransductive,
  labelFeed,
  MetricLowering,
  orderFeed,
  type Rows,
  rowAxis,
  rowsOfAll,
} from "./metric.js";
import { NamedOps, type NamedTensor, queryAxis, taskAxis } from "./named-tensor.js";
import { Calls, modulesOf } from "./networks/calls.js";
import { WeightTable } from "./weights.js";

export interface ClassifyOptions {
  /** The number of episodes in one run. */
  readonly episodes: number;
  readonly report: readonly Report[];
  /** The seed of what a `random` entry draws: 0 if it is left out. */
  readonly seed?: number;
}

/**
 * Returns the program that classifies embedded episodes.
 *
 * - Feeds: `support.<output>` f32 [E, way·shot, …], `query.<output>` [E, way·query, …] and `unlabeled.<output>` for each encoder
 *   output that the metric takes, and `way.<description>` f32 [E, way, …] for each description of classes. A transductive metric
 *   also takes `order` i32 [E, way·query], the order in which it sees the queries. A `random` metric takes `episode` i32 [E], the
 *   numbers of the episodes: its draws depend on them and on nothing else of a run. If classes have different numbers of queries,
 *   `labels` i32 [E, way·query] has the way of each.
 * - Weights: those of the metric by path, and `fit:<name>` for each value that the metric fits from base data.
 * - Host outputs [E, way·query], in the order of the feeds: `correct` f32 (tied classes share the credit), `top<k>`
 *   likewise, `predicted` i32 (the lowest of tied classes), `unscored` f32 (1 if the score of a way is NaN, else 0). If
 *   they are reported, `logits` f32 [E, way·query, way].
 */
export function lowerClassify(
  metric: Metric,
  task: Task,
  encoder: Network,
  options: ClassifyOptions,
): SegmentedProgram {
  const ops = new NamedOps(new Graph());
  const feeds = new Set<string>();
  const rows =
    (which: keyof Rows, count: number) =>
    (form: string): NamedTensor => {
      const inner = own(encoder.outputs, form) ?? [];
      const name = `${which}.${form}`;
      feeds.add(name);
      const node = ops.t.input(name, [options.episodes, count, ...inner.map((axis) => axis.size)]);
      return ops.of(node, [taskAxis, rowAxis, ...inner.map((axis) => axis.name)]);
    };
  const { weights, calls } = evaluationNetworks(ops, metric, encoder, episodeDraws(ops, options));
  return lowerClassification(
    ops,
    { metric, task, calls, weights, options, feeds: () => [...feeds, ...classFeeds(metric)] },
    {
      support: rows("support", task.way * task.shot),
      query: rows("query", queriesIn(task)),
      unlabeled: rows("unlabeled", unlabeledIn(task)),
    },
  );
}

/**
 * Returns the program that embeds and classifies episodes of images, for metrics whose images cannot be embedded once. Its
 * feed is `images` u8 [E, images, C, H, W]: supports and queries, both class-major, and then the images without labels. Weights of encoder and metric are
 * inputs by path. The host outputs are those of `lowerClassify`.
 */
export function lowerEpisodes(
  metric: Metric,
  task: Task,
  encoder: Network,
  dataset: Dataset,
  options: ClassifyOptions,
): SegmentedProgram {
  const ops = new NamedOps(new Graph());
  const count = imagesIn(task);
  const feed = imageInput(ops, "images", dataset, options.episodes, count);
  const flat = ops.t.reshape(feed, imageShape(dataset, options.episodes * count));
  const images = ops.split(lowerImages(ops, flat, dataset.eval, "·image"), "·image", [
    { name: taskAxis, size: options.episodes },
    { name: rowAxis, size: count },
  ]);
  const { weights, calls } = evaluationNetworks(ops, metric, encoder, episodeDraws(ops, options));
  const values = (form: string): NamedTensor =>
    form === "image"
      ? images
      : calls.apply({ target: { kind: "slot", slot: "encoder" }, x: images, output: form, norm: "running" });
  const rows = rowsOfAll(ops, task, values);
  const feeds = ["images", ...classFeeds(metric)];
  return lowerClassification(ops, { metric, task, calls, weights, options, feeds: () => feeds }, rows);
}

/**
 * Returns the program of a whole few-shot classifier for one set of supports. Its feeds are `support` u8 [way, shot, C, H, W] and `query`
 * u8 [way·query, C, H, W], whose images are in any order. Weights are inputs by path. A `random`
 * metric draws as for episode 0 of the seed. The only host output is `scores` f32 [way·query, way].
 */
export function lowerClassifier(
  metric: Metric,
  task: Task,
  encoder: Network,
  dataset: Dataset,
  seed = 0,
): SegmentedProgram {
  const ops = new NamedOps(new Graph());
  const counter = ops.of(ops.t.constant([], [0], "u32"), []);
  const { weights, calls } = evaluationNetworks(ops, metric, encoder, drawsAt(ops, seed, counter));
  const images = (name: string, ...batch: readonly number[]): NamedTensor => {
    const feed = imageInput(ops, name, dataset, ...batch);
    const flat = ops.t.reshape(
      feed,
      imageShape(
        dataset,
        batch.reduce((product, size) => product * size, 1),
      ),
    );
    return lowerImages(ops, flat, dataset.eval, rowAxis);
  };
  const embedded =
    (x: NamedTensor) =>
    (form: string): NamedTensor =>
      form === "image"
        ? x
        : calls.apply({ target: { kind: "slot", slot: "encoder" }, x, output: form, norm: "running" });
  const rows: Rows = {
    support: embedded(images("support", task.way, task.shot)),
    query: embedded(images("query", queriesIn(task))),
    unlabeled: () => {
      throw new CompilerBug("a classifier for brought images takes none without labels");
    },
  };
  const loops = new RuntimeLoops(ops);
  const driver = { phase: "test", runtimeDriver: loops.driver } as const;
  const described = (param: EntryParam): NamedTensor => describedTensor(ops, "way", param, []);
  const scores = new MetricLowering(ops, { metric, task, rows, described, calls, weights, loops: driver }).classify();
  const host = { scores: ops.order(scores, [queryAxis, "way"]).node };
  const feeds = ["support", "query", ...classFeeds(metric)];
  return splitAtLoops(ops.graph, { name: `classifier ${metric.name}`, host, feeds }, loops.loops);
}

interface Classification {
  readonly metric: Metric;
  readonly task: Task;
  readonly calls: Calls;
  readonly weights: WeightTable;
  readonly options: ClassifyOptions;
  readonly feeds: () => readonly string[];
}

function lowerClassification(ops: NamedOps, given: Classification, rows: Rows): SegmentedProgram {
  const { metric, task, calls, weights, options, feeds } = given;
  const loops = new RuntimeLoops(ops);
  const lowering = new MetricLowering(ops, {
    metric,
    task,
    rows,
    described: (param) => describedTensor(ops, "way", param, [{ name: taskAxis, size: options.episodes }]),
    calls,
    weights,
    order: isTransductive(metric) ? queryOrder(ops, task, options.episodes) : undefined,
    labels: task.dirichlet === undefined ? undefined : queryLabels(ops, task, options.episodes),
    loops: { phase: "test", runtimeDriver: loops.driver },
  });
  const all = [
    { name: taskAxis, size: options.episodes },
    { name: queryAxis, size: task.way * task.query },
  ];
  const host: Record<string, Node> = { correct: ops.expand(lowering.credit(1), all).node };
  for (const item of options.report) {
    if (item.kind === "top") host[`top${item.k}`] = ops.expand(lowering.credit(item.k), all).node;
  }
  const scores = lowering.classify();
  host.predicted = ops.expand(ops.argmax(scores, "way"), all).node;
  host.unscored = ops.expand(ops.max(ops.cast(ops.compare("ne", scores, scores), "f32"), ["way"]), all).node;
  if (options.report.some(({ kind }) => kind === "logits" || kind === "logits_json")) {
    host.logits = ops.expand(scores, [...all, { name: "way", size: task.way }]).node;
  }
  return splitAtLoops(
    ops.graph,
    { name: `classify ${metric.name}`, host, feeds: [...feeds(), orderFeed, labelFeed, episodeFeed] },
    loops.loops,
  );
}

/** Returns the names of the feeds with what `classify` is told of the classes. */
export function classFeeds({ entries }: Metric): string[] {
  return describedFeeds("way", entries["classify"]?.params ?? []);
}

/** Returns the feed with the order in which a transductive metric sees the queries of each episode. */
function queryOrder(ops: NamedOps, { way, query }: Task, episodes: number): NamedTensor {
  return ops.of(ops.t.input(orderFeed, [episodes, way * query], "i32"), [taskAxis, rowAxis]);
}

/** Returns the way of each query. */
function queryLabels(ops: NamedOps, task: Task, episodes: number): NamedTensor {
  return ops.of(ops.t.input(labelFeed, [episodes, queriesIn(task)], "i32"), [taskAxis, queryAxis]);
}

/** Returns the draws of episodes side by side. Each depends on the number of its episode alone. */
function episodeDraws(ops: NamedOps, { episodes, seed = 0 }: ClassifyOptions): Draws {
  const numbers = ops.t.cast(ops.t.input(episodeFeed, [episodes], "i32"), "u32");
  return drawsAt(ops, seed, ops.of(numbers, [taskAxis]));
}

function drawsAt(ops: NamedOps, seed: number, counter: NamedTensor): Draws {
  return new Draws(ops, { seed, counter, step: undefined, path: "test" });
}

/** Returns the networks of a metric as evaluation calls them: frozen, with running statistics. */
function evaluationNetworks(
  ops: NamedOps,
  metric: Metric,
  encoder: Network,
  draws: Draws,
): { readonly weights: WeightTable; readonly calls: Calls } {
  const decls = [...networkWeights("encoder", encoder), ...scoringWeights({ value: metric, from: undefined }, encoder)];
  const weights = new WeightTable(ops.graph, decls);
  const placed = { prefix: "encoder", network: encoder, frozen: true };
  return {
    weights,
    calls: new Calls(ops, {
      weights,
      encoder: placed,
      modules: modulesOf("metric", metric.learns, true),
      borrows: scoringBorrows(metric),
      draws,
    }),
  };
}
