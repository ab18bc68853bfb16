/** The layers of today's encoders against plain loops, and their gradients against finite differences. */
import { describe, expect, it } from "vitest";
import { erf } from "../../src/common/error-function.js";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { initialWeights, WeightTable } from "../../src/compiler/lower/weights.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { Network } from "../../src/compiler/typed/tree.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { networkOf } from "./fsl.js";
import { run, stream, type Values } from "./harness.js";

const pixels = 4;
const channels = 3;
const images = 2;
type Image = (c: number, h: number, w: number) => number;

/** A network on two images: its value, the sum of its squares weighted by place, and the gradients of that sum. */
function lowered(network: Network) {
  const ops = new NamedOps(new Graph());
  const decls = networkWeights("encoder", network);
  const weights = new WeightTable(ops.graph, decls);
  const x = ops.of(ops.t.input("x", [images, channels, pixels, pixels]), ["item", "channel", "height", "width"]);
  const calls = new Calls(ops, { weights, encoder: { prefix: "encoder", network, frozen: false } });
  const y = calls.apply({ target: { kind: "slot", slot: "encoder" }, x, output: "vector", norm: "running" });
  const random = stream(5);
  const mix = ops.of(
    ops.t.constant(
      y.node.shape,
      y.node.shape
        .reduce<number[]>((all, n) => (all.length === 0 ? [0] : all).flatMap((v) => Array(n).fill(v)), [])
        .map(() => random() - 0.5),
    ),
    y.axes,
  );
  const loss = ops.sum(ops.mul(ops.mul(y, y), mix), y.axes).node;
  const trained = decls.map(({ path }) => path);
  const names = ["x", ...trained];
  const first = gradient(ops.graph, loss, [x.node, ...trained.map((path) => weights.node(path))]);
  // The sum of the first derivative's squares stands for second derivatives.
  const slope = first.map((node) => ops.t.sum(ops.t.square(node))).reduce((a, b) => ops.t.add(a, b));
  const second = gradient(ops.graph, slope, [x.node, ...trained.map((path) => weights.node(path))]);
  const host = Object.fromEntries(
    names.flatMap((name, i) => [
      [`d ${name}`, first[i] ?? loss],
      [`dd ${name}`, second[i] ?? loss],
    ]),
  );
  const program = assemble({ name: "test", host: { loss, slope, y: y.node, ...host }, feeds: ["x"] });
  const values: Values = { x: Array.from({ length: images * channels * pixels ** 2 }, () => random() * 2 - 1) };
  for (const [path, tensor] of Object.entries(initialWeights(decls, 3)))
    values[path] = Array.from(tensor.data, (v) => v + 0.2 * (random() - 0.5));
  return { program, values, names };
}

