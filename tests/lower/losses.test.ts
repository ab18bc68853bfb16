/** Losses of `pretrain` against their papers' formulas: pixels straight into a linear head, so that logits are a matrix product. */
import { describe, expect, it } from "vitest";
import { lowerTraining, type TrainingProgram } from "../../src/compiler/lower/index.js";
import type { Experiment, PretrainStage } from "../../src/compiler/typed/tree.js";
import { experimentOf } from "./fsl.js";
import { initialState, step, stream, type Values } from "./harness.js";

const side = 4;
const features = 3 * side * side;
const items = 6;
const classes = 64;

const file = (stages: string): string => `fsl 1
import { emoji } from "fsl:datasets"
import { cosine_margin, outside_box } from "fsl:functions"
dataset d = emoji() { train resize(${side})  eval resize(${side}) }
backbone pixels { flatten as vector }
${stages}
fn _uses(x over h, w) { cosine_margin(x, label(h)) + outside_box(0.5 over h, w) }
`;
const lines = `data d.train  encoder pixels  head linear(class)  optimizer sgd(lr: 0.1)  for 1 epoch, ${items} images per step, drop last`;
const withLoss = (body: string, more = lines): string =>
  file(`pretrain p { ${more}\n loss(x: image [item], y: class [item]) { ${body} } }`);
const logits = "let z = head(encoder(x, norm: batch).vector)";

interface Lowered {
  readonly stage: PretrainStage;
  readonly training: TrainingProgram;
}
function lowered(text: string, id = "p", seed = 3): Lowered {
  const experiment = experimentOf(text);
  const stage = pretrainOf(experiment, id);
  const [dataset] = Object.values(experiment.datasets);
  if (dataset === undefined) throw new Error("no dataset");
  return { stage, training: lowerTraining(stage, dataset, { seed }) };
}
function pretrainOf({ stages }: Experiment, id: string): PretrainStage {
  const stage = stages.find((one) => one.id === id);
  if (stage?.kind !== "pretrain") throw new Error(`no pretrain ${id}`);
  return stage;
}

const random = stream(17);
const images = Array.from({ length: items * features }, () => Math.floor(random() * 256));
const labels = [0, 63, 7, 7, 30, 1];
const pixels = (i: number): number[] => images.slice(i * features, (i + 1) * features).map((v) => v / 255);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function lossOf({ training }: Lowered, state: Values = initialState(training), finished = 0): number {
  return step(training, { ...state, step: [finished] }, { images, labels }).host.loss?.[0] ?? Number.NaN;
}

// ------------------------------------------------------------ formulas

const scores = (x: readonly number[], state: Values, prefix = "head"): number[] =>
  range(classes).map(
    (c) =>
      (state[`${prefix}.linear.0.bias`]?.[c] ?? 0) +
      sum(x.map((v, k) => v * (state[`${prefix}.linear.0.weight`]?.[c * features + k] ?? 0))),
  );
const logSoftmax = (z: readonly number[]): number[] => {
  const mass = Math.log(sum(z.map(Math.exp)));
  return z.map((v) => v - mass);
};
const crossEntropy = (z: readonly number[], y: number): number => -(logSoftmax(z)[y] ?? 0);
const bce = (z: number, t: number): number => {
  const p = 1 / (1 + Math.exp(-z));
  return -t * Math.log(p) - (1 - t) * Math.log(1 - p);
};
const mean = (values: readonly number[]): number => sum(values) / values.length;
/** A square image by channel, counter-clockwise by quarters: the element at (row, column) of the turned one. */
function turned(x: readonly number[], quarters: number): number[] {
  if (quarters === 0) return [...x];
  const once = range(features).map((at) => {
    const [c, row, column] = [Math.floor(at / side / side), Math.floor(at / side) % side, at % side];
    return x[c * side * side + column * side + (side - 1 - row)] ?? 0;
  });
  return turned(once, quarters - 1);
}

