import { describe, expect, it } from "vitest";
import { lowerClassify } from "../../src/compiler/lower/index.js";
import { MetricLowering, rowAxis } from "../../src/compiler/lower/metric.js";
import { NamedOps, queryAxis, taskAxis } from "../../src/compiler/lower/named-tensor.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { WeightTable } from "../../src/compiler/lower/weights.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { Axis, Expr, ExprNode, Learn, Metric, Task } from "../../src/compiler/typed/tree.js";
import { metricWeights } from "../../src/compiler/typed/weights.js";
import {
  axis,
  block,
  convNet,
  count,
  entry,
  expr,
  image,
  metric,
  NetworkBuilder,
  prototypes,
  span,
} from "./fixtures.js";
import { conv } from "./formulas.js";
import { run, stream, type Values } from "./harness.js";

// The axes of inner expressions are not needed here: lowering knows them.
const e = (node: ExprNode): Expr => expr(node, []);
const number = (value: number): Expr => e({ k: "number", value });
const param = (name: string): Expr => e({ k: "param", name });
const learned = (name: string): Expr => e({ k: "learn", name });
const binary = (op: "add" | "sub" | "mul" | "div" | "pow", a: Expr, b: Expr): Expr => e({ k: "binary", op, a, b });
const neg = (x: Expr): Expr => e({ k: "unary", op: "neg", x });
const exp = (x: Expr): Expr => e({ k: "unary", op: "exp", x });
const reduce = (op: "sum" | "mean", x: Expr, ...over: string[]): Expr => e({ k: "reduce", op, x, over });
const dot = (a: Expr, b: Expr, ...over: string[]): Expr => e({ k: "dot", a, b, over });
const rename = (x: Expr, from: string, to: string): Expr => e({ k: "rename", x, renames: [{ from, to }] });
const merge = (x: Expr, axes: string[], as: string): Expr => e({ k: "merge", x, axes, as });
const normalize = (x: Expr, ...over: string[]): Expr => e({ k: "normalize", x, over });
const solve = (a: Expr, b: Expr, over: string): Expr => e({ k: "solve", a, b, over });
const cosine = (a: Expr, b: Expr, over: string): Expr => dot(normalize(a, over), normalize(b, over), over);
const eye = (a: Axis): Expr => e({ k: "eye", a, b: axis(`${a.name}'`, a.size) });

const task: Task = { way: 3, shot: 2, query: 2 };
const episodes = 2;
const [supports, queries] = [task.way * task.shot, task.way * task.query];
const dim = 5;
const map = image(3, 4);
const [way, shot, feature] = [axis("way", task.way), axis("shot", task.shot), axis("feature", dim)];
const encoder = new NetworkBuilder([feature]).activation("identity").as("vector").build();
const mapEncoder = new NetworkBuilder(map).activation("identity").as("map").build();

function inductive(
  form: "vector" | "map",
  result: "logits" | "probabilities",
  body: Expr,
  learns: readonly Learn[] = [],
): Metric {
  const inner = form === "vector" ? [feature] : map;
  const params = [
    { name: "support", form, axes: [way, shot, ...inner] },
    { name: "query", form, axes: inner },
  ];
  return metric(entry("classify", params, { kind: result, axes: [way] }, block(body)), learns);
}

