/** Compares twenty steps of whole learners on every engine and device with the f64 interpreter. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TrainingProgram } from "../../src/compiler/lower/index.js";
import type { Engine } from "../../src/runtime/engines/engine.js";
import { engines, titleOf } from "../engines/support.js";
import { apart, type Course, exact, feedsOf, type Learner, lowered, plain, trained } from "../engines/training.js";
import { initialState, type Values } from "../lower/harness.js";

const residual = `conv(3, 8, bias: false), batch_norm, relu,
  residual { conv(3, 8, bias: false), batch_norm, leaky_relu(0.1), conv(3, 8, bias: false), batch_norm }
  shortcut { conv(1, 8, bias: false), batch_norm },
  leaky_relu(0.1), max_pool(2), global_avg_pool as vector`;
const tokens = `conv(3, 8, stride: 3, pad: 0), residual { conv(3, 8, groups: 8, dilation: 2), group_norm(2), silu, layer_scale(0.5) },
  tokens, class_token, position_table,
  residual { layer_norm, attention(2) }, residual { layer_norm, linear(16), gelu, linear(8) }, layer_norm, first(token) as vector`;
const sgd = "sgd(lr: 0.02, momentum: 0.9, weight_decay: 1e-3)";

const learners: Readonly<Record<string, Learner>> = {
  "ProtoNet on a convolutional backbone": {
    metric: "prototypes",
    from: "metrics",
    optimizer: sgd,
    backbone: plain(8),
    side: 20,
  },
  "ProtoNet on a residual backbone": {
    metric: "prototypes",
    from: "metrics",
    optimizer: sgd,
    backbone: residual,
    side: 16,
  },
  "MAML, second order": {
    metric: "maml(rate: 0.1, inner: 2 steps)",
    from: "meta",
    optimizer: sgd,
    backbone: plain(8),
    side: 16,
  },
  "ProtoNet on tokens": {
    metric: "prototypes",
    from: "metrics",
    optimizer: sgd,
    backbone: tokens,
    side: 8,
  },
  R2D2: { metric: "r2d2", from: "meta", optimizer: sgd, backbone: plain(8), side: 16 },
};

const steps = 20;
/** The bound for one step from the interpreter's state, relative to the loss and to a weight's largest element (and 1). */
const differenceStep = 1e-4;
/**
 * The bound for twenty steps that each engine takes on its own, relative to a loss (and 1) and to the distance that the weights have
 * moved. Rounding sometimes moves a pixel across a kink: which of two nearly equal pixels a pool selects, or on which side of 0 a
 * ReLU is. From then on the two sequences of steps are only close to each other.
 */
const course = 5e-2;

describe.each(Object.keys(learners))("twenty steps of %s", (name) => {
  let training: TrainingProgram;
  let start: Values;
  let feeds: readonly Values[];
  let expected: Course;
  beforeAll(() => {
    training = lowered(learners[name] as Learner);
    start = initialState(training, 3);
    feeds = Array.from({ length: steps }, (_, index) => feedsOf(training, index + 1));
    expected = exact(training, start, feeds);
  }, 300_000);

  const within = (bound: (own: readonly number[]) => number, found: Values, wanted: Values): void => {
    const statistics = Object.keys(wanted).filter((path) => path.includes(".running_"));
    for (const path of [...training.trained, ...statistics]) {
      const own = wanted[path] ?? [];
      expect(apart(own, found[path]), path).toBeLessThan(bound(own));
    }
  };
  const moved = (): number => Math.max(...training.trained.map((path) => apart(start[path], expected.state[path])));
  const close = (bound: number, found: number | undefined, wanted: number | undefined, step: number): void => {
    const distance = Math.abs((found ?? Number.NaN) - (wanted ?? Number.NaN));
    expect(distance, `loss of step ${step + 1}`).toBeLessThan(bound * Math.max(1, Math.abs(wanted ?? 0)));
  };

  test("the weights go far beyond what one step may be off", () => {
    expect(moved()).toBeGreaterThan(300 * differenceStep);
  });

  for (const candidate of [engines.onnx, engines.onednn, engines.tensorflow]) {
    describe(titleOf(candidate), () => {
      const runs = test.skipIf(candidate.missing !== undefined);
      let engine: Engine;
      beforeAll(() => {
        if (candidate.missing === undefined) engine = candidate.make();
      });
      afterAll(() => engine?.dispose());

      runs(
        "each step from the interpreter's state: loss and weights",
        async () => {
          for (const index of [0, 1, 4, 9, steps - 1]) {
            const before = expected.before[index] ?? {};
            const found = await trained(engine, training, before, feeds.slice(index, index + 1));
            close(differenceStep, found.losses[0], expected.losses[index], index);
            within(
              (own) => differenceStep * Math.max(1, ...own.map(Math.abs)),
              found.state,
              expected.before[index + 1] ?? expected.state,
            );
          }
        },
        120_000,
      );

      runs(
        "its own course beside the interpreter's",
        async () => {
          const found = await trained(engine, training, start, feeds);
          found.losses.forEach((loss, index) => {
            close(course, loss, expected.losses[index], index);
          });
          within(() => course * moved(), found.state, expected.state);
        },
        120_000,
      );
    });
  }
});
