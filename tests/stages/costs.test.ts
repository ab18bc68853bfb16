/** Costs in a plan: equal stages share one estimate, and whatever changes the work or the memory gives another. */
import { expect, test } from "vitest";
import { buildPlan } from "../../src/compiler/stages/index.js";
import { experimentOf } from "../check/helper.js";

const head = `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
backbone net(width = 4) { conv(3, width), relu, max_pool(4), flatten as vector }
backbone small = net()
backbone wide = net(width: 8)
dataset drawings = emoji() { train resize(16), normalize  eval resize(16), normalize }
dataset large = emoji() { train resize(32), normalize  eval resize(32), normalize }
episode task(k = 1 shot) = 5 way, k, 2 query
pretrain base {
  data drawings.train  encoder small  head linear(class)
  optimizer sgd(lr: 0.1)
  for 2 epochs, 64 images per step, drop last
}
pretrain broad like base { encoder wide }
`;

function costsOf(lines: string): readonly unknown[] {
  const engine = { name: "reference", device: "cpu", peakFactor: [1, 1] } as const;
  const { stages } = buildPlan(experimentOf(head + lines), { seed: 0, lookup: () => undefined, data: {}, engine });
  return stages.flatMap((stage) => (stage.kind === "ingest" ? [] : [stage.cost])).slice(-2);
}

const meta = `meta a {
  encoder small  metric prototypes  episodes task from drawings.train
  optimizer adam(lr: 1e-3)
  for 2 epochs of 10 episodes
}
`;
const evaluation =
  "evaluate e { encoder untrained small  metric prototypes  episodes task from drawings.test, 900 episodes }\n";
const distilled = (teacher: string): string => `pretrain of_${teacher} like base {
  loss(x: image [item], y: class [item]) {
    mean(distill(head(encoder(x, norm: batch).vector), ${teacher}(x), temperature: 4.0 over class) over all)
  }
}
`;

test.each([
  ["trainings", `${meta}meta b like a { }\n`],
  ["evaluations", `${evaluation}evaluate f like e { }\n`],
  ["stages that start from others of one network", `${meta}meta b like a { encoder base.encoder }\n`],
])("equal %s have one estimate", (_, lines) => {
  const [first, second] = costsOf(lines);
  expect(first).toBeDefined();
  expect(second).toEqual(first);
});

test("an estimate is made once", () => {
  const [first, second] = costsOf(`${meta}meta b like a { }\n`);
  expect(second).toBe(first);
});

test.each([
  ["the network", `${meta}meta b like a { encoder wide }\n`],
  ["the images", `${meta}meta b like a { episodes task from large.train }\n`],
  ["the task", `${evaluation}evaluate f like e { episodes task(k: 3 shot) from drawings.test, 900 episodes }\n`],
  ["the length", `${meta}meta b like a { for 3 epochs of 10 episodes }\n`],
  ["the size of the split", `${evaluation}evaluate f like e { episodes task from drawings.val, 900 episodes }\n`],
  ["the teacher", distilled("base") + distilled("broad")],
])("%s changes the estimate", (_, lines) => {
  const [first, second] = costsOf(lines);
  expect(first).toBeDefined();
  expect(second).not.toEqual(first);
});
