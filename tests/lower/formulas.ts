/**
 * Plain-loop formulas, forward and backward, that know nothing of the compiler: what a training step is held against.
 * Images and activations are row-major [n, c, h, w] in f64.
 */
export interface Activations {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly data: number[];
}
export const zeros = (n: number): number[] => Array<number>(n).fill(0);
export const at = (x: Activations, n: number, c: number, h: number, w: number): number =>
  ((n * x.c + c) * x.h + h) * x.w + w;
const like = (x: Activations, data: number[]): Activations => ({ ...x, data });
const get = (data: readonly number[], i: number): number => data[i] ?? Number.NaN;

/** 3×3, stride 1, zero padding 1; weight [o, c, 3, 3]. */
export function conv(x: Activations, weight: readonly number[], bias: readonly number[]): Activations {
  const o = bias.length;
  const y: Activations = { n: x.n, c: o, h: x.h, w: x.w, data: zeros(x.n * o * x.h * x.w) };
  eachTap(x, o, (input, tap, output) => {
    y.data[output] = get(y.data, output) + get(x.data, input) * get(weight, tap);
  });
  for (let n = 0; n < x.n; n++)
    for (let c = 0; c < o; c++)
      for (let h = 0; h < x.h; h++)
        for (let w = 0; w < x.w; w++) y.data[at(y, n, c, h, w)] = get(y.data, at(y, n, c, h, w)) + get(bias, c);
  return y;
}

export function convBackward(x: Activations, weight: readonly number[], dy: Activations) {
  const dx = like(x, zeros(x.data.length));
  const dweight = zeros(weight.length);
  const dbias = zeros(dy.c);
  eachTap(x, dy.c, (input, tap, output) => {
    dx.data[input] = get(dx.data, input) + get(dy.data, output) * get(weight, tap);
    dweight[tap] = get(dweight, tap) + get(dy.data, output) * get(x.data, input);
  });
  for (let n = 0; n < dy.n; n++)
    for (let c = 0; c < dy.c; c++)
      for (let h = 0; h < dy.h; h++)
        for (let w = 0; w < dy.w; w++) dbias[c] = get(dbias, c) + get(dy.data, at(dy, n, c, h, w));
  return { dx, dweight, dbias };
}

function eachTap(x: Activations, o: number, visit: (input: number, tap: number, output: number) => void): void {
  const y: Activations = { ...x, c: o, data: [] };
  for (let n = 0; n < x.n; n++)
    for (let k = 0; k < o; k++)
      for (let c = 0; c < x.c; c++)
        for (let h = 0; h < x.h; h++)
          for (let w = 0; w < x.w; w++)
            for (let i = 0; i < 3; i++)
              for (let j = 0; j < 3; j++) {
                const [r, s] = [h + i - 1, w + j - 1];
                if (r < 0 || s < 0 || r >= x.h || s >= x.w) continue;
                visit(at(x, n, c, r, s), ((k * x.c + c) * 3 + i) * 3 + j, at(y, n, k, h, w));
              }
}

export interface Normed {
  readonly y: Activations;
  readonly xhat: number[];
  readonly mean: number[];
  readonly variance: number[];
}
/** Batch statistics over all n, h, w of each channel; biased variance. */
export function batchNorm(x: Activations, gamma: readonly number[], beta: readonly number[], eps = 1e-5): Normed {
  const mean = zeros(x.c);
  const variance = zeros(x.c);
  const xhat = zeros(x.data.length);
  const y = like(x, zeros(x.data.length));
  const m = x.n * x.h * x.w;
  for (let c = 0; c < x.c; c++) {
    const places = channel(x, c);
    mean[c] = places.reduce((s, i) => s + get(x.data, i), 0) / m;
    variance[c] = places.reduce((s, i) => s + (get(x.data, i) - get(mean, c)) ** 2, 0) / m;
    for (const i of places) {
      xhat[i] = (get(x.data, i) - get(mean, c)) / Math.sqrt(get(variance, c) + eps);
      y.data[i] = get(gamma, c) * get(xhat, i) + get(beta, c);
    }
  }
  return { y, xhat, mean, variance };
}
export function batchNormBackward(
  x: Activations,
  normed: Normed,
  gamma: readonly number[],
  dy: Activations,
  eps = 1e-5,
) {
  const dx = like(x, zeros(x.data.length));
  const dgamma = zeros(x.c);
  const dbeta = zeros(x.c);
  const m = x.n * x.h * x.w;
  for (let c = 0; c < x.c; c++) {
    const places = channel(x, c);
    dbeta[c] = places.reduce((s, i) => s + get(dy.data, i), 0);
    dgamma[c] = places.reduce((s, i) => s + get(dy.data, i) * get(normed.xhat, i), 0);
    for (const i of places) {
      const inner = get(dy.data, i) - get(dbeta, c) / m - (get(normed.xhat, i) * get(dgamma, c)) / m;
      dx.data[i] = (get(gamma, c) / Math.sqrt(get(normed.variance, c) + eps)) * inner;
    }
  }
  return { dx, dgamma, dbeta };
}
function channel(x: Activations, c: number): number[] {
  const places: number[] = [];
  for (let n = 0; n < x.n; n++)
    for (let h = 0; h < x.h; h++) for (let w = 0; w < x.w; w++) places.push(at(x, n, c, h, w));
  return places;
}

