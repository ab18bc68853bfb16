/** A network's first layer on values that were joined: each part on its own, added. */
import { describe, expect, it } from "vitest";
import { NamedOps, type NamedTensor } from "../../src/compiler/lower/named-tensor.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { concatOperands } from "../../src/compiler/lower/networks/concat-operands.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { initialWeights, WeightTable } from "../../src/compiler/lower/weights.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { rootsOf } from "../../src/compiler/tensor/program.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import type { Axis, Network } from "../../src/compiler/typed/tree.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { axis, count, image, NetworkBuilder } from "./fixtures.js";
import { run, stream, type Values } from "./harness.js";

const [way, query] = [axis("way", 3), axis("query", 4)];

/** What a network makes of two values joined along an axis, its derivative in the first, and the program. */
function joined(network: Network, a: readonly Axis[], b: readonly Axis[], along: string, apart: boolean) {
  const ops = new NamedOps(new Graph());
  const weights = new WeightTable(ops.graph, networkWeights("metric.m", network));
  const feed = (name: string, axes: readonly Axis[]): NamedTensor =>
    ops.of(
      ops.t.input(
        name,
        axes.map((own) => own.size),
      ),
      axes.map((own) => own.name),
    );
  const [x, y] = [feed("x", a), feed("y", b)];
  const pair = ops.concat([x, y], along);
  // An op in between hides the concatenation.
  const value = apart ? pair : ops.neg(ops.neg(pair));
  const placed = { prefix: "metric.m", network, frozen: false };
  const calls = new Calls(ops, {
    weights,
    encoder: placed,
    modules: new Map([["m", placed]]),
    record: () => {},
  });
  const out = calls.apply({ target: { kind: "learn", name: "m" }, x: value, output: "out", norm: "batch" });
  const ordered = ops.order(out, [...out.axes].sort());
  const loss = ops.sum(ops.mul(ordered, ops.mul(ordered, ordered)), ordered.axes).node;
  const wrt = [x.node, ...weights.used.filter((decl) => decl.trainable).map((decl) => weights.node(decl.path))];
  const slopes = Object.fromEntries(gradient(ops.graph, loss, wrt).map((node, i) => [`d${i}`, node]));
  const program = assemble({ name: "test", host: { out: ordered.node, ...slopes }, feeds: ["x", "y"] });
  const random = stream(2);
  const draw = (axes: readonly Axis[]): number[] => Array.from({ length: count(axes) }, () => random() - 0.5);
  const values: Values = { x: draw(a), y: draw(b) };
  for (const [path, tensor] of Object.entries(initialWeights(weights.used, 3))) values[path] = [...tensor.data];
  return { result: run(program, values), program };
}

const pairs: Record<string, [Network, Axis[], Axis[], string]> = {
  "a convolution": [
    new NetworkBuilder(image(5, 4)).conv(3, 2, { stride: 2 }).build(),
    [way, ...image(2, 4)],
    [query, ...image(3, 4)],
    "channel",
  ],
  "a convolution and its batch norm": [
    new NetworkBuilder(image(5, 4)).conv(3, 2, { pad: 0 }).batchNorm().activation().build(),
    [way, ...image(2, 4)],
    [query, way, ...image(3, 4)],
    "channel",
  ],
  "a matrix product": [
    new NetworkBuilder([axis("feature", 5)]).linear(3).build(),
    [axis("feature", 2)],
    [query, axis("feature", 3)],
    "feature",
  ],
};

describe("a first layer on joined values", () => {
  it.each(Object.entries(pairs))("%s", (_, [network, a, b, along]) => {
    const apart = joined(network, a, b, along, true);
    const whole = joined(network, a, b, along, false);
    expect(Object.keys(apart.result).length).toBeGreaterThan(2);
    for (const [name, values] of Object.entries(whole.result)) {
      values.forEach((value, i) => expect(apart.result[name]?.[i], name).toBeCloseTo(value, 10));
    }
  });

  it("copies no part for its partners", () => {
    const [network, a, b, along] = pairs["a convolution"] as (typeof pairs)[string];
    const convolved = (apart: boolean): number[] =>
      reachable(rootsOf(joined(network, a, b, along, apart).program)).flatMap((node) =>
        node.op === "conv2d" ? [node.inputs[0]?.shape[0] ?? 0] : [],
      );
    expect(convolved(false)).toEqual([12]);
    expect(convolved(true).sort()).toEqual([3, 4]);
  });
});

describe("parts of a joined value", () => {
  it("are none where nothing was repeated, or something else was joined", () => {
    const ops = new NamedOps(new Graph());
    const of = (name: string, axes: readonly string[]): NamedTensor =>
      ops.of(
        ops.t.input(
          name,
          axes.map(() => 2),
        ),
        axes,
      );
    const same = ops.concat([of("a", ["way", "feature"]), of("b", ["way", "feature"])], "feature");
    expect(concatOperands(ops, same, "feature")).toBeUndefined();
    const other = ops.concat([of("c", ["way", "feature"]), of("d", ["feature"])], "feature");
    expect(concatOperands(ops, other, "way")).toBeUndefined();
    expect(concatOperands(ops, other, "feature")?.map((part) => part.axes)).toEqual([["way", "feature"], ["feature"]]);
  });
});
