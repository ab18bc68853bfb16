import { describe, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import type { Optimizer } from "../../src/compiler/typed/tree.js";
import { convNet, dataset, image, meta, prototypes, sgd } from "./fixtures.js";
import { type Activations, type Block, embed, protoNet } from "./formulas.js";
import { initialState, step, stream, type Values } from "./harness.js";

const task = { way: 3, shot: 2, query: 2 };
const channels = [3, 2];
const size = 8;
const dim = 2 * 2 * 2;
const episodes = 2;
const perEpisode = task.way * (task.shot + task.query);
const network = convNet(image(2, size), channels);
const normalize = { op: "normalize", mean: [0.3, 0.6], std: [0.25, 0.5] } as const;
const data = dataset(2, size, { train: [normalize], eval: [normalize] });

const blocksOf = (state: Values): Block[] =>
  channels.map((_, i) => ({
    weight: state[`encoder.conv.${i}.weight`] ?? [],
    bias: state[`encoder.conv.${i}.bias`] ?? [],
    gamma: state[`encoder.batch_norm.${i}.weight`] ?? [],
    beta: state[`encoder.batch_norm.${i}.bias`] ?? [],
  }));

/** The same step by hand: loss, accuracy, gradients by path and the mean statistics of the episodes. */
function byHand(state: Values, images: readonly number[]) {
  const blocks = blocksOf(state);
  const gradients: Record<string, number[]> = {};
  const statistics: Record<string, number[]> = {};
  const add = (to: Record<string, number[]>, path: string, values: readonly number[]): void => {
    to[path] = values.map((v, i) => (to[path]?.[i] ?? 0) + v / episodes);
  };
  let loss = 0;
  let accuracy = 0;
  for (let e = 0; e < episodes; e++) {
    const pixels = images.slice(e * perEpisode * 2 * size * size, (e + 1) * perEpisode * 2 * size * size);
    const batch: Activations = {
      n: perEpisode,
      c: 2,
      h: size,
      w: size,
      data: pixels.map((v, i) => {
        const c = Math.floor(i / (size * size)) % 2;
        return (v / 255 - (normalize.mean[c] ?? 0)) / (normalize.std[c] ?? 1);
      }),
    };
    const run = embed(batch, blocks);
    const result = protoNet(run.features.data, dim, task);
    loss += result.loss / episodes;
    accuracy += result.accuracy / episodes;
    run.backward(result.dfeatures).forEach((g, i) => {
      add(gradients, `encoder.conv.${i}.weight`, g.weight);
      // Batch norm takes the bias out again: its derivative is 0, which Adam must not divide rounding errors by.
      close(
        g.bias,
        g.bias.map(() => 0),
        1e-12,
      );
      add(
        gradients,
        `encoder.conv.${i}.bias`,
        g.bias.map(() => 0),
      );
      add(gradients, `encoder.batch_norm.${i}.weight`, g.gamma);
      add(gradients, `encoder.batch_norm.${i}.bias`, g.beta);
    });
    run.statistics.forEach((s, i) => {
      add(statistics, `encoder.batch_norm.${i}.running_mean`, s.mean);
      add(statistics, `encoder.batch_norm.${i}.running_var`, s.unbiased);
    });
  }
  return { loss, accuracy, gradients, statistics };
}

/** PyTorch's update rules, one number at a time. */
class Rule {
  private readonly kept = new Map<string, number[]>();
  private count = 0;
  constructor(private readonly o: Optimizer) {}

  apply(state: Values, gradients: Record<string, number[]>): Values {
    this.count++;
    const norm = Math.sqrt(
      Object.values(gradients)
        .flat()
        .reduce((s, g) => s + g * g, 0),
    );
    const clip = this.o.clip === undefined ? 1 : Math.min(1, this.o.clip / (norm + 1e-6));
    const after: Values = { ...state };
    for (const [path, raw] of Object.entries(gradients)) {
      const override = this.o.overrides[path];
      if (override?.frozen) continue;
      const lr = override?.lr ?? this.o.lr;
      const decay = override?.weightDecay ?? this.o.weightDecay;
      after[path] = (state[path] ?? []).map((w, i) => this.one(`${path}.${i}`, w, (raw[i] ?? 0) * clip, lr, decay));
    }
    return after;
  }

  private one(name: string, w: number, raw: number, lr: number, decay: number): number {
    const { kind, momentum, nesterov, beta1, beta2, eps } = this.o;
    const [m = 0, v = 0] = this.kept.get(name) ?? [];
    const g = kind === "adamw" ? raw : raw + decay * w;
    if (kind === "sgd") {
      const buffer = momentum * m + g;
      this.kept.set(name, [buffer]);
      return w - lr * (momentum === 0 ? g : nesterov ? g + momentum * buffer : buffer);
    }
    const m1 = beta1 * m + (1 - beta1) * g;
    const v1 = beta2 * v + (1 - beta2) * g * g;
    this.kept.set(name, [m1, v1]);
    const mhat = m1 / (1 - beta1 ** this.count);
    const vhat = v1 / (1 - beta2 ** this.count);
    const kept = kind === "adamw" ? w - lr * decay * w : w;
    return kept - (lr * mhat) / (Math.sqrt(vhat) + eps);
  }
}

function close(actual: readonly number[] | undefined, expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    const difference = Math.abs((actual?.[i] ?? Number.NaN) - value) / Math.max(1, Math.abs(value));
    expect(difference).toBeLessThan(tolerance);
  });
}

