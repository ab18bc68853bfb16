/** What follows the gradient, against plain formulas: clipping, averages of weights, steps in parts. */
import { describe, expect, it } from "vitest";
import { lowerTraining, type TrainingProgram } from "../../src/compiler/lower/index.js";
import { cost } from "../../src/compiler/tensor/cost.js";
import type { PretrainStage } from "../../src/compiler/typed/tree.js";
import { axis, convNet, dataset, image, NetworkBuilder, pretrain, sgd } from "./fixtures.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

const size = 8;
const flat = new NetworkBuilder(image(1, size)).flatten().as("vector").build();
const classes = 3;
const items = 6;
const random = stream(5);
const labels = [0, 2, 1, 1, 0, 2];
const images = (n: number): number[] => Array.from({ length: n * size * size }, () => Math.floor(random() * 256));
const headOf = (features: number) => new NetworkBuilder([axis("feature", features)]).linear(classes, "class").build();
const stageOf = (changes: Partial<PretrainStage>, encoder = flat, features = size * size): PretrainStage =>
  pretrain(encoder, headOf(features), classes, items, changes);
const lower = (stage: PretrainStage): TrainingProgram => lowerTraining(stage, dataset(1, size), { seed: 2 });
const near = (a: readonly number[] | undefined, b: readonly number[] | undefined, digits = 10): void => {
  expect(a?.length).toBe(b?.length);
  a?.forEach((v, i) => expect(v).toBeCloseTo(b?.[i] ?? Number.NaN, digits));
};
const paths = ["head.linear.0.weight", "head.linear.0.bias"];

/** A step in parts as the runtime takes it: each part, then the update. */
function stepInParts(
  { program, parts }: TrainingProgram,
  state: Values,
  pixels: readonly number[],
): { host: Values; state: Values } {
  if (parts === undefined) throw new Error("no parts");
  const carry = (ran: typeof program, feeds: Values, before: Values): { out: Values; after: Values } => {
    const out = run(ran, { ...before, ...feeds });
    const after = { ...before };
    for (const input of ran.inputs) if (input.next !== undefined) after[input.name] = out[input.next] ?? [];
    return { out, after };
  };
  let now = state;
  let loss = 0;
  const count = items / parts.count;
  for (let part = 0; part < parts.count; part++) {
    const feeds = {
      images: pixels.slice(part * count * size * size, (part + 1) * count * size * size),
      labels: labels.slice(part * count, (part + 1) * count),
    };
    const { out, after } = carry(parts.program, feeds, now);
    loss += (out.loss?.[0] ?? Number.NaN) / parts.count;
    now = after;
  }
  const { out, after } = carry(program, {}, now);
  return { host: { ...out, loss: [loss] }, state: after };
}

describe("weights that move in some steps only", () => {
  it("move as if their optimizer had only these steps, moments and corrections included", () => {
    const adam = { kind: "adam", lr: 0.1, weightDecay: 0.01 } as const;
    const each = { frozen: false, lr: 0.1, weightDecay: 0.01, every: 3 };
    const slow = lower(
      stageOf({ optimizer: sgd({ ...adam, overrides: Object.fromEntries(paths.map((p) => [p, each])) }) }),
    );
    const plain = lower(stageOf({ optimizer: sgd(adam) }));
    const start = initialState(slow);
    let [state, usual] = [start, initialState(plain)];
    for (let number = 1; number <= 6; number++) {
      const feeds = { images: images(items), labels };
      const before = state;
      state = step(slow, state, feeds).state;
      if (number % 3 === 0) usual = step(plain, usual, feeds).state;
      for (const path of paths) near(state[path], number % 3 === 0 ? usual[path] : before[path]);
    }
    expect(state[paths[0] ?? ""]).not.toEqual(start[paths[0] ?? ""]);
  });
});

describe("clipping", () => {
  it("scales the whole gradient to the norm, and leaves smaller ones", () => {
    const pixels = images(items);
    const plain = lower(stageOf({ optimizer: sgd({ lr: 1 }) }));
    const state = initialState(plain);
    const gradient = (training: TrainingProgram): number[] => {
      const after = step(training, state, { images: pixels, labels }).state;
      return paths.flatMap((path) => (state[path] ?? []).map((v, i) => v - (after[path]?.[i] ?? 0)));
    };
    const whole = gradient(plain);
    const norm = Math.sqrt(whole.reduce((sum, v) => sum + v * v, 0));
    const limit = norm / 3;
    near(
      gradient(lower(stageOf({ optimizer: sgd({ lr: 1, clip: limit }) }))),
      whole.map((v) => (v * limit) / (norm + 1e-6)),
    );
    near(gradient(lower(stageOf({ optimizer: sgd({ lr: 1, clip: 2 * norm }) }))), whole);
  });
});