describe("targets", () => {
  it("a teacher's: half the labels, half the softened logits of a finished stage (Hinton et al. 2015)", () => {
    const text = file(`pretrain base { ${lines} }
      pretrain p like base { loss(x: image [item], y: class [item]) {
        ${logits}
        mean(0.5 * cross_entropy(z, y) + 0.5 * distill(z, base(x), temperature: 4.0 over class) over all)
      } }`);
    const program = lowered(text);
    expect(program.stage.needs).toEqual(["base"]);
    expect(program.stage.blockers).toEqual([]);
    const state = initialState(program.training);
    const teacher = lowered(text, "base");
    for (const [path, values] of Object.entries(initialState(teacher.training, 8)))
      state[`stage:base:${path}`] = values;
    const expected = mean(
      range(items).map((i) => {
        const z = scores(pixels(i), state);
        const t = logSoftmax(scores(pixels(i), state, "stage:base:head").map((v) => v / 4));
        const own = logSoftmax(z.map((v) => v / 4));
        const kl = sum(t.map((v, c) => Math.exp(v) * (v - (own[c] ?? 0))));
        return 0.5 * crossEntropy(z, labels[i] ?? 0) + 0.5 * 16 * kl;
      }),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 8);
  });

  it("a teacher's head is on its encoder's vector, whatever other outputs have features", () => {
    const two = file(`pretrain base { ${lines.replace("encoder pixels", "encoder two")} }
      pretrain p { ${lines} loss(x: image [item], y: class [item]) {
        ${logits}
        mean(cross_entropy(z, y) over all) + mean(base(x) * base(x) over all)
      } }`).replace("backbone pixels", "backbone two { flatten as early, linear(5), tanh as vector }\nbackbone pixels");
    const program = lowered(two);
    const state = initialState(program.training);
    for (const [path, values] of Object.entries(initialState(lowered(two, "base").training, 8)))
      state[`stage:base:${path}`] = values;
    const map = (x: readonly number[], path: string, out: number): number[] =>
      range(out).map(
        (o) =>
          (state[`stage:base:${path}.bias`]?.[o] ?? 0) +
          sum(x.map((v, k) => v * (state[`stage:base:${path}.weight`]?.[o * x.length + k] ?? 0))),
      );
    const expected = mean(
      range(items).map((i) => {
        const vector = map(pixels(i), "encoder.linear.0", 5).map(Math.tanh);
        const taught = mean(map(vector, "head.linear.0", classes).map((v) => v * v));
        return crossEntropy(scores(pixels(i), state), labels[i] ?? 0) + taught;
      }),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 8);
  });

  it("smoothed labels (Szegedy et al. 2016)", () => {
    const program = lowered(withLoss(`${logits}\n mean(smooth_cross_entropy(z, y, 0.2 over class) over all)`));
    const state = initialState(program.training);
    const expected = mean(
      range(items).map((i) =>
        sum(logSoftmax(scores(pixels(i), state)).map((v, c) => -v * ((c === labels[i] ? 0.8 : 0) + 0.2 / classes))),
      ),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 9);
  });

  it("of a loop's end: bounded loops and minimisations stand in losses too", () => {
    const program = lowered(
      withLoss(`${logits}
        repeat 3 from u = z { 0.5 * u + 1.0 }
        minimize w from 0.0 by sgd(lr: 0.25) for 2 steps { (w - 4.0) ^ 2 }
        w * mean(cross_entropy(u, y) over all)`),
    );
    expect(program.stage.blockers).toEqual([]);
    const state = initialState(program.training);
    // w: 0 → 2 → 3; u: a constant added to all logits changes nothing.
    const expected = mean(
      range(items).map((i) =>
        crossEntropy(
          scores(pixels(i), state).map((v) => v / 8),
          labels[i] ?? 0,
        ),
      ),
    );
    expect(lossOf(program, state)).toBeCloseTo(3 * expected, 8);
  });

  it("cosines less a margin at the true class (Wang et al. 2018; Liu et al. 2020)", () => {
    const head = lines.replace("linear(class)", "cosine_linear(class, scale: 1.0)");
    const body = `${logits}\n mean(cross_entropy(cosine_margin(z, y, margin: -0.3, scale: 12.0), y) over all)`;
    const program = lowered(withLoss(body, head));
    const state = initialState(program.training);
    const weight = state["head.cosine_linear.0.weight"] ?? [];
    const norm = (v: readonly number[]): number => Math.sqrt(sum(v.map((a) => a * a)));
    const expected = mean(
      range(items).map((i) => {
        const x = pixels(i);
        const z = range(classes).map((c) => {
          const w = weight.slice(c * features, (c + 1) * features);
          const cosine = sum(x.map((v, k) => v * (w[k] ?? 0))) / norm(x) / norm(w);
          return 12 * (cosine + (c === labels[i] ? 0.3 : 0));
        });
        return crossEntropy(z, labels[i] ?? 0);
      }),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 8);
  });
});

