/** Lowering of the entries of a metric, over one episode or over several side by side on the task axis. */

import { CompilerBug } from "../../common/bug.js";
import { own } from "../../common/own.js";
import { imagesIn, queriesIn } from "../typed/tasks.js";
import type { Axis, Entry, EntryParam, Metric, Task } from "../typed/tree.js";
import { type LoopEnvironment, lowerBlock } from "./block.js";
import { crossEntropy, oneHot } from "./cross-entropy.js";
import type { WeightPlace } from "./loops/scope.js";
import { lanesOf, type NamedOps, type NamedTensor, queryAxis, sizeOf, taskAxis } from "./named-tensor.js";
import type { Calls } from "./networks/calls.js";
import { type WeightTable, weightAxes } from "./weights.js";

/** The images of an episode in the form that a parameter takes: `vector`, `map`, …, or `image`. Those with labels are class-major. */
export interface Rows {
  readonly support: (form: string) => NamedTensor;
  readonly query: (form: string) => NamedTensor;
  readonly unlabeled: (form: string) => NamedTensor;
}

/** Returns the rows of an episode whose images are side by side on `rowAxis`: supports, queries, and those without labels. */
export function rowsOfAll(ops: NamedOps, task: Task, all: (form: string) => NamedTensor): Rows {
  const queries = task.way * task.shot;
  const unlabeled = queries + queriesIn(task);
  return {
    support: (form) => ops.slice(all(form), rowAxis, 0, queries),
    query: (form) => ops.slice(all(form), rowAxis, queries, unlabeled),
    unlabeled: (form) => ops.slice(all(form), rowAxis, unlabeled, imagesIn(task)),
  };
}
/** The name of the feed that shuffles the queries of a transductive `classify`. */
export const orderFeed = "order";
/** The name of the feed with the way of each query, for tasks whose classes have different numbers of queries. */
export const labelFeed = "labels";
/** The name of the feed with the numbers of the episodes, which the draws of a `random` entry depend on. */
export const episodeFeed = "episode";
/** Returns true if `classify` sees all queries together. */
export const isTransductive = (metric: Metric): boolean => metric.entries["classify"]?.transductive === true;

/** Returns the name of the input that holds a fitted value. */
export const fitInput = (name: string): string => `fit:${name}`;

/** The axis of the images of an episode. */
export const rowAxis = "·row";

export interface MetricContext {
  readonly metric: Metric;
  readonly task: Task;
  readonly rows: Rows;
  /** Returns what a parameter tells of the classes of the episodes: [task?, way, …]. */
  readonly described: (param: EntryParam) => NamedTensor;
  readonly calls: Calls;
  readonly weights: WeightTable;
  /**
   * The order in which a transductive `classify` sees the queries: i32 row numbers, on `rowAxis` and on the task axis if
   * there are several episodes. Scores come back in the order of the rows.
   */
  readonly order?: NamedTensor | undefined;
  /** The way of each query (i32), on `queryAxis` and on the task axis if there are several episodes. Undefined if all ways have the same number. */
  readonly labels?: NamedTensor | undefined;
  /** The phase of the loops, and the driver of those that are too long to be unrolled. */
  readonly loops: Pick<LoopEnvironment, "phase" | "runtimeDriver">;
}

export class MetricLowering {
  private classified: NamedTensor | undefined;

  constructor(
    private readonly ops: NamedOps,
    private readonly context: MetricContext,
  ) {}

  /** Returns logits or probabilities [task?, query, way]. */
  classify(): NamedTensor {
    this.classified ??= this.scores();
    return this.classified;
  }

  private scores(): NamedTensor {
    const { ops } = this;
    const { task, order } = this.context;
    const value = ops.cast(this.entry("classify"), "f32");
    const renamed = ops.rename(value, [{ from: "n", to: queryAxis }]);
    const tasks = lanesOf(order !== undefined ? [renamed, order] : [renamed]).filter(({ name }) => name === taskAxis);
    const rows = { name: queryAxis, size: task.way * task.query };
    const scores = ops.expand(renamed, [...tasks, rows, { name: "way", size: task.way }]);
    if (order === undefined) return scores;
    const node = ops.t.scatterAdd(scores.node, order.node, tasks.length, rows.size, tasks.length);
    return ops.of(node, scores.axes);
  }

  /** Returns the queries in the order in which a transductive entry sees them. */
  private shuffled(rows: NamedTensor): NamedTensor {
    const { ops } = this;
    const { order } = this.context;
    if (order === undefined) return rows;
    const axes = [...order.axes, ...rows.axes.filter((axis) => !order.axes.includes(axis))];
    const batch = order.axes.length - 1;
    return ops.of(ops.t.gather(ops.order(rows, axes).node, order.node, batch, batch), axes);
  }

  /** Returns the class of each query (i32). Queries are class-major. */
  labels(): NamedTensor {
    if (this.context.labels !== undefined) return this.context.labels;
    const { way, query } = this.context.task;
    const data = Array.from({ length: way * query }, (_, row) => Math.floor(row / query));
    return this.ops.constant(data, [{ name: queryAxis, size: way * query }], "i32");
  }

