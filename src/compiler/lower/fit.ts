/** The program that computes the fits of a metric over the embeddings of a whole split. It runs once. */
import { CompilerBug } from "../../common/bug.js";
import { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import type { EntryParam, Metric, Network } from "../typed/tree.js";
import { lowerValues } from "./block.js";
import { type DescribedAxis, describedFeed, describedTensor } from "./described.js";
import { RuntimeLoops } from "./loops/runtime-loops.js";
import { type SegmentedProgram, splitAtLoops } from "./loops/segments.js";
import { fitInput } from "./metric.js";
import { NamedOps, type NamedTensor } from "./named-tensor.js";
import { Calls } from "./networks/calls.js";
import { WeightTable } from "./weights.js";

/** The feed with the class of each image. */
export const fitLabels = "labels";

/** Returns the name of the feed with the embeddings of an output of the network. */
export const embeddedFeed = (form: string): string => `embedded.${form}`;

const ofClass: DescribedAxis = "class";

/**
 * Returns the program with the feeds `embedded.<output>` f32 [item, …], `labels` i32 [item] and `class.<description>` f32 [class, …],
 * as far as the fits take them, and the host outputs `fit:<name>` f32, which have the axes of their types.
 */
export function lowerFits({ name, fits }: Metric, encoder: Network): SegmentedProgram {
  const ops = new NamedOps(new Graph());
  const loops = new RuntimeLoops(ops);
  const calls = new Calls(ops, {
    weights: new WeightTable(ops.graph, []),
    encoder: { prefix: "encoder", network: encoder, frozen: true },
  });
  const host: Record<string, Node> = {};
  const before = new Map<string, NamedTensor>();
  for (const { inputs, statements, values } of fits) {
    const results = lowerValues(
      ops,
      statements,
      values.map(({ result }) => result),
      {
        param: (asked) => baseData(ops, inputs.find((input) => input.name === asked) ?? unavailable(asked)),
        fit: (asked) => before.get(asked) ?? unavailable(asked),
        learn: (asked) => unavailable(asked),
        apply: () => unavailable("a network"),
        entryLoss: (asked) => unavailable(asked),
        draws: undefined,
        loops: { calls, phase: "test", runtimeDriver: loops.driver },
      },
    );
    for (const [i, { name: fitted, type }] of values.entries()) {
      const value = results[i] ?? unavailable(fitted);
      before.set(fitted, value);
      host[fitInput(fitted)] = ops.expand(ops.cast(value, "f32"), type.axes).node;
    }
  }
  const feeds = fits.flatMap(({ inputs }) => inputs.map(feedOf));
  return splitAtLoops(ops.graph, { name: `fit ${name}`, host, feeds }, loops.loops);
}

function feedOf({ form, description }: EntryParam): string {
  if (description !== undefined) return describedFeed(ofClass, form);
  return form === "class" ? fitLabels : embeddedFeed(form);
}

function baseData(ops: NamedOps, input: EntryParam): NamedTensor {
  if (input.description !== undefined) return describedTensor(ops, ofClass, input, []);
  const item = input.axes.filter((axis) => axis.name === "item");
  const axes = [...item, ...input.axes.filter((axis) => axis.name !== "item")];
  const shape = axes.map((axis) => axis.size);
  const node = ops.t.input(feedOf(input), shape, input.form === "class" ? "i32" : "f32");
  return ops.of(
    node,
    axes.map((axis) => axis.name),
  );
}

function unavailable(what: string): never {
  throw new CompilerBug(`a fit cannot read ${what}`);
}