const optimizers: Record<string, Optimizer> = {
  sgd: sgd({ lr: 0.05 }),
  "sgd with momentum and decay": sgd({ lr: 0.05, momentum: 0.9, weightDecay: 0.01 }),
  "nesterov, clipped": sgd({ lr: 0.05, momentum: 0.9, nesterov: true, clip: 0.5 }),
  adam: sgd({ kind: "adam", lr: 0.01, weightDecay: 0.01 }),
  adamw: sgd({ kind: "adamw", lr: 0.01, weightDecay: 0.1 }),
  "groups of their own": sgd({
    lr: 0.05,
    weightDecay: 0.01,
    overrides: {
      "encoder.conv.0.weight": { frozen: true, lr: 0.05, weightDecay: 0.01 },
      "encoder.batch_norm.1.weight": { frozen: false, lr: 0.5, weightDecay: 0 },
    },
  }),
};

describe("a ProtoNet step against formulas", () => {
  // Few grey levels, so that pooling windows tie and pixels repeat.
  for (const levels of [2, 200]) {
    for (const [name, optimizer] of Object.entries(optimizers)) {
      it(`${name}, ${levels} grey levels, three steps`, () => {
        const training = lowerTraining(meta(network, prototypes(task, dim), task, episodes, { optimizer }), data, {
          seed: 0,
        });
        const random = stream(levels);
        const rule = new Rule(optimizer);
        let state = initialState(training, 7);
        let expected = { ...state };
        for (let i = 0; i < 3; i++) {
          const images = Array.from(
            { length: episodes * perEpisode * 2 * size * size },
            () => Math.floor(random() * levels) * Math.floor(255 / (levels - 1)),
          );
          const hand = byHand(expected, images);
          const result = step(training, state, { images });
          close(result.host.loss, [hand.loss], 1e-9);
          close(result.host.accuracy, [hand.accuracy], 1e-9);
          close(result.host.lr, [optimizer.lr], 1e-12);
          expect(result.host.finite).toEqual([1]);
          expected = rule.apply(expected, hand.gradients);
          for (const [path, values] of Object.entries(hand.statistics)) {
            expected[path] = values.map((v, j) => 0.9 * (expected[path]?.[j] ?? 0) + 0.1 * v);
          }
          for (const decl of training.weights) close(result.state[decl.path], expected[decl.path] ?? [], 1e-9);
          state = result.state;
        }
        expect(state.step).toEqual([3]);
      });
    }
  }

  it("lets a not-a-number through to the flag", () => {
    const training = lowerTraining(meta(network, prototypes(task, dim), task, episodes), data, { seed: 0 });
    const state = initialState(training);
    const images = Array<number>(episodes * perEpisode * 2 * size * size).fill(17);
    const poisoned = {
      ...state,
      "encoder.conv.0.weight": (state["encoder.conv.0.weight"] ?? []).map(() => Number.NaN),
    };
    expect(step(training, poisoned, { images }).host.finite).toEqual([0]);
  });

  it("scores chance where all images are one", () => {
    const training = lowerTraining(meta(network, prototypes(task, dim), task, episodes), data, { seed: 0 });
    const images = Array<number>(episodes * perEpisode * 2 * size * size).fill(17);
    const { host } = step(training, initialState(training), { images });
    close(host.accuracy, [1 / 3], 1e-12);
    close(host.loss, [Math.log(3)], 1e-12);
  });
});