describe("mixed images", () => {
  const draws = "let p = permutation(item)\n let w = beta(0.4, 0.4)";
  /** What the first step draws: the same draws in the same order, looked at. */
  const drawn = (body: string): number =>
    lossOf(lowered(withLoss(`${draws}\n ${logits}\n 0 * mean(z over all) + ${body}`)));
  /** Whole numbers below `base`, written as the digits of one. */
  const digits = (value: number, base: number, count: number): number[] =>
    range(count).map((i) => Math.floor(value / base ** i) % base);
  const order = "sum(pick(position(item), p over item) * 8 ^ position(item) over item)";

  it("are w · x + (1 − w) · x[p], and so are their targets (Zhang et al. 2018)", () => {
    const program = lowered(
      withLoss(`${draws}
        let z = head(encoder(blend(x, pick(x, p over item), w), norm: batch).vector)
        mean(w * cross_entropy(z, y) + (1 - w) * cross_entropy(z, pick(y, p over item)) over all)`),
    );
    const state = initialState(program.training);
    const w = drawn("w + 0 * mean(pick(position(item), p over item) over all)");
    const p = digits(drawn(`w * 0 + ${order}`), 8, items);
    expect([...p].sort((a, b) => a - b)).toEqual(range(items));
    expect(p).not.toEqual(range(items));
    expect(w).toBeGreaterThan(0);
    expect(w).toBeLessThan(1);
    const expected = mean(
      range(items).map((i) => {
        const other = p[i] ?? 0;
        const x = pixels(i).map((v, k) => w * v + (1 - w) * (pixels(other)[k] ?? 0));
        const z = scores(x, state);
        return w * crossEntropy(z, labels[i] ?? 0) + (1 - w) * crossEntropy(z, labels[other] ?? 0);
      }),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 8);
  });

  it("may be cut: a box of the other image, whose share is the weight of its label (Yun et al. 2019)", () => {
    const cut = "let mask = outside_box(1 - beta(1.0, 1.0) over height, width)";
    const program = lowered(
      withLoss(`let p = permutation(item)\n ${cut}
        let w = mean(mask over all)
        let z = head(encoder(blend(x, pick(x, p over item), mask), norm: batch).vector)
        mean(w * cross_entropy(z, y) + (1 - w) * cross_entropy(z, pick(y, p over item)) over all)`),
    );
    const state = initialState(program.training);
    const look = (body: string): Lowered =>
      lowered(
        withLoss(`let p = permutation(item)\n ${cut}\n ${logits}
        0 * mean(z over all) + 0 * mean(mask over all) + ${body}`),
      );
    const orders = look(order);
    const masks = look(`sum(mask * 2 ^ (${side} * position(height) + position(width)) over all)`);
    const shares = new Set<number>();
    for (const at of [0, 1, 2, 3]) {
      const p = digits(lossOf(orders, undefined, at), 8, items);
      const mask = digits(lossOf(masks, undefined, at), 2, side * side);
      const w = mean(mask);
      shares.add(w);
      const expected = mean(
        range(items).map((i) => {
          const other = p[i] ?? 0;
          const x = pixels(i).map((v, k) => (mask[k % (side * side)] === 1 ? v : (pixels(other)[k] ?? 0)));
          const z = scores(x, state);
          return w * crossEntropy(z, labels[i] ?? 0) + (1 - w) * crossEntropy(z, labels[other] ?? 0);
        }),
      );
      expect(lossOf(program, state, at)).toBeCloseTo(expected, 8);
    }
    expect(shares.size).toBeGreaterThan(1);
  });

  it("draw anew at each step and with each seed, by the law", () => {
    const text = withLoss(`${logits}\n 0 * mean(z over all) + beta(0.5, 2.0)`);
    const program = lowered(text);
    const drawn = range(400).map((at) => lossOf(program, undefined, at));
    expect(lossOf(program, undefined, 5)).toBe(drawn[5]);
    expect(lossOf(lowered(text, "p", 4), undefined, 5)).not.toBe(drawn[5]);
    // Mean a / (a + b) = 0.2, variance ab / ((a + b)² (a + b + 1)) = 0.0457.
    expect(Math.abs(mean(drawn) - 0.2)).toBeLessThan(4 * Math.sqrt(0.0457 / 400));
    expect(mean(drawn.map((v) => (v - 0.2) ** 2))).toBeGreaterThan(0.03);
  });
});