/** 2×2, stride 2; the gradient goes to the first maximum in row-major order. */
export function pool(x: Activations): { y: Activations; winners: number[] } {
  const y: Activations = { n: x.n, c: x.c, h: x.h >> 1, w: x.w >> 1, data: [] };
  const winners: number[] = [];
  for (let n = 0; n < y.n; n++)
    for (let c = 0; c < y.c; c++)
      for (let h = 0; h < y.h; h++)
        for (let w = 0; w < y.w; w++) {
          let best = at(x, n, c, 2 * h, 2 * w);
          for (const i of [
            at(x, n, c, 2 * h, 2 * w + 1),
            at(x, n, c, 2 * h + 1, 2 * w),
            at(x, n, c, 2 * h + 1, 2 * w + 1),
          ])
            if (get(x.data, i) > get(x.data, best)) best = i;
          y.data.push(get(x.data, best));
          winners.push(best);
        }
  return { y, winners };
}

export interface Block {
  readonly weight: number[];
  readonly bias: number[];
  readonly gamma: number[];
  readonly beta: number[];
}
/** conv–BN–ReLU–pool blocks on one batch, with what the way back needs. */
export function embed(images: Activations, blocks: readonly Block[]) {
  const kept: { x: Activations; z: Activations; normed: Normed; winners: number[] }[] = [];
  let x = images;
  for (const b of blocks) {
    const z = conv(x, b.weight, b.bias);
    const normed = batchNorm(z, b.gamma, b.beta);
    const pooled = pool(
      like(
        normed.y,
        normed.y.data.map((v) => Math.max(0, v)),
      ),
    );
    kept.push({ x, z, normed, winners: pooled.winners });
    x = pooled.y;
  }
  const backward = (dout: readonly number[]): Block[] => {
    const gradients: Block[] = [];
    let dy = like(x, [...dout]);
    for (let i = blocks.length - 1; i >= 0; i--) {
      const b = blocks[i];
      const k = kept[i];
      if (b === undefined || k === undefined) throw new Error("no such block");
      const dn = like(k.normed.y, zeros(k.normed.y.data.length));
      k.winners.forEach((place, o) => {
        if (get(k.normed.y.data, place) > 0) dn.data[place] = get(dn.data, place) + get(dy.data, o);
      });
      const { dx: dz, dgamma, dbeta } = batchNormBackward(k.z, k.normed, b.gamma, dn);
      const { dx, dweight, dbias } = convBackward(k.x, b.weight, dz);
      gradients.unshift({ weight: dweight, bias: dbias, gamma: dgamma, beta: dbeta });
      dy = dx;
    }
    return gradients;
  };
  const statistics = kept.map((k) => {
    const m = k.z.n * k.z.h * k.z.w;
    return { mean: k.normed.mean, unbiased: k.normed.variance.map((v) => (v * m) / (m - 1)) };
  });
  return { features: x, backward, statistics };
}

/** Prototypes, squared distances, mean cross-entropy over queries; gradients in the features. */
export function protoNet(
  features: readonly number[],
  dim: number,
  { way, shot, query }: { way: number; shot: number; query: number },
) {
  const supports = way * shot;
  const f = (row: number, d: number): number => get(features, row * dim + d);
  const proto = Array.from({ length: way }, (_, c) =>
    Array.from({ length: dim }, (_, d) => {
      let sum = 0;
      for (let k = 0; k < shot; k++) sum += f(c * shot + k, d);
      return sum / shot;
    }),
  );
  const total = way * query;
  const dfeatures = zeros(features.length);
  let loss = 0;
  let credit = 0;
  for (let q = 0; q < total; q++) {
    const label = Math.floor(q / query);
    const row = supports + q;
    const logits = proto.map((p) => -p.reduce((s, v, d) => s + (f(row, d) - v) ** 2, 0));
    const peak = Math.max(...logits);
    const exps = logits.map((z) => Math.exp(z - peak));
    const mass = exps.reduce((a, b) => a + b, 0);
    loss -= (get(logits, label) - peak - Math.log(mass)) / total;
    const best = logits.filter((z) => z === peak).length;
    if (logits[label] === peak) credit += 1 / best / total;
    for (let c = 0; c < way; c++) {
      const dz = (get(exps, c) / mass - (c === label ? 1 : 0)) / total;
      for (let d = 0; d < dim; d++) {
        const difference = f(row, d) - get(proto[c] ?? [], d);
        dfeatures[row * dim + d] = get(dfeatures, row * dim + d) - 2 * dz * difference;
        for (let k = 0; k < shot; k++) {
          const s = (c * shot + k) * dim + d;
          dfeatures[s] = get(dfeatures, s) + (2 * dz * difference) / shot;
        }
      }
    }
  }
  return { loss, accuracy: credit, dfeatures };
}