describe("averages of the weights", () => {
  const decay = 0.8;
  const encoder = convNet(image(1, size), [2]);
  const training = lower(stageOf({ ema: decay, optimizer: sgd({ momentum: 0.9 }) }, encoder, 32));

  it("weigh the weights after each step by decay, the first ones not at all", () => {
    const seen: Values[] = [];
    let state = initialState(training);
    const path = "head.linear.0.weight";
    for (let n = 1; n <= 4; n++) {
      state = step(training, state, { images: images(items), labels }).state;
      seen.push(state);
      const weights = seen.map((_, i) => decay ** (n - 1 - i));
      const total = weights.reduce((a, b) => a + b, 0);
      const mean = (of: string): number[] =>
        (state[of] ?? []).map((_, k) =>
          seen.reduce((sum, s, i) => sum + ((weights[i] ?? 0) * (s[of]?.[k] ?? 0)) / total, 0),
        );
      near(state[`ema:${path}`], mean(path), 8);
      near(state["ema:encoder.batch_norm.0.running_var"], mean("encoder.batch_norm.0.running_var"), 8);
    }
  });

  it("change nothing of the training itself", () => {
    const without = lower(stageOf({ optimizer: sgd({ momentum: 0.9 }) }, encoder, 32));
    const pixels = images(items);
    const state = initialState(training);
    near(
      step(training, state, { images: pixels, labels }).state["encoder.conv.0.weight"],
      step(without, state, { images: pixels, labels }).state["encoder.conv.0.weight"],
    );
    expect(training.averaged).toContain("encoder.conv.0.weight");
    expect(without.averaged).toEqual([]);
  });
});

describe("a step in parts", () => {
  const parts = { epochs: 1, stepsPerEpoch: 10, perStep: items, parts: 3 };

  it("is the whole step where nothing normalizes over its images", () => {
    const optimizer = sgd({ kind: "adam", lr: 0.01, clip: 0.1, weightDecay: 0.1 });
    const whole = lower(stageOf({ optimizer, ema: 0.9 }));
    const divided = lower({ ...stageOf({ optimizer, ema: 0.9, duration: parts }), loss: lossOf(2) });
    let [one, many] = [initialState(whole), initialState(divided)];
    for (let n = 0; n < 3; n++) {
      const pixels = images(items);
      const a = step(whole, one, { images: pixels, labels });
      const b = stepInParts(divided, many, pixels);
      near(b.host.loss, a.host.loss);
      expect(b.host.lr).toEqual(a.host.lr);
      expect(b.host.finite).toEqual([1]);
      [one, many] = [a.state, b.state];
      for (const path of [...paths, ...paths.map((p) => `ema:${p}`), "step"]) near(many[path], one[path], 8);
    }
    expect(many.part).toEqual([0]);
  });

  it("has each part's batch statistics; running ones move once a step, towards their mean", () => {
    const encoder = convNet(image(1, size), [2]);
    const pixels = images(items);
    const divided = lower({ ...stageOf({ duration: parts }, encoder, 32), loss: lossOf(2, 32, encoder) });
    const alone = lower({ ...pretrain(encoder, headOf(32), classes, 2) });
    const state = initialState(divided);
    const path = "encoder.batch_norm.0.running_var";
    const each = [0, 1, 2].map(
      (p) =>
        step(alone, state, {
          images: pixels.slice(p * 2 * size * size, (p + 1) * 2 * size * size),
          labels: labels.slice(2 * p, 2 * p + 2),
        }).state,
    );
    const after = stepInParts(divided, state, pixels).state;
    for (const name of [path, "encoder.conv.0.weight"])
      near(
        after[name],
        (state[name] ?? []).map((_, k) => each.reduce((sum, s) => sum + (s[name]?.[k] ?? 0) / 3, 0)),
      );
  });

  it("holds the activations of one part", () => {
    const encoder = convNet(image(1, size), [16, 16]);
    const whole = lower(stageOf({}, encoder, 64));
    const divided = lower({ ...stageOf({ duration: parts }, encoder, 64), loss: lossOf(2, 64, encoder) });
    const part = divided.parts?.program;
    if (part === undefined) throw new Error("no parts");
    expect(cost(part).peakBytes).toBeLessThan(0.6 * cost(whole.program).peakBytes);
  });

  /** The default loss over `count` images at once. */
  function lossOf(count: number, features = size * size, encoder = flat): PretrainStage["loss"] {
    return pretrain(encoder, headOf(features), classes, count).loss;
  }
});
