/** Methods on graphs of all images of an episode in plain loops, from their papers: scores of each query [query][way]. */
import { type Activations, at, conv } from "../lower/formulas.js";
import type { Values } from "../lower/harness.js";
import type { Episode } from "./embedded.js";
import { get, inner, solved, sum, times } from "./learner.js";
import { squared } from "./metric-formulas.js";

type Rows = readonly (readonly number[])[];

/** Batch norm by running statistics, then ReLU. */
function normed(z: Activations, w: Values, path: string): Activations {
  const part = (name: string, c: number): number => get(w[`${path}.${name}`], c);
  const data = z.data.map((v, i) => {
    const c = Math.floor(i / (z.h * z.w)) % z.c;
    const xhat = (v - part("running_mean", c)) / Math.sqrt(part("running_var", c) + 1e-5);
    return Math.max(0, part("weight", c) * xhat + part("bias", c));
  });
  return { ...z, data };
}

/** The largest of each 2 × 2 window at stride 2, with a border of one pixel that never wins. */
function pooledWithBorder(x: Activations): Activations {
  const size = Math.floor(x.h / 2) + 1;
  const y: Activations = { ...x, h: size, w: size, data: [] };
  for (let n = 0; n < x.n; n++)
    for (let c = 0; c < x.c; c++)
      for (const row of times(size, (i) => i))
        for (const column of times(size, (i) => i)) {
          const window = [0, 1].flatMap((dh) => [0, 1].map((dw) => [2 * row + dh - 1, 2 * column + dw - 1] as const));
          const inside = window.filter(([h, w]) => h >= 0 && w >= 0 && h < x.h && w < x.w);
          y.data.push(Math.max(...inside.map(([h, w]) => get(x.data, at(x, n, c, h, w)))));
        }
  return y;
}

/** Liu et al. 2019, section 3.2, for maps of `channels` channels; the scale is the exponential of the network's output. */
export function tpn(e: Episode, w: Values, channels: number, neighbors: number, alpha: number): number[][] {
  const images: Rows = [...e.support, ...e.queries];
  const side = Math.sqrt((images[0]?.length ?? 0) / channels);
  const path = "metric.scale";
  let x: Activations = { n: images.length, c: channels, h: side, w: side, data: images.flat() };
  for (const i of [0, 1]) {
    const z = conv(x, w[`${path}.conv.${i}.weight`] ?? [], w[`${path}.conv.${i}.bias`] ?? []);
    x = pooledWithBorder(normed(z, w, `${path}.batch_norm.${i}`));
  }
  const size = x.c * x.h * x.w;
  const hidden = w[`${path}.linear.0.bias`] ?? [];
  const scale = (n: number): number => {
    const row = x.data.slice(n * size, (n + 1) * size);
    const h = hidden.map((bias, o) => {
      const weight = w[`${path}.linear.0.weight`]?.slice(o * size, (o + 1) * size) ?? [];
      return Math.max(0, bias + inner(weight, row));
    });
    return Math.exp(get(w[`${path}.linear.1.bias`], 0) + inner(h, w[`${path}.linear.1.weight`] ?? []));
  };
  const nodes = images.map((image, n) => image.map((v) => v / scale(n)));
  const dim = nodes[0]?.length ?? 0;
  const near = nodes.map((a) => nodes.map((b) => Math.exp(-squared(a, b) / dim / 2)));
  const least = near.map((row) =>
    get(
      [...row].sort((a, b) => b - a),
      Math.min(neighbors, nodes.length) - 1,
    ),
  );
  const linked = near.map((row, i) => row.map((v, j) => (v >= get(least, i) || v >= get(least, j) ? v : 0)));
  const degree = linked.map((row) => sum(row));
  const system = linked.map((row, i) =>
    row.map((v, j) => (i === j ? 1 : 0) - (alpha * v) / Math.sqrt(get(degree, i) * get(degree, j))),
  );
  const labels = nodes.map((_, i) =>
    times(e.way, (c) => (i < e.support.length && Math.floor(i / e.shot) === c ? 1 : 0)),
  );
  return solved(system, labels).slice(e.support.length);
}
