/** The program that computes the fits of a metric over the embeddings of a whole split. It runs once. */
import { CompilerBug } from "../../common/bug.js";
import { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import type { Fit, Metric, Network } from "../typed/tree.js";
import { lowerBlock } from "./block.js";
import { RuntimeLoops } from "./loops/runtime-loops.js";
import { type SegmentedProgram, splitAtLoops } from "./loops/segments.js";
import { fitInput } from "./metric.js";
import { NamedOps, type NamedTensor } from "./named-tensor.js";
import { Calls } from "./networks/calls.js";
import { WeightTable } from "./weights.js";

/** Returns the name of the feed with the embeddings of an output of the network. */
const feedOf = (form: string): string => `embedded.${form}`;

/**
 * Returns the program with the feeds `embedded.<output>` f32 [item, …] and the host outputs `fit:<name>` f32, which have the
 * axes of their types.
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
  for (const fit of fits) {
    const value = lowerBlock(ops, fit.body, {
      param: () => embedded(ops, fit),
      fit: (asked) => before.get(asked) ?? unavailable(asked),
      learn: (asked) => unavailable(asked),
      apply: () => unavailable("a network"),
      entryLoss: (asked) => unavailable(asked),
      draws: undefined,
      loops: { calls, phase: "test", runtimeDriver: loops.driver },
    });
    before.set(fit.name, value);
    host[fitInput(fit.name)] = ops.expand(ops.cast(value, "f32"), fit.type.axes).node;
  }
  return splitAtLoops(
    ops.graph,
    { name: `fit ${name}`, host, feeds: fits.map(({ input }) => feedOf(input.form)) },
    loops.loops,
  );
}

function embedded(ops: NamedOps, { input }: Fit): NamedTensor {
  const item = input.axes.filter((axis) => axis.name === "item");
  const axes = [...item, ...input.axes.filter((axis) => axis.name !== "item")];
  const node = ops.t.input(
    feedOf(input.form),
    axes.map((axis) => axis.size),
  );
  return ops.of(
    node,
    axes.map((axis) => axis.name),
  );
}

function unavailable(what: string): never {
  throw new CompilerBug(`a fit cannot read ${what}`);
}