describe("a call that enters an encoder at a layer", () => {
  const deep = `${lines.replace("encoder pixels", "encoder deep")}`;
  const backbone = "backbone deep { flatten, linear(5), tanh as middle, linear(4) as vector }\n";
  const textOf = (body: string): string =>
    backbone.concat(withLoss(body, deep)).replace(/^(backbone.*\n)(fsl 1\n)/, "$2$1");
  const hiddenOf = (x: readonly number[], state: Values): number[] =>
    range(5).map((h) =>
      Math.tanh(
        (state["encoder.linear.0.bias"]?.[h] ?? 0) +
          sum(x.map((v, k) => v * (state["encoder.linear.0.weight"]?.[h * features + k] ?? 0))),
      ),
    );
  const rest = (hidden: readonly number[], state: Values): number[] => {
    const v = range(4).map(
      (o) =>
        (state["encoder.linear.1.bias"]?.[o] ?? 0) +
        sum(hidden.map((h, k) => h * (state["encoder.linear.1.weight"]?.[o * 5 + k] ?? 0))),
    );
    return range(classes).map(
      (c) =>
        (state["head.linear.0.bias"]?.[c] ?? 0) +
        sum(v.map((f, k) => f * (state["head.linear.0.weight"]?.[c * 4 + k] ?? 0))),
    );
  };

  it("is the whole call in two, and another value where another one enters", () => {
    const whole = lowered(textOf("mean(cross_entropy(head(encoder(x, norm: batch).vector), y) over all)"));
    const halves = lowered(
      textOf(`let h = encoder(x, norm: batch).middle
        mean(cross_entropy(head(encoder(h, at: middle, norm: batch).vector), y) over all)`),
    );
    expect(lossOf(halves)).toBeCloseTo(lossOf(whole), 12);
    expect(halves.training.trained).toEqual(whole.training.trained);
  });

  it("mixes images or hidden values, at a place drawn at each step (manifold mixup, Verma et al. 2019)", () => {
    const draws = `let p = permutation(item)\n let w = beta(2.0, 2.0)\n let place = floor(2 * uniform())`;
    const program = lowered(
      textOf(`${draws}
        let first = blend(x, pick(x, p over item), if place == 0 { w } else { 1.0 })
        let h = encoder(first, norm: batch).middle
        let mixed = blend(h, pick(h, p over item), if place == 1 { w } else { 1.0 })
        let z = head(encoder(mixed, at: middle, norm: batch).vector)
        mean(w * cross_entropy(z, y) + (1 - w) * cross_entropy(z, pick(y, p over item)) over all)`),
    );
    const looking = (body: string): Lowered =>
      lowered(
        withLoss(`${draws}\n ${logits}
        0 * (mean(z over all) + w + place + mean(pick(position(item), p over item) over all)) + ${body}`),
      );
    const [weights, places, orders] = [
      looking("w"),
      looking("place"),
      looking("sum(pick(position(item), p over item) * 8 ^ position(item) over item)"),
    ];
    const state = initialState(program.training);
    const seen = new Set<number>();
    for (const at of range(6)) {
      const w = lossOf(weights, undefined, at);
      const place = lossOf(places, undefined, at);
      const order = lossOf(orders, undefined, at);
      seen.add(place);
      const mix = (a: readonly number[], b: readonly number[]): number[] =>
        a.map((v, k) => w * v + (1 - w) * (b[k] ?? 0));
      const expected = mean(
        range(items).map((i) => {
          const other = Math.floor(order / 8 ** i) % 8;
          const hidden =
            place === 0
              ? hiddenOf(mix(pixels(i), pixels(other)), state)
              : mix(hiddenOf(pixels(i), state), hiddenOf(pixels(other), state));
          const z = rest(hidden, state);
          return w * crossEntropy(z, labels[i] ?? 0) + (1 - w) * crossEntropy(z, labels[other] ?? 0);
        }),
      );
      expect(lossOf(program, state, at)).toBeCloseTo(expected, 8);
    }
    expect([...seen].sort()).toEqual([0, 1]);
  });
});

