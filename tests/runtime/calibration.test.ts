/** The temperature and the threshold of predictions. */
import { expect, test } from "vitest";
import { bestTemperature, unknownBelow } from "../../src/runtime/deploy/calibration.js";

test("logits that are too large by a factor get this factor as their temperature", () => {
  // Queries of two classes whose probability of the first one is exactly 0.8, so four of five are of it.
  const logit = Math.log(0.8 / 0.2);
  for (const factor of [0.25, 1, 12]) {
    const loss = (temperature: number): number => {
      const first = 1 / (1 + Math.exp((-factor * logit) / temperature));
      return -(4 * Math.log(first) + Math.log(1 - first));
    };
    expect(bestTemperature(loss)).toBeCloseTo(factor, 4);
  }
});

test("the threshold loses the given share of the images of known classes", () => {
  const confidences = Array.from({ length: 200 }, (_, i) => i / 200);
  const calibration = { temperature: 1, episodes: 1, task: { way: 2, shot: 1, query: 1 }, confidences };
  for (const share of [0.05, 0.5]) {
    const below = unknownBelow(calibration, share);
    expect(confidences.filter((one) => one < below)).toHaveLength(share * 200);
  }
});
