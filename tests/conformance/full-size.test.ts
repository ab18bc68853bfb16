/** Compares two engines on a step of realistic size, 84 pixels and 64 filters, which is too large for the interpreter. */
import { describe, expect, test } from "vitest";
import { engines, titleOf } from "../engines/support.js";
import { apart, feedsOf, lowered, trained } from "../engines/training.js";
import { initialState } from "../lower/harness.js";

const { onnx } = engines;

describe.each([engines.onednn, engines.tensorflow].map((other) => [titleOf(other), other] as const))(
  "onnx beside %s",
  (_, other) => {
    test.skipIf(other.missing !== undefined)(
      `ProtoNet, four blocks of 64 filters, 5 way, 5 shot, 15 queries a class`,
      async () => {
        const training = lowered({
          metric: "prototypes",
          from: "metrics",
          optimizer: "sgd(lr: 1.0)",
          backbone: "repeat 4 { conv(3, 64), batch_norm, relu, max_pool(2) } flatten as vector",
          side: 84,
          task: "5 way, 5 shot, 15 query",
        });
        const start = initialState(training, 3);
        const feeds = [feedsOf(training, 1)];
        const [one, two] = [
          await trained(onnx.make({ threads: 2 }), training, start, feeds),
          await trained(other.make({ threads: 2 }), training, start, feeds),
        ];
        const [loss = Number.NaN] = one.losses;
        expect(Math.abs(loss - (two.losses[0] ?? Number.NaN))).toBeLessThan(1e-4 * Math.max(1, loss));
        // With a learning rate of 1 and no momentum, a weight moves by its gradient. Biases under a batch norm have none.
        const moves = training.trained.map((path) => ({ path, move: apart(start[path], one.state[path]) }));
        // Rounding moves dozens of the millions of pixels across the kink of a ReLU or pool, which moves their gradients. One such
        // pixel under large weights changes a filter's gradient by a fiftieth. Without one, the two differ by less than a thousandth.
        for (const { path, move } of moves)
          expect(apart(one.state[path], two.state[path]), path).toBeLessThan(Math.max(5e-2 * move, 1e-5));
        expect(Math.max(...moves.map(({ move }) => move))).toBeGreaterThan(1e-2);
      },
      180_000,
    );
  },
);