/** Scores [episode][query][way] of a metric on random embeddings, and those embeddings row by row. */
function scores(m: Metric, weights: Values = {}) {
  const form = m.entries.classify?.params[0]?.form ?? "vector";
  const inner = form === "vector" ? [feature] : map;
  const ops = new NamedOps(new Graph());
  const placed = { prefix: "encoder", network: form === "vector" ? encoder : mapEncoder, frozen: true };
  const table = new WeightTable(ops.graph, metricWeights({ value: m, from: undefined }, placed.network));
  const modules = new Map(
    m.learns.flatMap((l) =>
      l.kind === "module" ? [[l.name, { prefix: `metric.${l.name}`, network: l.network, frozen: true }] as const] : [],
    ),
  );
  const rows = (name: string, n: number) => () =>
    ops.of(ops.t.input(name, [episodes, n, ...inner.map((a) => a.size)]), [
      taskAxis,
      rowAxis,
      ...inner.map((a) => a.name),
    ]);
  const lowering = new MetricLowering(ops, {
    metric: m,
    task,
    rows: { support: rows("s", supports), query: rows("q", queries), unlabeled: rows("u", 0) },
    described: () => ops.scalar(0),
    calls: new Calls(ops, { weights: table, encoder: placed, modules }),
    loops: { phase: "test" },
    order: undefined,
    weights: table,
  });
  const value = ops.order(lowering.classify(), [taskAxis, queryAxis, "way"]);
  const random = stream(21);
  const size = count(inner);
  const draw = (n: number): number[] => Array.from({ length: n * size }, () => random() * 2 - 1);
  const values: Values = { ...weights, s: draw(episodes * supports), q: draw(episodes * queries) };
  const out = run(assemble({ name: "test", host: { value: value.node }, feeds: ["s", "q"] }), values).value ?? [];
  const row = (from: number[] | undefined, i: number): number[] => (from ?? []).slice(i * size, (i + 1) * size);
  return {
    value: (t: number, q: number, c: number): number => out[(t * queries + q) * task.way + c] ?? Number.NaN,
    support: (t: number, c: number, k: number): number[] => row(values.s, t * supports + c * task.shot + k),
    query: (t: number, q: number): number[] => row(values.q, t * queries + q),
  };
}
type Scores = ReturnType<typeof scores>;

function each(s: Scores, formula: (t: number, q: number) => readonly number[]): void {
  for (let t = 0; t < episodes; t++)
    for (let q = 0; q < queries; q++)
      formula(t, q).forEach((expected, c) => expect(s.value(t, q, c)).toBeCloseTo(expected, 8));
}
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const inner = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
const cos = (a: readonly number[], b: readonly number[]): number => inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b));
const sum = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0);
/** Local descriptors [patch][channel] of a map [channel, height, width]. */
const patches = (m: readonly number[]): number[][] => times(16, (p) => times(3, (c) => m[c * 16 + p] ?? 0));
/** Gauss–Jordan elimination with pivoting: X with A·X = B. */
function solved(a: number[][], b: number[][]): number[][] {
  const n = a.length;
  const rows = a.map((r, i) => [...r, ...(b[i] ?? [])]);
  for (let k = 0; k < n; k++) {
    const pivot = rows.reduce(
      (best, r, i) => (i >= k && Math.abs(r[k] ?? 0) > Math.abs(rows[best]?.[k] ?? 0) ? i : best),
      k,
    );
    [rows[k], rows[pivot]] = [rows[pivot] ?? [], rows[k] ?? []];
    const head = rows[k]?.[k] ?? Number.NaN;
    rows[k] = (rows[k] ?? []).map((v) => v / head);
    rows.forEach((r, i) => {
      const factor = r[k] ?? 0;
      if (i !== k) rows[i] = r.map((v, j) => v - factor * (rows[k]?.[j] ?? 0));
    });
  }
  return rows.map((r) => r.slice(n));
}
const transposed = (m: readonly number[][]): number[][] => times(m[0]?.length ?? 0, (j) => m.map((r) => r[j] ?? 0));
const product = (a: readonly number[][], b: readonly number[][]): number[][] =>
  a.map((row) => transposed(b).map((column) => inner(row, column)));
const ridged = (a: number[][], lambda: number): number[][] =>
  a.map((r, i) => r.map((v, j) => v + (i === j ? lambda : 0)));

