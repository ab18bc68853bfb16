/** Batch statistics that calls record in training, and the running statistics that follow them. */
import type { Node } from "../../tensor/ir.js";
import type { LayerOp } from "../../typed/tree.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";
import type { BatchStatistics } from "./network-call.js";

/** The statistics of one batch norm in one call, by the weight path of the layer. */
export interface RecordedStatistics {
  readonly path: string;
  readonly statistics: BatchStatistics;
  readonly op: Extract<LayerOp, { kind: "batch_norm" }>;
}

/** A running statistic and the value that it moves towards. */
export interface RunningStatistic {
  readonly path: string;
  readonly value: NamedTensor;
  readonly momentum: number;
}

/** Returns the records with the nodes of their statistics mapped. */
export function mapStatistics(
  records: readonly RecordedStatistics[],
  map: (nodes: readonly Node[]) => readonly Node[],
): RecordedStatistics[] {
  const before = records.flatMap(({ statistics }) => [statistics.mean, statistics.variance]);
  const after = map(before.map(({ node }) => node));
  return records.map(({ path, op, statistics }, i) => {
    const of = (value: NamedTensor, place: number): NamedTensor => ({
      ...value,
      node: after[2 * i + place] ?? value.node,
    });
    const { mean, variance, count } = statistics;
    return { path, op, statistics: { mean: of(mean, 0), variance: of(variance, 1), count } };
  });
}

/** Returns the mean of the batch statistics of all calls, by the path of the running statistic. The variance is unbiased, as in PyTorch. */
export function runningStatistics(ops: NamedOps, records: readonly RecordedStatistics[]): RunningStatistic[] {
  const byPath = new Map<string, RecordedStatistics[]>();
  for (const record of records) byPath.set(record.path, [...(byPath.get(record.path) ?? []), record]);
  return [...byPath].flatMap(([path, own]) => {
    const [first] = own;
    if (first === undefined) return [];
    const { momentum, axis } = first.op;
    const average = (values: readonly NamedTensor[]): NamedTensor => {
      const calls = values.map((v) =>
        ops.mean(
          v,
          v.axes.filter((name) => name !== axis),
        ),
      );
      return ops.scale(calls.reduce(ops.add), 1 / values.length);
    };
    const unbiased = ({ statistics: { variance, count } }: RecordedStatistics): NamedTensor =>
      ops.scale(variance, count / Math.max(1, count - 1));
    return [
      { path: `${path}.running_mean`, value: average(own.map((r) => r.statistics.mean)), momentum },
      { path: `${path}.running_var`, value: average(own.map(unbiased)), momentum },
    ];
  });
}
