/** Files become experiments: slots, defaults, units, hand-offs. */
import { expect, it } from "vitest";
import { compileText, experimentOf, found, stageOf } from "./helper.js";

const quickstart = `fsl 1
import { conv64 } from "fsl:backbones"
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"

param shots = 1 shot
episode task(k = shots) = 5 way, k, 7 query

meta proto {
  encoder conv64  metric prototypes  episodes task from emoji.train
  optimizer adam(lr: 1e-3)
  for 2 epochs of 100 episodes, 4 episodes per step
  validate task from emoji.val, 200 episodes, every epoch, keep best
}
evaluate final { of proto  episodes task from emoji.test, 600 episodes  report accuracy, top2 }
`;

it("types the quickstart: task, network, slots and durations", () => {
  const experiment = experimentOf(quickstart);
  expect(experiment.wanted).toEqual(["proto", "final"]);
  expect(experiment.stages.map((stage) => stage.id)).toEqual(["proto", "final"]);
  const proto = stageOf(experiment, "meta", "proto");
  expect(proto.blockers).toEqual([]);
  expect(proto.episodes.task).toEqual({ way: 5, shot: 1, query: 7 });
  expect(proto.duration).toEqual({ epochs: 2, stepsPerEpoch: 25, perStep: 4 });
  expect(proto.encoder.value.outputs["vector"]).toEqual([{ name: "feature", size: 256 }]);
  expect(proto.metric.value.entries["classify"]?.result).toEqual({ kind: "logits", axes: [{ name: "way", size: 5 }] });
  const final = stageOf(experiment, "evaluate", "final");
  expect(final.needs).toEqual(["proto"]);
  expect(final.encoder.from).toEqual({ stage: "proto", slot: "encoder" });
  expect(final.embedOnce).toEqual({ legal: true });
  expect(final.report).toEqual([{ kind: "accuracy" }, { kind: "top", k: 2 }]);
  const twice = experimentOf(
    quickstart.replace("report accuracy, top2", "report accuracy, top2, logits, top2, logits"),
  );
  const asked = stageOf(twice, "evaluate", "final").report;
  expect(asked).toEqual([{ kind: "accuracy" }, { kind: "top", k: 2 }, { kind: "logits" }]);
});

it("gives params the values of --set, in their own unit, and remembers where they came from", () => {
  const experiment = experimentOf(quickstart.replace("7 query", "3 query"), { shots: "5" });
  expect(experiment.params).toMatchObject([{ name: "shots", value: 5, unit: "shot", origin: "--set" }]);
  expect(stageOf(experiment, "meta", "proto").episodes.task).toEqual({ way: 5, shot: 5, query: 3 });
});

it("refuses a --set of another type, or of a name that is no parameter", () => {
  expect(found(compileText(quickstart, { shots: "many" }))).toEqual([
    "FSL2012 `shots` is a count of shots, and `many` is not",
  ]);
  const huge = "9".repeat(20);
  expect(found(compileText(quickstart, { shots: huge }))).toEqual([
    `FSL2012 \`shots\` is a count of shots, and \`${huge}\` is not`,
  ]);
  const withRate = quickstart.replace("fsl 1\n", "fsl 1\nparam rate = 0.1\n").replace(/lr: [\w.-]+/, "lr: rate");
  expect(found(compileText(withRate, { rate: "1e-2" }))).toEqual([]);
  expect(found(compileText(withRate, { rate: "1e999" }))[0]).toMatch(/^FSL2012 `rate`/);
  const unknown = compileText(quickstart, { shot: "1" });
  expect(found(unknown)).toEqual(["FSL2011 `main.fsl` has no parameter `shot` to set"]);
  expect(unknown.diagnostics[0]?.help).toEqual(["did you mean `shots`?"]);
});

it("names a report that is written as a call, and offers the word that is meant", () => {
  const { diagnostics } = compileText(quickstart.replace("top2 }", "top(2) }"));
  expect(diagnostics.map(({ message, help }) => [message, help])).toEqual([
    ["there is no report called `top`", ["did you mean `top2`?"]],
  ]);
});

it("is JSON: an experiment survives being sent to a worker", () => {
  const experiment = experimentOf(quickstart);
  expect(JSON.parse(JSON.stringify(experiment))).toEqual(JSON.parse(JSON.stringify(structuredClone(experiment))));
});

it("gives a network of a metric as many features as the encoder has where it ends with `linear(feature)`", () => {
  const amortized = `metric amortized(hidden = 16) {
  learn weights = module { linear(hidden), relu, linear(feature) }
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    dot(query, weights(mean(support over shot)) over feature)
  }
}
`;
  const text = quickstart
    .replace("episode task", `${amortized}episode task`)
    .replace("metric prototypes", "metric amortized");
  const experiment = experimentOf(text.replace('import { prototypes } from "fsl:metrics"\n', ""));
  const [weights] = stageOf(experiment, "meta", "proto").metric.value.learns;
  if (weights?.kind !== "module") throw new Error("it is a module");
  expect(weights.network.weights.map(({ path, shape }) => [path, shape])).toEqual([
    ["linear.0.weight", [16, 256]],
    ["linear.0.bias", [16]],
    ["linear.1.weight", [256, 16]],
    ["linear.1.bias", [256]],
  ]);
});
