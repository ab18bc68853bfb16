/** Layers that are formulas: those of fsl:pooling against the formulas of their papers, and one with a loop of each image. */
import { expect, it } from "vitest";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { initialWeights, WeightTable } from "../../src/compiler/lower/weights.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { networkOf } from "./fsl.js";
import { run, stream, type Values } from "./harness.js";

const [images, channels, patches] = [2, 3, 36];
const random = stream(3);
/** Maps [image, channel, patch]. */
const maps = Array.from({ length: images }, (_, image) =>
  Array.from({ length: channels }, () => Array.from({ length: patches }, () => (random() * 2 - 1) * 4 ** image)),
);

/** Returns the values of a layer for each image, and the numbers that it keeps, by name. */
function valuesOf(layer: string, declared = `import { ${layer} } from "fsl:pooling"`) {
  const network = networkOf(`${layer}, flatten`, 6, declared);
  const ops = new NamedOps(new Graph());
  const decls = networkWeights("encoder", network);
  const x = ops.of(ops.t.input("x", [images, channels, 6, 6]), ["item", "channel", "height", "width"]);
  const encoder = { prefix: "encoder", network, frozen: false };
  const calls = new Calls(ops, { weights: new WeightTable(ops.graph, decls), encoder });
  const y = calls.apply({ target: { kind: "slot", slot: "encoder" }, x, output: "vector", norm: "running" });
  const program = assemble({ name: "pooling", host: { y: y.node }, feeds: ["x"] });
  const kept: Record<string, number[]> = {};
  for (const [path, { data }] of Object.entries(initialWeights(decls, 3))) kept[path] = [...data];
  const values: Values = { ...kept, x: maps.flat(2) };
  const out = run(program, values)["y"] ?? [];
  const size = out.length / images;
  const short = Object.fromEntries(Object.entries(kept).map(([path, data]) => [path.replace(/.*\./, ""), data]));
  return { kept: short, rows: maps.map((_, i) => out.slice(i * size, (i + 1) * size)) };
}

const signedRoot = (v: number): number => v / Math.sqrt(Math.abs(v) + 1e-8);
const unit = (v: readonly number[]): number[] => {
  const length = Math.hypot(...v);
  return v.map((e) => e / length);
};
const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
/** The products of each two channels, the mean over the patches. */
const products = (a: readonly number[][], b: readonly number[][] = a): number[] =>
  a.flatMap((row) => b.map((other) => mean(row.map((v, p) => v * (other[p] ?? 0)))));
const close = (found: readonly number[], wanted: readonly number[], digits = 9): void => {
  expect(found.length).toBe(wanted.length);
  for (const [i, v] of wanted.entries()) expect(found[i]).toBeCloseTo(v, digits);
};

it("bilinear pooling has the signed roots of the products, at unit length", () => {
  const { rows } = valuesOf("bilinear");
  for (const [i, x] of maps.entries()) close(rows[i] ?? [], unit(products(x).map(signedRoot)));
});

it("compact bilinear pooling puts each product in its drawn place with its drawn sign", () => {
  const { rows, kept } = valuesOf("compact_bilinear");
  const { place = [], sign = [] } = kept;
  expect(new Set(sign)).toEqual(new Set([-1, 1]));
  expect(place.every((v) => Number.isInteger(v) && v >= 0 && v < 512)).toBe(true);
  expect(new Set(place).size).toBeGreaterThan(5);
  for (const [i, x] of maps.entries()) {
    const sketch = new Array<number>(512).fill(0);
    for (const [pair, v] of products(x).entries()) {
      const at = place[pair] ?? 0;
      sketch[at] = (sketch[at] ?? 0) + (sign[pair] ?? 0) * v;
    }
    close(rows[i] ?? [], unit(sketch.map(signedRoot)));
  }
});

it("alpha pooling is bilinear at 2, up to its offset of 1e-6", () => {
  const { rows } = valuesOf("alpha_pooling");
  for (const [i, x] of maps.entries()) close(rows[i] ?? [], unit(products(x).map(signedRoot)), 5);
});

it("the square root of a covariance gives the covariance when it is squared", () => {
  const { rows } = valuesOf("covariance_sqrt(rounds: 12)", 'import { covariance_sqrt } from "fsl:pooling"');
  for (const [i, x] of maps.entries()) {
    const centered = x.map((row) => row.map((v) => v - mean(row)));
    const root = rows[i] ?? [];
    const at = (a: number, b: number): number => root[a * channels + b] ?? 0;
    const squared = Array.from({ length: channels ** 2 }, (_, pair) => {
      const [a, b] = [Math.floor(pair / channels), pair % channels];
      return Array.from({ length: channels }, (_, k) => at(a, k) * at(k, b)).reduce((s, v) => s + v, 0);
    });
    close(squared, products(centered), 8);
  }
});

it("a loop of a formula ends image by image", () => {
  const { rows } = valuesOf(
    "halved",
    `block halved()(x: map) {
      repeat 20 from v = x, rounds = 0 { (v / 2, rounds + 1) } until max(abs(v) over all) < 0.3
      v + 0 * rounds
    }`,
  );
  const scale = (x: readonly number[][]): number => {
    let k = 1;
    while (Math.max(...x.flat().map(Math.abs)) / 2 ** k >= 0.3) k++;
    return 2 ** k;
  };
  const scales = maps.map(scale);
  expect(new Set(scales).size).toBe(images);
  for (const [i, x] of maps.entries())
    close(
      rows[i] ?? [],
      x.flat().map((v) => v / (scales[i] ?? 1)),
    );
});
