/** Batched over tasks = single tasks stacked, for every op and its first two derivatives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batch } from "../../src/compiler/tensor/batch.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { InputTensor } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import { type Case, cases, opNames } from "./cases.js";
import { derivatives } from "./setup.js";
import { expectClose, freshOps, matmul, type Operand, random, runner, type Spread, type Values } from "./support.js";

const taskCount = 3;

/** The tasks' values one after another, the tasks' axis in front. */
function stacked(tasks: readonly InputTensor[]): InputTensor {
  const [first] = tasks as [InputTensor];
  return { ...first, shape: [tasks.length, ...first.shape], data: tasks.flatMap(({ data }) => Array.from(data)) };
}

/** Holds a case, batched with the inputs that `own` picks as each task's own, against its single tasks. */
function compare(one: Case, spread: Spread, own: (name: string, place: number) => boolean, seed: number): void {
  const o = freshOps();
  const setup = derivatives(o, one);
  const outputs = [setup.y, ...setup.first, ...setup.second];
  const mine = setup.inputs.filter((node, place) => own(node.attrs.name, place));
  const next = random(seed);
  const shared = setup.draw(spread, next);
  const tasks = Array.from({ length: taskCount }, (): Values => {
    const drawn = setup.draw(spread, next);
    return {
      ...shared,
      ...Object.fromEntries(mine.map(({ attrs }) => [attrs.name, drawn[attrs.name] as InputTensor])),
    };
  });
  const many = new Map<Node, Node<"input">>(
    mine.map((node) => [node, o.input(`${node.attrs.name} of all`, [taskCount, ...node.shape], node.dtype)]),
  );
  const together = runner(batch(o.graph, outputs, many, taskCount), [...setup.inputs, ...many.values()])({
    ...shared,
    ...Object.fromEntries(
      mine.map(({ attrs: { name } }) => [`${name} of all`, stacked(tasks.map((task) => task[name] as InputTensor))]),
    ),
  });
  const single = runner(outputs, setup.inputs);
  const apart = tasks.map(single);
  together.forEach((result, place) => {
    const wanted = stacked(apart.map((results) => results[place] as InputTensor));
    expect(result.shape).toEqual(wanted.shape);
    expectClose(result.data, wanted.data);
  });
}
const spreads = fc.constantFrom<Spread>("distinct", "ties", "constant");

describe("batched = stacked singles, for the op and its first two derivatives", () => {
  for (const op of opNames)
    it(op, () => {
      fc.assert(
        fc.property(cases[op], spreads, fc.nat(255), fc.integer(), (one, spread, mask, seed) => {
          compare(one, spread, (_, place) => ((mask >> place) & 1) === 1, seed);
        }),
        { numRuns: 12, seed: 3 },
      );
    });
});

/** The case on images that come from convolutions with filters of each task's own: in channels form. */
function inChannelsForm(one: Case): Case {
  const images = one.operands.map(({ shape, dtype }) => dtype === "f32" && shape.length === 4);
  const filters = one.operands.map(
    ({ shape }): Operand => ({
      shape: [Number(shape[1] ?? 1), Number(shape[1] ?? 1), 1, 1],
      dtype: "f32",
      domain: "real",
    }),
  );
  return {
    operands: [...one.operands, ...filters],
    smooth: one.smooth,
    build: (o, all) => {
      const x = one.operands.map((_, place) => {
        const [node, filter] = [all[place], all[one.operands.length + place]] as [Node, Node];
        return images[place] ? o.conv2d(node, filter, { stride: [1, 1], pad: [0, 0, 0, 0], groups: 1 }) : node;
      });
      return one.build(o, x as unknown as readonly [Node, Node, Node]);
    },
  };
}

describe("the same on images in channels form", () => {
  const takesImages = ({ operands }: Case): boolean =>
    operands.some(({ shape, dtype }) => shape.length === 4 && dtype === "f32");
  for (const op of opNames.filter((each) => fc.sample(cases[each], { numRuns: 20, seed: 1 }).some(takesImages)))
    it(op, () => {
      const images = cases[op].filter(takesImages);
      fc.assert(
        fc.property(images, spreads, fc.nat(7), fc.integer(), (one, spread, mask, seed) => {
          const count = one.operands.length;
          const own = (_: string, place: number) => place >= count || ((mask >> place) & 1) === 1;
          compare(inChannelsForm(one), spread, own, seed);
        }),
        { numRuns: 8, seed: 10 },
      );
    });
});