/** The value of layers, and of a formula of the first image and the weights. */
function compare(layers: string, formula: (x: Image, weight: (path: string) => number[]) => number[]): void {
  const { program, values } = lowered(networkOf(`${layers}, flatten`, pixels));
  const x: Image = (c, h, w) =>
    h < 0 || w < 0 || h >= pixels || w >= pixels ? 0 : (values.x?.[(c * pixels + h) * pixels + w] ?? Number.NaN);
  const found = run(program, values).y ?? [];
  const expected = formula(x, (path) => values[`encoder.${path}`] ?? []);
  expect(found.length).toBe(images * expected.length);
  expected.forEach((value, i) => expect(found[i], `element ${i}`).toBeCloseTo(value, 10));
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const each = <T>(c: number, side: number, of: (c: number, h: number, w: number) => T): T[] =>
  range(c).flatMap((k) => range(side).flatMap((h) => range(side).map((w) => of(k, h, w))));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const at = (values: readonly number[], i: number): number => values[i] ?? Number.NaN;
const standard = (values: readonly number[], eps: number): number[] => {
  const middle = mean(values);
  const spread = Math.sqrt(mean(values.map((v) => (v - middle) ** 2)) + eps);
  return values.map((v) => (v - middle) / spread);
};
const tokensOf = (x: Image): number[][] =>
  range(pixels).flatMap((h) => range(pixels).map((w) => range(channels).map((c) => x(c, h, w))));
const linear = (row: readonly number[], weight: readonly number[], bias: readonly number[]): number[] =>
  bias.map((b, o) => b + sum(row.map((v, i) => v * at(weight, o * row.length + i))));

describe("values", () => {
  it("of a depthwise convolution", () => {
    compare("conv(3, 6, groups: 3)", (x, weight) =>
      each(6, pixels, (o, h, w) => {
        const c = Math.floor(o / 2);
        const taps = each(
          1,
          3,
          (_, i, j) => x(c, h + i - 1, w + j - 1) * at(weight("conv.0.weight"), (o * 3 + i) * 3 + j),
        );
        return at(weight("conv.0.bias"), o) + sum(taps);
      }),
    );
  });

  it.each([
    [1, 2, 4],
    [2, 2, 2],
    [3, 1, 1],
  ])("of a dilated convolution with stride %i", (stride, pad, side) => {
    compare(`conv(3, 2, stride: ${stride}, dilation: 2, pad: ${pad})`, (x, weight) =>
      each(2, side, (o, h, w) => {
        const taps = each(
          channels,
          3,
          (c, i, j) =>
            x(c, h * stride + 2 * i - pad, w * stride + 2 * j - pad) *
            at(weight("conv.0.weight"), ((o * channels + c) * 3 + i) * 3 + j),
        );
        return at(weight("conv.0.bias"), o) + sum(taps);
      }),
    );
  });

  it("of group norm and instance norm", () => {
    compare("group_norm(3)", (x, weight) =>
      range(channels).flatMap((c) =>
        standard(
          each(1, pixels, (_, h, w) => x(c, h, w)),
          1e-5,
        ).map((v) => v * at(weight("group_norm.0.weight"), c) + at(weight("group_norm.0.bias"), c)),
      ),
    );
    compare("group_norm(1, affine: false, eps: 0.1)", (x) => standard(each(channels, pixels, x), 0.1));
    compare("instance_norm", (x) =>
      range(channels).flatMap((c) =>
        standard(
          each(1, pixels, (_, h, w) => x(c, h, w)),
          1e-5,
        ),
      ),
    );
  });

  it("of a layer norm over the channels of a map, and of layer scale", () => {
    compare("layer_norm(channel, eps: 1e-6), layer_scale(0.5)", (x, weight) => {
      const normal = (h: number, w: number): number[] =>
        standard(
          range(channels).map((c) => x(c, h, w)),
          1e-6,
        );
      return each(channels, pixels, (c, h, w) => {
        const y = at(normal(h, w), c) * at(weight("layer_norm.0.weight"), c) + at(weight("layer_norm.0.bias"), c);
        return y * at(weight("layer_scale.0.weight"), c);
      });
    });
  });

  it("of gelu and silu", () => {
    compare("gelu", (x) => each(channels, pixels, x).map((v) => (v / 2) * (1 + erf(v / Math.SQRT2))));
    compare("silu", (x) => each(channels, pixels, x).map((v) => v / (1 + Math.exp(-v))));
  });

  it("of upsampling, as PyTorch's without aligned corners", () => {
    compare("upsample(3)", (x) => each(channels, 3 * pixels, (c, h, w) => x(c, Math.floor(h / 3), Math.floor(w / 3))));
    const inside = (v: number): number => Math.min(Math.max(v, 0), pixels - 1);
    compare("upsample(2, mode: bilinear)", (x) =>
      each(channels, 2 * pixels, (c, h, w) => {
        const [r, s] = [inside((h + 0.5) / 2 - 0.5), inside((w + 0.5) / 2 - 0.5)];
        const [top, left] = [Math.floor(r), Math.floor(s)];
        const [a, b] = [r - top, s - left];
        const [bottom, right] = [inside(top + 1), inside(left + 1)];
        return (
          (1 - a) * ((1 - b) * x(c, top, left) + b * x(c, top, right)) +
          a * ((1 - b) * x(c, bottom, left) + b * x(c, bottom, right))
        );
      }),
    );
  });

  it("of tokens, a class token, positions and the mean over tokens", () => {
    const all = (x: Image, weight: (path: string) => number[]): number[][] =>
      [weight("class_token.0.weight"), ...tokensOf(x)].map((token, t) =>
        token.map((v, c) => v + at(weight("position_table.0.weight"), t * channels + c)),
      );
    compare("tokens, class_token, position_table", (x, weight) => all(x, weight).flat());
    compare("tokens, class_token, position_table, first(token)", (x, weight) => all(x, weight)[0] ?? []);
    compare("tokens, class_token, position_table, global_avg_pool", (x, weight) =>
      range(channels).map((c) => mean(all(x, weight).map((token) => at(token, c)))),
    );
  });

  it.each([
    ["tokens", "tokens, attention(3)", (tokens: number[][]) => tokens.flat()],
    [
      "maps",
      "attention(3)",
      (tokens: number[][]) => range(channels).flatMap((c) => tokens.map((token) => at(token, c))),
    ],
  ])("of attention on %s", (_, layers, order) => {
    compare(layers, (x, weight) => {
      const qkv = tokensOf(x).map((token) =>
        linear(token, weight("attention.0.qkv.weight"), weight("attention.0.qkv.bias")),
      );
      // Three heads of one channel each.
      const seen = qkv.map((query) =>
        range(3).map((head) => {
          const scores = qkv.map((key) => Math.exp(at(query, head) * at(key, 3 + head)));
          return sum(scores.map((score, t) => score * at(qkv[t] ?? [], 6 + head))) / sum(scores);
        }),
      );
      return order(seen.map((row) => linear(row, weight("attention.0.out.weight"), weight("attention.0.out.bias"))));
    });
  });
});

describe("first and second derivatives against finite differences", () => {
  it.each([
    "conv(3, 6, groups: 3)",
    "conv(3, 2, stride: 2, dilation: 2)",
    "group_norm(1), instance_norm(affine: true)",
    "layer_norm(channel), layer_scale(0.5)",
    "gelu, silu",
    "upsample(2), upsample(2, mode: bilinear)",
    "tokens, class_token, position_table, attention(3), first(token)",
  ])("%s", (layers) => {
    const { program, values, names } = lowered(networkOf(`${layers}, flatten`, pixels));
    const base = run(program, values);
    const random = stream(11);
    for (const name of names) {
      const own = values[name] ?? [];
      const i = Math.floor(random() * own.length);
      const moved = (by: number) => run(program, { ...values, [name]: own.with(i, at(own, i) + by) });
      const [up, down] = [moved(1e-5), moved(-1e-5)];
      for (const [of, analytic] of [
        ["loss", `d ${name}`],
        ["slope", `dd ${name}`],
      ] as const) {
        const numeric = (at(up[of] ?? [], 0) - at(down[of] ?? [], 0)) / 2e-5;
        const scale = Math.max(1, Math.abs(at(base[of] ?? [], 0)), Math.abs(numeric));
        expect(Math.abs(numeric - at(base[analytic] ?? [], i)), `${analytic} at ${i}`).toBeLessThan(1e-6 * scale);
      }
    }
  });
});
