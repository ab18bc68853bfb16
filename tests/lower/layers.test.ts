import { describe, expect, it } from "vitest";
import { NamedOps, taskAxis } from "../../src/compiler/lower/named-tensor.js";
import { sigmoid } from "../../src/compiler/lower/networks/activations.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { initialWeights, WeightTable } from "../../src/compiler/lower/weights.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { Network } from "../../src/compiler/typed/tree.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { axis, count, image, NetworkBuilder } from "./fixtures.js";
import { networkOf } from "./fsl.js";
import { run, stream, type Values } from "./harness.js";

/** A fixed random projection of a network's output: a scalar whose gradient reaches every weight. */
function lowered(network: Network, batch: number, norm: "batch" | "running", output: string) {
  const ops = new NamedOps(new Graph());
  const decls = networkWeights("encoder", network);
  const weights = new WeightTable(ops.graph, decls);
  const shape = [batch, ...network.input.map((a) => a.size)];
  const x = ops.of(ops.t.input("x", shape), ["item", ...network.input.map((a) => a.name)]);
  const placed = { prefix: "encoder", network, frozen: false };
  const calls = new Calls(ops, { weights, encoder: placed, record: () => {} });
  const y = calls.apply({ target: { kind: "slot", slot: "encoder" }, x, output, norm });
  const random = stream(5);
  const mix = ops.constant(
    Array.from({ length: batch * count(network.outputs[output] ?? []) }, () => random() - 0.5),
    y.axes.map((name, i) => axis(name, y.node.shape[i] ?? 0)),
  );
  const loss = ops.sum(ops.mul(ops.mul(y, y), mix), y.axes).node;
  const trained = weights.used.filter((decl) => decl.trainable).map((decl) => decl.path);
  const wrt = [x.node, ...trained.map((path) => weights.node(path))];
  const gradients = gradient(ops.graph, loss, wrt);
  const names = ["x", ...trained];
  const host = Object.fromEntries(gradients.map((node, i) => [`d ${names[i]}`, node]));
  const program = assemble({ name: "test", host: { loss, y: y.node, ...host }, feeds: ["x"] });
  const values: Values = {};
  for (const [path, tensor] of Object.entries(initialWeights(decls, 3))) values[path] = [...tensor.data];
  for (const path of Object.keys(values)) {
    if (path.endsWith("running_mean")) values[path] = (values[path] ?? []).map(() => random() - 0.5);
    if (path.endsWith("running_var")) values[path] = (values[path] ?? []).map(() => random() + 0.5);
  }
  values.x = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 2 - 1);
  return { program, values, names };
}

const start = (): NetworkBuilder => new NetworkBuilder(image(2, 6));
const features = (): NetworkBuilder => new NetworkBuilder([axis("feature", 5)]);
const residual = start().conv(3, 4);
residual.nest("residual", ([body = [], shortcut = []]) => ({ kind: "residual", body, shortcut }), image(4, 6), [
  residual.branch().conv(3, 4, { bias: false }).batchNorm().activation("leaky_relu", 0.1).conv(3, 4),
  residual.branch().conv(1, 4, { pad: 0, bias: false }).batchNorm(),
]);
const parallel = start();
parallel.nest("parallel", (branches) => ({ kind: "parallel", branches, along: "channel" }), image(5, 6), [
  parallel.branch().conv(3, 2),
  parallel.branch().conv(1, 3, { pad: 0 }).activation("tanh"),
]);

const formula = networkOf(
  "conv(3, 3), mixed, flatten",
  6,
  `block mixed(rounds = 2)(x: map) {
    learn gain [channel] = 0.7 positive, M [channel, part: 2] = normal(0.5)
    fixed sign [channel] = signs(), bin [channel] = labels(bin: 2)
    repeat rounds from y = 0 { tanh(0.5 * y + dot(gain * x, M over channel)) }
    y * mean(sum(x * sign by bin over channel) over bin)
  }`,
);

const networks: Record<string, Network> = {
  "conv, bias": start().conv(3, 3).build(),
  "a formula with learned and fixed numbers, and a loop": {
    ...formula,
    outputs: { out: formula.outputs.vector ?? [] },
  },
  "conv, stride 2, no bias": start().conv(3, 3, { stride: 2, bias: false }).build(),
  "conv and batch norm": start().conv(3, 3).batchNorm().activation("tanh").build(),
  "batch norm of features": features().batchNorm("feature").build(),
  "layer norm of features": features().layerNorm("feature").build(),
  "layer norm of maps": start().layerNorm("channel", "height", "width").build(),
  "leaky relu": start().activation("leaky_relu", 0.1).build(),
  relu: start().activation("relu").build(),
  sigmoid: start().activation("sigmoid").build(),
  identity: start().activation("identity").build(),
  "max pool": start().pool("max_pool", 2).build(),
  "max pool, overlapping, padded": start().pool("max_pool", 3, 2, 1).build(),
  "avg pool": start().pool("avg_pool", 2).build(),
  "avg pool, padded": start().pool("avg_pool", 3, 2, 1).build(),
  "global avg pool": start().globalPool().build(),
  flatten: start().flatten().build(),
  linear: features().linear(3).build(),
  "linear, no bias": features().linear(3, "feature", false).build(),
  "linear, one number": features().linear(undefined).build(),
  "cosine linear": features().cosineLinear(4, "class", 10).build(),
  residual: residual.build(),
  parallel: parallel.build(),
  "two outputs": start().conv(3, 3).batchNorm().activation("tanh").as("map").flatten().as("vector").build(),
};