describe("what batching leaves alone", () => {
  const ops = (nodes: readonly Node[]): string[] => reachable(nodes).map((node) => node.op);

  it("keeps what no task changes, and never repeats it before it meets a task's own", () => {
    const o = freshOps();
    const [x, w, m] = [o.input("x", [5, 4]), o.input("w", [4, 3]), o.input("m", [3, 3])];
    const shared = matmul(o, w, m);
    const [y] = batch(o.graph, [matmul(o, x, shared)], new Map([[x, o.input("xs", [2, 5, 4])]]), 2) as [Node];
    expect(ops([y])).not.toContain("broadcast");
    expect(reachable([y])).toContain(shared);
    const indices = o.input("i", [6], "i32");
    const picked = batch(o.graph, [o.gather(x, indices, 0)], new Map([[indices, o.input("is", [2, 6], "i32")]]), 2);
    expect(ops(picked)).not.toContain("broadcast");
  });

  it("merges tasks into the images of a convolution with shared filters, and of batch norm, as further groups", () => {
    const o = freshOps();
    const [x, w, g, b] = [o.input("x", [5, 2, 6, 6]), o.input("w", [4, 2, 3, 3]), o.input("g", [4]), o.input("b", [4])];
    const y = o.relu(
      o.batchNorm(o.conv2d(x, w, { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 }), g, b, { eps: 1e-5, groups: 1 }),
    );
    const all = reachable(batch(o.graph, [y], new Map([[x, o.input("xs", [3, 5, 2, 6, 6])]]), 3));
    expect(all.find((node) => node.op === "conv2d")?.shape).toEqual([15, 4, 6, 6]);
    expect(all.find((node) => node.op === "batch_norm")?.attrs).toMatchObject({ groups: 3 });
    expect(all.map((node) => node.op)).not.toContain("transpose");
  });

  it("keeps images in channels form from layer to layer where filters are each task's own", () => {
    const o = freshOps();
    const conv = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
    const pool = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;
    const x = o.input("x", [5, 2, 8, 8]);
    const shapes = { w1: [4, 2, 3, 3], g1: [4], b1: [4], w2: [4, 4, 3, 3], g2: [4], b2: [4] };
    const [w1, g1, b1, w2, g2, b2] = Object.entries(shapes).map(([name, shape]) => o.input(name, shape)) as [
      Node,
      Node,
      Node,
      Node,
      Node,
      Node,
    ];
    const layer = (of: Node, w: Node, g: Node, b: Node) =>
      o.maxPool(o.relu(o.batchNorm(o.conv2d(of, w, conv), g, b, { eps: 1e-5, groups: 1 })), pool);
    const loss = o.sum(o.square(layer(layer(x, w1, g1, b1), w2, g2, b2)));
    const own = [w1, g1, b1, w2, g2, b2] as Node<"input">[];
    const many = new Map(
      [x as Node<"input">, ...own].map((node) => [
        node as Node,
        o.input(`${node.attrs.name}s`, [3, ...node.shape]) as Node,
      ]),
    );
    const all = reachable(batch(o.graph, gradient(o.graph, loss, own), many, 3));
    const convolutions = all.filter((node) => node.op.startsWith("conv2d"));
    const wanted = ["conv2d", "conv2d", "conv2d_filter_grad", "conv2d_filter_grad", "conv2d_input_grad"];
    expect(convolutions.map((node) => node.op).sort()).toEqual(wanted);
    for (const node of convolutions) expect(node.attrs).toMatchObject({ groups: 3 });
    // Only the images come in with the tasks leading: nothing else is turned.
    expect(all.filter((node) => node.op === "transpose")).toHaveLength(1);
  });

  it("gives outputs without a task's own their axis", () => {
    const o = freshOps();
    const x = o.input("x", [2]);
    const [y] = batch(o.graph, [o.neg(x)], new Map(), 4) as [Node];
    expect(y.shape).toEqual([4, 2]);
  });
});
