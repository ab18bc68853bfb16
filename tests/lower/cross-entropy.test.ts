/** Cross-entropy where a class is excluded: its score is −∞. */
import { expect, test } from "vitest";
import { crossEntropy } from "../../src/compiler/lower/cross-entropy.js";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import { programOf } from "../tensor/support.js";

test("a class whose score is −∞ has no part in the loss of the others, nor a gradient", () => {
  const ops = new NamedOps(new Graph());
  const [z, y] = [ops.t.input("z", [2, 3]), ops.t.input("y", [2], "i32")];
  const each = crossEntropy(ops, ops.of(z, ["item", "class"]), ops.of(y, ["item"]), "class", "logits");
  const loss = ops.sum(each, ["item"]).node;
  const scores = [1, -Infinity, 2, -Infinity, 0.5, -Infinity];
  const out = interpret(programOf([each.node, ...gradient(ops.graph, loss, [z])], [z, y]), {
    z: { shape: [2, 3], dtype: "f32", data: scores },
    y: { shape: [2], dtype: "i32", data: [2, 1] },
  });
  const p = Math.exp(2) / (Math.exp(1) + Math.exp(2));
  const [losses, slopes] = [out["0"]?.data ?? [], out["1"]?.data ?? []];
  expect(losses[0]).toBeCloseTo(-Math.log(p), 12);
  expect(losses[1]).toBeCloseTo(0, 12);
  [1 - p, 0, p - 1, 0, 0, 0].forEach((slope, i) => expect(slopes[i]).toBeCloseTo(slope, 12));
});