describe("metrics against formulas", () => {
  it("prototypes", () => {
    const s = scores(prototypes(task, dim));
    each(s, (t, q) =>
      times(task.way, (c) => {
        const p = times(dim, (d) => sum(times(task.shot, (k) => s.support(t, c, k)[d] ?? 0)) / task.shot);
        return -sum(s.query(t, q).map((v, d) => (v - (p[d] ?? 0)) ** 2));
      }),
    );
  });

  it("matching", () => {
    const scaled = binary("mul", number(10), cosine(param("query"), param("support"), "feature"));
    const s = scores(
      inductive(
        "vector",
        "probabilities",
        reduce("sum", e({ k: "softmax", x: scaled, over: ["way", "shot"] }), "shot"),
      ),
    );
    each(s, (t, q) => {
      const weight = times(task.way, (c) =>
        times(task.shot, (k) => Math.exp(10 * cos(s.query(t, q), s.support(t, c, k)))),
      );
      return weight.map((w) => sum(w) / sum(weight.flat()));
    });
  });

  it("local descriptors, the best three of a class (DN4)", () => {
    const items = merge(param("support"), ["shot", "height", "width"], "item");
    const own = merge(param("query"), ["height", "width"], "patch");
    const best = e({ k: "top", count: 3, x: cosine(own, items, "channel"), over: "item", as: "best" });
    const s = scores(inductive("map", "logits", reduce("sum", best, "patch", "best")));
    each(s, (t, q) =>
      times(task.way, (c) => {
        const bank = times(task.shot, (k) => patches(s.support(t, c, k))).flat();
        return sum(
          patches(s.query(t, q)).map((p) =>
            sum(
              bank
                .map((b) => cos(p, b))
                .sort((a, b) => b - a)
                .slice(0, 3),
            ),
          ),
        );
      }),
    );
  });

  it("ridge regression on labels, dual (R2D2)", () => {
    const item = axis("item", supports);
    const x = merge(param("support"), ["way", "shot"], "item");
    const label = e({ k: "merged_index", merged: [way, shot], as: "item", axis: "way" });
    const gram = binary(
      "add",
      dot(x, rename(x, "item", "item'"), "feature"),
      binary("mul", learned("lambda"), eye(item)),
    );
    const weights = dot(x, solve(gram, e({ k: "one_hot", x: label, axis: way }), "item"), "item");
    const body = binary(
      "add",
      binary("mul", learned("alpha"), dot(param("query"), weights, "feature")),
      learned("beta"),
    );
    const tensor = (name: string, positive = false): Learn => ({
      kind: "tensor",
      name,
      axes: [],
      init: { kind: "constant", value: 1 },
      positive,
      span,
    });
    const s = scores(inductive("vector", "logits", body, [tensor("lambda", true), tensor("alpha"), tensor("beta")]), {
      "metric.lambda": [Math.log(0.7)],
      "metric.alpha": [1.5],
      "metric.beta": [0.25],
    });
    each(s, (t, q) => {
      const X = times(task.way, (c) => times(task.shot, (k) => s.support(t, c, k))).flat();
      const Y = times(supports, (i) => times(task.way, (c) => (Math.floor(i / task.shot) === c ? 1 : 0)));
      const W = product(transposed(X), solved(ridged(product(X, transposed(X)), 0.7), Y));
      return (product([s.query(t, q)], W)[0] ?? []).map((v) => 1.5 * v + 0.25);
    });
  });

  it("reconstruction of maps, primal (FRN)", () => {
    const lambda = binary("add", exp(learned("alpha")), number(0.01));
    const items = merge(param("support"), ["shot", "height", "width"], "item");
    const own = merge(param("query"), ["height", "width"], "patch");
    const channel = axis("channel", 3);
    const gram = binary(
      "add",
      dot(items, rename(items, "channel", "channel'"), "item"),
      binary("mul", lambda, eye(channel)),
    );
    const hat = solve(gram, dot(items, rename(items, "channel", "out"), "item"), "channel");
    const rebuilt = dot(own, hat, "channel");
    const distance = e({ k: "squared_distance", a: rebuilt, b: rename(own, "channel", "out"), over: ["out"] });
    const alpha: Learn = {
      kind: "tensor",
      name: "alpha",
      axes: [],
      init: { kind: "constant", value: 0 },
      positive: false,
      span,
    };
    const s = scores(inductive("map", "logits", neg(reduce("mean", distance, "patch")), [alpha]), {
      "metric.alpha": [0.3],
    });
    each(s, (t, q) =>
      times(task.way, (c) => {
        const S = times(task.shot, (k) => patches(s.support(t, c, k))).flat();
        const G = product(transposed(S), S);
        const H = solved(ridged(G, Math.exp(0.3) + 0.01), G);
        const Q = patches(s.query(t, q));
        return -sum(product(Q, H).map((r, p) => sum(r.map((v, d) => (v - (Q[p]?.[d] ?? 0)) ** 2)))) / 16;
      }),
    );
  });

  it("a learned comparison of maps, running statistics (RelationNet)", () => {
    const network = new NetworkBuilder(image(6, 4))
      .conv(3, 2)
      .batchNorm()
      .activation()
      .flatten()
      .linear(undefined)
      .build();
    const module: Learn = { kind: "module", name: "compare", network, span };
    const pair = e({ k: "concat", parts: [reduce("sum", param("support"), "shot"), param("query")], along: "channel" });
    const body = e({ k: "apply", target: { kind: "learn", name: "compare" }, x: pair, output: "out", norm: "phase" });
    const random = stream(4);
    const weights: Values = {};
    for (const w of network.weights) {
      const offset = w.path.endsWith("running_var") ? 1 : 0;
      weights[`metric.compare.${w.path}`] = times(
        w.shape.reduce((a, b) => a * b, 1),
        () => random() - 0.5 + offset,
      );
    }
    const w = (name: string): number[] => weights[`metric.compare.${name}`] ?? [];
    const s = scores(inductive("map", "logits", body, [module]), weights);
    each(s, (t, q) =>
      times(task.way, (c) => {
        const total = times(48, (i) => sum(times(task.shot, (k) => s.support(t, c, k)[i] ?? 0)));
        const x = { n: 1, c: 6, h: 4, w: 4, data: [...total, ...s.query(t, q)] };
        const z = conv(x, w("conv.0.weight"), w("conv.0.bias")).data.map((v, i) => {
          const channel = Math.floor(i / 16);
          const at = (name: string): number => w(`batch_norm.0.${name}`)[channel] ?? 0;
          const normal = (v - at("running_mean")) / Math.sqrt(at("running_var") + 1e-5);
          return Math.max(0, normal * at("weight") + at("bias"));
        });
        return inner(z, w("linear.0.weight")) + (w("linear.0.bias")[0] ?? 0);
      }),
    );
  });
});

