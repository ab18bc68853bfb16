import { expect, test } from "vitest";
import { experimentOf } from "../lower/fsl.js";

const text = (groups: string): string => `fsl 1
import { conv64, resnet12 } from "fsl:backbones"
import { emoji } from "fsl:datasets"
pretrain p {
  data emoji.train  encoder conv64  head linear(class)
  optimizer sgd(lr: 0.1, weight_decay: 0.5) { ${groups} }
  for 1 epoch, 64 images per step, drop last
}`;

/** Rates by weight, of those that a group changes. */
function rates(groups: string): Record<string, number> {
  const [stage] = experimentOf(text(groups)).stages;
  if (stage?.kind !== "pretrain") throw new Error("no pretrain");
  return Object.fromEntries(
    Object.entries(stage.optimizer.overrides).map(([path, { lr }]) => [path, Number(lr.toPrecision(12))]),
  );
}

test("rates fall layer by layer away from the head", () => {
  const found = rates("encoder.*.* lr_decay: 0.5");
  expect(found["encoder.conv.3.weight"]).toBe(0.1);
  expect(found["encoder.batch_norm.3.bias"]).toBe(0.1);
  expect(found["encoder.conv.2.bias"]).toBe(0.05);
  expect(found["encoder.conv.0.weight"]).toBe(0.0125);
  expect(found["head.linear.0.weight"]).toBeUndefined();
});

test("they fall from the rate that the weights have otherwise", () => {
  expect(rates("encoder.conv.* lr: 0.01, lr_decay: 0.1")["encoder.conv.1.weight"]).toBe(0.0001);
  const apart = rates("encoder.*.* lr_decay: 0.5; encoder.conv[0] lr: 0.8; **.bias weight_decay: 0.0");
  expect(apart["encoder.conv.0.weight"]).toBe(0.1);
  expect(apart["encoder.conv.1.weight"]).toBe(0.025);
});

test("a frozen group keeps its weights, whatever rate another gives them", () => {
  const [stage] = experimentOf(text("encoder.*.* lr_decay: 0.5; encoder.conv[0] frozen")).stages;
  if (stage?.kind !== "pretrain") throw new Error("no pretrain");
  expect(stage.optimizer.overrides["encoder.conv.0.weight"]).toEqual({ frozen: true, lr: 0.0125, weightDecay: 0.5 });
});