describe("views and heads of the loss", () => {
  const text = withLoss(
    `let views = rotations(x as turn')
     let z = head(encoder(views, norm: batch).vector)
     let turned = turns(z[class as feature])
     mean(cross_entropy(z, y) over all) + 2 * mean(binary_cross_entropy(turned, one_hot(label(turn'))) over all)`,
    `${lines}\n learn turns = linear(turn)`,
  );

  it("self-supervision by rotation: classes of all four views, and which view it is (Rajasegaran et al. 2020)", () => {
    const program = lowered(text);
    const state = initialState(program.training);
    expect(Object.keys(state).filter((path) => path.startsWith("learn."))).toEqual([
      "learn.turns.linear.0.weight",
      "learn.turns.linear.0.bias",
    ]);
    let classesOf = 0;
    let turns = 0;
    for (const i of range(items)) {
      for (const quarter of range(4)) {
        const z = scores(turned(pixels(i), quarter), state);
        classesOf += crossEntropy(z, labels[i] ?? 0) / (4 * items);
        for (const r of range(4)) {
          const weight = (state["learn.turns.linear.0.weight"] ?? []).slice(r * classes, (r + 1) * classes);
          const score = (state["learn.turns.linear.0.bias"]?.[r] ?? 0) + sum(z.map((v, c) => v * (weight[c] ?? 0)));
          turns += bce(score, r === quarter ? 1 : 0) / (16 * items);
        }
      }
    }
    expect(lossOf(program, state)).toBeCloseTo(classesOf + 2 * turns, 8);
  });

  it("are trained, addressed by groups, and no part of what the stage hands over", () => {
    const { training } = lowered(text.replace("sgd(lr: 0.1)", "sgd(lr: 0.1) { learn.turns lr: 0.0; head frozen }"));
    expect(training.trained).toEqual(["learn.turns.linear.0.weight", "learn.turns.linear.0.bias"]);
    const after = step(training, initialState(training), { images, labels }).state;
    expect(after["learn.turns.linear.0.weight"]).toEqual(initialState(training)["learn.turns.linear.0.weight"]);
    const next = experimentOf(
      text.replace(
        "fn _uses",
        `pretrain q like p { encoder p.encoder  head p.head }\npretrain r like p { of p }\nfn _uses`,
      ),
    );
    expect(pretrainOf(next, "q").head.from).toEqual({ stage: "p", slot: "head" });
    expect(pretrainOf(next, "r").encoder.from).toEqual({ stage: "p", slot: "encoder" });
    expect(pretrainOf(next, "r").learns.map(({ name }) => name)).toEqual(["turns"]);
  });

  it("may be merged with the images into one axis", () => {
    const merged = lowered(
      withLoss(`let z = head(encoder(merge(rotations(x as turn'), [item, turn'] as view), norm: batch).vector)
        mean(cross_entropy(split(z, view as [item, turn']), y) over all)`),
    );
    const apart = lowered(
      withLoss(`mean(cross_entropy(head(encoder(rotations(x as turn'), norm: batch).vector), y) over all)`),
    );
    expect(lossOf(merged)).toBeCloseTo(lossOf(apart), 10);
  });

  it("one view can be picked out: the consistency of a student with its upside-down image", () => {
    const program = lowered(
      withLoss(`${logits}
        let w = head(encoder(pick(rotations(x as turn), 2 over turn), norm: batch).vector)
        mean(sqrt(sum((z - w) ^ 2 over class)) over all)`),
    );
    const state = initialState(program.training);
    const expected = mean(
      range(items).map((i) => {
        const [z, w] = [scores(pixels(i), state), scores(turned(pixels(i), 2), state)];
        return Math.sqrt(sum(z.map((v, c) => (v - (w[c] ?? 0)) ** 2)));
      }),
    );
    expect(lossOf(program, state)).toBeCloseTo(expected, 8);
  });
});