describe("credit", () => {
  const direct = (scoresOf: number[], k: number): Values => {
    const m = metric(
      entry(
        "classify",
        [
          { name: "support", form: "vector", axes: [axis("way", 4), axis("shot", 1), axis("feature", 4)] },
          { name: "query", form: "vector", axes: [axis("feature", 4)] },
        ],
        { kind: "logits", axes: [axis("way", 4)] },
        block(rename(param("query"), "feature", "way")),
      ),
    );
    const network = new NetworkBuilder([axis("feature", 4)]).activation("identity").as("vector").build();
    const program = lowerClassify(m, { way: 4, shot: 1, query: 1 }, network, {
      episodes: 1,
      report: [{ kind: "top", k }],
    });
    return run(program, { "query.vector": [...scoresOf, ...scoresOf, ...scoresOf, ...scoresOf] });
  };

  it("of the best, shared by ties", () => {
    expect(direct([1, 3, 3, 0], 2)).toEqual({
      correct: [0, 0.5, 0.5, 0],
      top2: [0, 1, 1, 0],
      predicted: [1, 1, 1, 1],
      unscored: [0, 0, 0, 0],
    });
  });
  it("of the k best, ties sharing the places left", () => {
    expect(direct([5, 1, 1, 1], 2).top2).toEqual([1, 1 / 3, 1 / 3, 1 / 3]);
    expect(direct([5, 4, 1, 1], 3).top3).toEqual([1, 1, 0.5, 0.5]);
  });
  it("of constant scores is chance", () => {
    const out = direct([2, 2, 2, 2], 3);
    expect(out.correct).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(out.top3).toEqual([0.75, 0.75, 0.75, 0.75]);
  });
  it("of a query with a score that is not a number is nothing, and it is told", () => {
    const out = direct([Number.NaN, 1, 2, 3], 2);
    expect(out.correct).toEqual([0, 0, 0, 0]);
    expect(out.top2).toEqual([0, 0, 0, 0]);
    expect(out.unscored).toEqual([1, 1, 1, 1]);
    expect(direct([Number.NEGATIVE_INFINITY, 1, 2, 3], 2).unscored).toEqual([0, 0, 0, 0]);
  });
});

describe("classification programs", () => {
  it("take only the encoder outputs that the metric asks for", () => {
    const network = convNet(image(1, 8), [2, 2]);
    const program = lowerClassify(prototypes(task, 8), task, network, { episodes: 4, report: [] });
    expect(program.inputs.map(({ name, role, node }) => [name, role, node.shape])).toEqual([
      ["query.vector", "feed", [4, 6, 8]],
      ["support.vector", "feed", [4, 6, 8]],
    ]);
    expect(program.outputs.map(({ name, node }) => [name, node.dtype, node.shape])).toEqual([
      ["correct", "f32", [4, 6]],
      ["predicted", "i32", [4, 6]],
      ["unscored", "f32", [4, 6]],
    ]);
  });
});