describe("gradients of layers against finite differences", () => {
  for (const [name, network] of Object.entries(networks)) {
    for (const norm of ["batch", "running"] as const) {
      const output = Object.keys(network.outputs).at(-1) ?? "out";
      it(`${name}, ${norm} statistics`, () => {
        const { program, values, names } = lowered(network, 3, norm, output);
        const base = run(program, values);
        const random = stream(11);
        for (const input of names) {
          const analytic = base[`d ${input}`] ?? [];
          const own = values[input] ?? [];
          expect(analytic).toHaveLength(own.length);
          for (let trial = 0; trial < 6; trial++) {
            const i = Math.floor(random() * own.length);
            const moved = (by: number): number =>
              run(program, { ...values, [input]: own.with(i, (own[i] ?? 0) + by) }).loss?.[0] ?? Number.NaN;
            const numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            expect(Math.abs(numeric - (analytic[i] ?? Number.NaN))).toBeLessThan(1e-6 * Math.max(1, Math.abs(numeric)));
          }
        }
      });
    }
  }
});

describe("outputs", () => {
  it("are computed only as far as they are asked for", () => {
    const network = start().conv(3, 3).as("map").batchNorm().flatten().as("vector").build();
    const { program } = lowered(network, 2, "batch", "map");
    expect(program.inputs.map((input) => input.name)).toEqual(["x", "encoder.conv.0.weight", "encoder.conv.0.bias"]);
  });

  it("of cosine_linear are scaled cosines", () => {
    const network = features().cosineLinear(2, "class", 7).build();
    const { program, values } = lowered(network, 1, "running", "out");
    const x = values.x ?? [];
    const w = values["encoder.cosine_linear.0.weight"] ?? [];
    const norm = (v: readonly number[]): number => Math.sqrt(v.reduce((s, a) => s + a * a, 0));
    const cosine = [0, 1].map((row) => {
      const weight = w.slice(row * 5, row * 5 + 5);
      return (7 * weight.reduce((s, a, i) => s + a * (x[i] ?? 0), 0)) / norm(weight) / norm(x);
    });
    run(program, values).y?.forEach((value, i) => expect(value).toBeCloseTo(cosine[i] ?? Number.NaN, 10));
  });

  it("of layer norm have mean 0 and variance 1 before scale and shift", () => {
    const network = features().layerNorm("feature").build();
    const { program, values } = lowered(network, 2, "running", "out");
    const plain = {
      ...values,
      "encoder.layer_norm.0.weight": Array(5).fill(1),
      "encoder.layer_norm.0.bias": Array(5).fill(0),
    };
    const y = run(program, plain).y ?? [];
    for (const row of [y.slice(0, 5), y.slice(5)]) {
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 9);
      expect(row.reduce((a, b) => a + b * b, 0) / 5).toBeCloseTo(1, 3);
    }
  });
});

describe("sigmoid", () => {
  it("has its value, its slope and their logarithms far below and far above 0", () => {
    const ops = new NamedOps(new Graph());
    const at = [-700, -80, -20, -1, 0, 1, 20, 80, 700];
    const x = ops.of(ops.t.input("x", [at.length]), ["item"]);
    const y = sigmoid(ops, x);
    const logs = ops.unary("log", y);
    const [slope, slopeOfLog] = [y, logs].map(
      (value) => gradient(ops.graph, ops.sum(value, ["item"]).node, [x.node])[0],
    );
    const [second] = gradient(ops.graph, ops.t.sum(slope ?? y.node), [x.node]);
    const host = {
      y: y.node,
      logs: logs.node,
      slope: slope ?? y.node,
      slopeOfLog: slopeOfLog ?? y.node,
      second: second ?? y.node,
    };
    const found = run(assemble({ name: "test", host, feeds: ["x"] }), { x: at });
    at.forEach((v, i) => {
      const [own, other] = [1 / (1 + Math.exp(-v)), 1 / (1 + Math.exp(v))];
      const relative = (name: keyof typeof host, wanted: number): void =>
        expect(Math.abs((found[name]?.[i] ?? Number.NaN) - wanted), `${name} at ${v}`).toBeLessThanOrEqual(
          1e-12 * (v < 0 ? Math.abs(wanted) : 1),
        );
      relative("y", own);
      relative("logs", v < 0 ? v - Math.log1p(Math.exp(v)) : -Math.log1p(Math.exp(-v)));
      relative("slope", own * other);
      relative("slopeOfLog", other);
      relative("second", own * other * (other - own));
    });
  });
});

