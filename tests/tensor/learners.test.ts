/** Whole learners in the IR: what the ops' own tests cannot see. */
import { describe, expect, it } from "vitest";
import { batch } from "../../src/compiler/tensor/batch.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { InputTensor } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { optimize } from "../../src/compiler/tensor/passes/optimize.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import { draw, expectClose, freshOps, matmul, programOf, random, runner, type Values } from "./support.js";

const way = 2;
const tasks = 2;
const rate = 0.5;
const differenceStep = 1e-5;

const weightShapes = { filters: [3, 1, 3, 3], gamma: [3], beta: [3], linear: [12, way], bias: [way] };

/** conv, batch norm, relu, max pool, linear: [n, 1, 5, 5] → [n, way] */
function network(o: Ops, x: Node, [filters, gamma, beta, linear, bias]: readonly Node[]): Node {
  const y = o.conv2d(x, filters as Node, { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 });
  const z = o.relu(o.batchNorm(y, gamma as Node, beta as Node, { eps: 1e-2, groups: 1 }));
  const pooled = o.maxPool(z, { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] });
  const logits = matmul(o, o.reshape(pooled, [Number(x.shape[0]), 12]), linear as Node);
  return o.add(logits, o.broadcast(bias as Node, logits.shape, [1]));
}
/** Mean cross-entropy where image i is of class i mod way. */
function crossEntropy(o: Ops, logits: Node): Node {
  const [n] = logits.shape as [number];
  const labels = o.constant(
    logits.shape,
    Array.from({ length: n * way }, (_, place) => Number(Math.floor(place / way) % way === place % way)),
  );
  return o.neg(o.mean(o.sum(o.mul(o.logSoftmax(logits, 1), labels), [1])));
}

/** MAML: the loss on queries after two steps on supports, differentiated through both. */
function maml(o: Ops): { weights: Node[]; support: Node; query: Node; loss: Node } {
  const weights = Object.entries(weightShapes).map(([name, shape]) => o.input(name, shape));
  const [support, query] = [o.input("support", [way, 1, 5, 5]), o.input("query", [2 * way, 1, 5, 5])];
  let fast: Node[] = weights;
  for (let step = 0; step < 2; step++) {
    const slopes = gradient(o.graph, crossEntropy(o, network(o, support, fast)), fast);
    fast = fast.map((weight, place) => o.sub(weight, o.mul(slopes[place] as Node, rate)));
  }
  return { weights, support, query, loss: crossEntropy(o, network(o, query, fast)) };
}

const values = (nodes: readonly Node[], next: () => number): Values =>
  Object.fromEntries(
    nodes.flatMap((node) =>
      node.op === "input"
        ? [[node.attrs.name, draw({ shape: node.shape, dtype: "f32", domain: "real" }, "distinct", next)]]
        : [],
    ),
  );

describe("MAML, two steps, over a batch of tasks", () => {
  const next = random(11);
  const o = freshOps();
  const { weights, support, query, loss } = maml(o);
  const [supports, queries] = [
    o.input("supports", [tasks, ...support.shape]),
    o.input("queries", [tasks, ...query.shape]),
  ];
  const many = new Map<Node, Node>([
    [support, supports],
    [query, queries],
  ]);
  const [losses] = batch(o.graph, [loss], many, tasks) as [Node];
  const inputs = [...weights, supports, queries];
  const slopes = gradient(o.graph, o.mean(losses), weights);
  const at = values(inputs, next);
  const part = (of: InputTensor, task: number): InputTensor => {
    const shape = of.shape.slice(1);
    const size = of.data.length / tasks;
    return { ...of, shape, data: Array.from(of.data).slice(task * size, (task + 1) * size) };
  };

  it("has the losses of its tasks", () => {
    const [together] = runner([losses], inputs)(at);
    const single = runner([loss], [...weights, support, query]);
    const apart = Array.from({ length: tasks }, (_, task) => {
      const own = { support: part(at.supports as InputTensor, task), query: part(at.queries as InputTensor, task) };
      const given = Object.fromEntries(Object.keys(weightShapes).map((name) => [name, at[name] as InputTensor]));
      return Number(single({ ...given, ...own })[0]?.data[0]);
    });
    expect(apart[0]).not.toBeCloseTo(Number(apart[1]));
    expectClose(together?.data ?? [], apart);
  });

  it("has the derivative that finite differences find, as has the optimized program", () => {
    const program = programOf([o.mean(losses), ...slopes], inputs);
    const better = optimize(program);
    verify(better);
    for (const each of [program, better]) {
      const run = runner(
        each.outputs.map(({ node }) => node),
        each.inputs.map(({ node }) => node),
      );
      const here = run(at);
      for (const [place, name] of Object.keys(weightShapes).entries()) {
        const direction = draw({ shape: at[name]?.shape ?? [], dtype: "f32", domain: "real" }, "distinct", next);
        const moved = (scale: number): number => {
          const data = Array.from(at[name]?.data ?? [], (x, i) => x + scale * Number(direction.data[i]));
          return Number(run({ ...at, [name]: { ...(at[name] as InputTensor), data } })[0]?.data[0]);
        };
        const along = Array.from(here[place + 1]?.data ?? []).reduce(
          (sum, x, i) => sum + x * Number(direction.data[i]),
          0,
        );
        expectClose([along], [(moved(differenceStep) - moved(-differenceStep)) / (2 * differenceStep)], 1e-6);
      }
    }
  });
});

describe("ProtoNet on flat and on tied images", () => {
  it("has finite gradients, and the loss of chance", () => {
    const o = freshOps();
    const weights = Object.entries(weightShapes).map(([name, shape]) => o.input(name, shape));
    const images = o.input("images", [4, 1, 5, 5]);
    const features = network(o, images, weights);
    const prototypes = o.sliceAxis(features, 0, 0, way);
    const shape = [way, way, way];
    const difference = o.sub(
      o.broadcast(o.sliceAxis(features, 0, way, 2 * way), shape, [0, 2]),
      o.broadcast(prototypes, shape, [1, 2]),
    );
    const loss = crossEntropy(o, o.neg(o.sum(o.square(difference), [2])));
    const program = optimize(programOf([loss, ...gradient(o.graph, loss, [...weights, images])], [...weights, images]));
    const run = runner(
      program.outputs.map(({ node }) => node),
      program.inputs.map(({ node }) => node),
    );
    for (const pixel of [0, 1]) {
      const data = new Array(100).fill(pixel);
      const results = run({ ...values(weights, random(2)), images: { shape: [4, 1, 5, 5], dtype: "f32", data } });
      for (const { data: numbers } of results) for (const number of numbers) expect(number).toSatisfy(Number.isFinite);
      expect(results[0]?.data[0]).toBeCloseTo(Math.log(way));
    }
  });
});