  /** Returns the default loss of `classify`, or the value of a loss entry [task?], as the mean over the queries. */
  loss(name: string): NamedTensor {
    const entry = this.find(name);
    if (entry.result.kind === "loss") return meanOfAll(this.ops, this.entry(name));
    const each = crossEntropy(this.ops, this.classify(), this.labels(), "way", entry.result.kind);
    return meanOfAll(this.ops, each);
  }

  /** Returns the credit of each query whose class is among the `k` best. */
  credit(k: number): NamedTensor {
    return credit(this.ops, this.classify(), this.labels(), "way", k);
  }

  private find(name: string): Entry {
    const entry = own(this.context.metric.entries, name);
    if (entry === undefined) throw new CompilerBug(`the metric has no entry ${name}`);
    return entry;
  }

  private entry(name: string): NamedTensor {
    const { calls } = this.context;
    const entry = this.find(name);
    const params = new Map(entry.params.map((param) => [param.name, param]));
    return lowerBlock(this.ops, entry.body, {
      param: (asked) => {
        const param = params.get(asked);
        if (param === undefined) throw new CompilerBug(`entry ${name} has no parameter ${asked}`);
        return this.param(param);
      },
      learn: (asked, weight) => this.learn(asked, weight),
      fit: (asked) => this.fitted(asked),
      apply: (application) => calls.apply(application),
      entryLoss: (other) => this.loss(other),
      draws: calls.draws?.child(`metric.${name}`),
      loops: { calls, ...this.context.loops },
    });
  }

  /** Returns the supports for a parameter with the axis `shot`, the images without labels for `u`, the queries for any other, or the class numbers. */
  private param(param: EntryParam): NamedTensor {
    const { ops } = this;
    const { way, shot, query } = this.context.task;
    const has = (axis: string): boolean => param.axes.some((own) => own.name === axis);
    const classes: Axis = { name: "way", size: way };
    if (param.description !== undefined) return this.context.described(param);
    if (param.form === "class") return ops.expand(ops.iota(classes), param.axes);
    if (has("shot"))
      return ops.split(this.context.rows.support(param.form), rowAxis, [classes, { name: "shot", size: shot }]);
    if (has("u")) return ops.rename(this.context.rows.unlabeled(param.form), [{ from: rowAxis, to: "u" }]);
    const rows = this.context.rows.query(param.form);
    if (has("query")) return ops.split(rows, rowAxis, [classes, { name: "query", size: query }]);
    if (has("n")) return ops.rename(this.shuffled(rows), [{ from: rowAxis, to: "n" }]);
    return ops.rename(rows, [{ from: rowAxis, to: queryAxis }]);
  }

  private fitted(name: string): NamedTensor {
    const { ops } = this;
    const fitted = this.context.metric.fits.flatMap((fit) => fit.values).find((value) => value.name === name);
    if (fitted === undefined) throw new CompilerBug(`the metric fits no ${name}`);
    const { axes } = fitted.type;
    const node = ops.t.input(
      fitInput(name),
      axes.map((axis) => axis.size),
    );
    return ops.of(
      node,
      axes.map((axis) => axis.name),
    );
  }

  private learn(name: string, weight: WeightPlace | undefined): NamedTensor {
    const { ops } = this;
    const { metric, weights } = this.context;
    const learn = metric.learns.find((own) => own.name === name);
    const stored = (): NamedTensor => {
      switch (learn?.kind) {
        case "tensor":
          return ops.of(
            weights.node(`metric.${name}`),
            learn.axes.map((axis) => axis.name),
          );
        case "like": {
          if (weight === undefined) throw new CompilerBug(`${name} is read where no weight is`);
          const { of, path } = weight;
          const network = of.kind === "slot" ? of.slot : of.kind === "learn" ? of.name : of.kind;
          const node = weights.node(`metric.${name}.${network}.${path}`);
          return ops.of(node, weightAxes(node.shape));
        }
        default:
          throw new CompilerBug(`${name} is not a learned tensor`);
      }
    };
    return learn?.kind !== "module" && learn?.positive ? ops.unary("exp", stored()) : stored();
  }
}

/**
 * Returns the credit of each row: 1 if its label is among the k largest scores along `axis`. Tied scores share the places
 * that are left, so constant scores earn k / classes. A row with a score that is NaN earns nothing.
 */
export function credit(ops: NamedOps, scores: NamedTensor, labels: NamedTensor, axis: string, k: number): NamedTensor {
  const target = oneHot(ops, labels, axis, sizeOf(scores, axis));
  const own = ops.sum(ops.select(ops.compare("gt", target, ops.scalar(0)), scores, ops.scalar(0)), [axis]);
  const count = (cmp: "gt" | "eq" | "le"): NamedTensor =>
    ops.sum(ops.cast(ops.compare(cmp, scores, own), "f32"), [axis]);
  const ahead = count("gt");
  const share = ops.div(ops.sub(ops.scalar(k), ahead), ops.binary("max", count("eq"), ops.scalar(1)));
  const clamped = ops.binary("max", ops.binary("min", share, ops.scalar(1)), ops.scalar(0));
  const compared = ops.add(ahead, count("le"));
  return ops.select(ops.compare("eq", compared, ops.scalar(sizeOf(scores, axis))), clamped, ops.scalar(0));
}

/** Returns the mean over every axis but the task axis. */
export function meanOfAll(ops: NamedOps, x: NamedTensor): NamedTensor {
  return ops.mean(
    x,
    x.axes.filter((axis) => axis !== taskAxis),
  );
}