describe("one call's statistics for another", () => {
  it("normalize the query as a running mean and variance of the supports would", () => {
    const network = start().conv(3, 3).batchNorm().activation("tanh").flatten().build();
    const ops = new NamedOps(new Graph());
    const weights = new WeightTable(ops.graph, networkWeights("encoder", network));
    const value = (name: string, n: number) =>
      ops.of(ops.t.input(name, [n, 2, 6, 6]), ["item", "channel", "height", "width"]);
    const [x, y] = [value("x", 2), value("y", 4)];
    const statistics: Record<string, ReturnType<typeof ops.of>["node"]> = {};
    const calls = new Calls(ops, {
      weights,
      encoder: { prefix: "encoder", network, frozen: false },
      record: ({ statistics: s }) => {
        statistics.mean = s.mean.node;
        statistics.variance = s.variance.node;
      },
    });
    const target = { kind: "slot", slot: "encoder" } as const;
    const given = calls.apply({ target, x, output: "out", norm: { from: y } }).node;
    const running = calls.apply({ target, x, output: "out", norm: "running" }).node;
    const program = assemble({ name: "test", host: { given, running, ...statistics }, feeds: ["x", "y"] });
    const random = stream(9);
    const values: Values = {
      x: Array.from({ length: 144 }, random),
      y: Array.from({ length: 288 }, random),
    };
    for (const [path, tensor] of Object.entries(initialWeights(networkWeights("encoder", network), 3)))
      values[path] = [...tensor.data];
    const first = run(program, values);
    values["encoder.batch_norm.0.running_mean"] = first.mean ?? [];
    values["encoder.batch_norm.0.running_var"] = first.variance ?? [];
    const second = run(program, values);
    second.running?.forEach((v, i) => expect(v).toBeCloseTo(second.given?.[i] ?? Number.NaN, 10));
    expect(first.running?.[0]).not.toBeCloseTo(first.given?.[0] ?? Number.NaN, 3);
  });

  /** Calls of a network that trains, with what its batch norms record. */
  function recording(network: Network) {
    const ops = new NamedOps(new Graph());
    const recorded: string[] = [];
    const calls = new Calls(ops, {
      weights: new WeightTable(ops.graph, networkWeights("encoder", network)),
      encoder: { prefix: "encoder", network, frozen: false },
      record: ({ path }) => recorded.push(path),
    });
    const images = (name: string, batch: readonly { name: string; size: number }[]) =>
      ops.of(ops.t.input(name, [...batch.map(({ size }) => size), 2, 6, 6]), [
        ...batch.map((axis) => axis.name),
        "channel",
        "height",
        "width",
      ]);
    return { ops, calls, recorded, images };
  }
  const target = { kind: "slot", slot: "encoder" } as const;
  const twoNorms = () => start().conv(3, 3).batchNorm().as("map").conv(3, 2).batchNorm().flatten().as("vector").build();

  it("are taken once, whatever outputs of the calls are asked for, in whatever order", () => {
    const { calls, recorded, images } = recording(twoNorms());
    const [x, y] = [images("x", [{ name: "item", size: 2 }]), images("y", [{ name: "item", size: 4 }])];
    const of = (value: typeof x, output: string, norm: "batch" | { from: typeof y }) =>
      calls.apply({ target, x: value, output, norm }).node;
    of(x, "map", { from: y });
    expect(recorded).toEqual(["encoder.batch_norm.0"]);
    const vector = of(x, "vector", { from: y });
    of(y, "vector", "batch");
    expect(recorded).toEqual(["encoder.batch_norm.0", "encoder.batch_norm.1"]);
    expect(of(x, "vector", { from: y })).toBe(vector);
  });

  it("of episodes side by side normalize a value that they share, for each its own way", () => {
    const network = twoNorms();
    const values: Values = { x: Array.from({ length: 144 }, stream(3)), y: Array.from({ length: 576 }, stream(4)) };
    for (const [path, tensor] of Object.entries(initialWeights(networkWeights("encoder", network), 3)))
      values[path] = [...tensor.data];
    const scored = (episodes: number, y: readonly number[]): number[] => {
      const { ops, calls, images } = recording(network);
      const item = (size: number) => ({ name: "item", size });
      const own = images("y", episodes === 1 ? [item(4)] : [{ name: taskAxis, size: episodes }, item(4)]);
      const given = calls.apply({ target, x: images("x", [item(2)]), output: "vector", norm: { from: own } });
      const node = ops.order(given, [...(episodes === 1 ? [] : [taskAxis]), "item", "feature"]).node;
      const program = assemble({ name: "test", host: { given: node }, feeds: ["x", "y"] });
      return run(program, { ...values, y: [...y] }).given ?? [];
    };
    const y = values["y"] ?? [];
    const each = [scored(1, y.slice(0, 288)), scored(1, y.slice(288))];
    expect(each[0]?.[0]).not.toBeCloseTo(each[1]?.[0] ?? Number.NaN, 3);
    scored(2, y).forEach((v, i) => expect(v).toBeCloseTo(each.flat()[i] ?? Number.NaN, 10));
  });
});
