import { expect, test } from "vitest";
import { stageKey } from "../../src/compiler/stages/key.js";
import { digests } from "../lower/fixtures.js";
import { compileText, experimentOf, found, stageOf } from "./helper.js";

const head = `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset drawings = emoji() { train resize(16), normalize  eval resize(16), normalize }
episode task = 2 way, 1 shot, 1 query
backbone one { conv(3, 8), relu, flatten as vector }
backbone bare { flatten as vector }
metric scaled {
  learn t = 1.0 positive, bias = 0.0
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    bias - t * squared_distance(query, mean(support over shot) over feature)
  }
}
`;
const weights = "features.0.weight 8×3×3×3\nfeatures.0.bias 8\n";
const episode = (image: number): unknown[] => [
  { class: "ant", support: [0], query: [image] },
  { class: "bee", support: [0], query: [image] },
];
const list = (...images: number[]): string =>
  JSON.stringify({ format: 1, way: 2, shot: 1, query: 1, episodes: images.map(episode) });
const files = { "a.safetensors": weights, "b.safetensors": weights, "e.json": list(1, 2), "f.json": ` ${list(1, 2)}` };

function keyOf(text: string, stage = "r", others: Record<string, string> = files): string {
  const experiment = experimentOf(head + text, {}, others);
  const known = { seed: 0, outputs: { base: "o" }, data: { drawings: digests("d") } };
  const key = stageKey(stageOf(experiment, "evaluate", stage), experiment, known);
  if (key === undefined) throw new Error("the key is pending");
  return key;
}
const init = (file: string, task = "task from drawings.test, 20 episodes"): string =>
  `evaluate r { encoder one  metric prototypes  episodes ${task}  init encoder from "${file}" }`;

test("the file's content is in the key, its name is not", () => {
  const key = keyOf(init("a.safetensors"));
  expect(keyOf(init("b.safetensors"))).toBe(key);
  expect(
    keyOf(init("a.safetensors"), "r", { ...files, "a.safetensors": weights.replaceAll("features", "net") }),
  ).not.toBe(key);
  const untrained = init("")
    .replace(/ {2}init.*"/, "")
    .replace("encoder one", "encoder untrained one");
  expect(keyOf(untrained)).not.toBe(key);
});

test("a list of episodes is in the key by its content, however it is laid out", () => {
  const given = (file: string): string => init("a.safetensors", `"${file}" from drawings.test`);
  const key = keyOf(given("e.json"));
  expect(keyOf(given("f.json"))).toBe(key);
  expect(keyOf(given("e.json"), "r", { ...files, "e.json": list(1, 3) })).not.toBe(key);
  const stage = stageOf(experimentOf(head + given("e.json"), {}, files), "evaluate", "r");
  expect(stage.rows).toMatchObject([{ task: { way: 2, shot: 1, query: 1 }, episodes: 2, given: { path: "e.json" } }]);
});

const listed = (file: string): string => `meta r {
  encoder one  metric prototypes  episodes "${file}" from drawings.train
  optimizer adam(lr: 1e-3)  for 3 steps
}
`;

test("a training takes its episodes from a list, which fixes the task; a list may have one episode", () => {
  const one = { ...files, "one.json": list(1) };
  const experiment = experimentOf(head + listed("one.json"), {}, one);
  const stage = stageOf(experiment, "meta", "r");
  expect(stage.episodes).toMatchObject({
    task: { way: 2, shot: 1, query: 1 },
    given: { list: { path: "one.json" }, episodes: 1 },
  });
  const known = { seed: 0, outputs: {}, data: { drawings: digests("d") } };
  const keyWith = (text: string): string | undefined => {
    const other = experimentOf(head + listed("one.json"), {}, { ...one, "one.json": text });
    return stageKey(stageOf(other, "meta", "r"), other, known);
  };
  expect(keyWith(` ${list(1)}`)).toBe(stageKey(stage, experiment, known));
  expect(keyWith(list(2))).not.toBe(stageKey(stage, experiment, known));
});

test("a validation samples its episodes, and a list for it is refused", () => {
  const text = `${head}meta r {
  encoder one  metric prototypes  episodes task from drawings.train
  optimizer adam(lr: 1e-3)  for 3 steps
  validate "e.json" from drawings.val
}
`;
  const { diagnostics } = compileText(text, {}, files);
  expect(diagnostics.find(({ code }) => code === "FSL2019")?.help).toEqual([
    "only an `episodes` line takes a list from a file",
  ]);
});

test("training starts from a file too, and hands its own weights on", () => {
  const text = `${head}meta base {
  encoder one  metric prototypes  episodes task from drawings.train
  optimizer adam(lr: 1e-3)  for 1 epoch of 2 episodes, 1 episode per step
  init from "a.safetensors" { "features.0.*" -> "encoder.conv.0.*" }
}
evaluate r { of base  episodes task from drawings.test, 20 episodes }
`;
  const experiment = experimentOf(text, {}, files);
  expect(stageOf(experiment, "meta", "base").encoder.file?.names).toEqual({
    "encoder.conv.0.weight": "features.0.weight",
    "encoder.conv.0.bias": "features.0.bias",
  });
  const { encoder } = stageOf(experiment, "evaluate", "r");
  expect([encoder.from, encoder.file]).toEqual([{ stage: "base", slot: "encoder" }, undefined]);
});

test("a slot that is restated leaves the file of the stage that this one is like", () => {
  const text = `${head}${init("a.safetensors")}\nevaluate s like r { encoder bare }\n`;
  expect(stageOf(experimentOf(text, {}, files), "evaluate", "s").encoder.file).toBeUndefined();
});

test("learned values of a metric from a file are not untrained; other slots' files are refused", () => {
  const text = (line: string): string =>
    `${head}evaluate r { encoder bare  metric scaled  episodes task from drawings.test, 20 episodes  ${line} }`;
  const errors = (source: string, others: Record<string, string>): string[] =>
    found(compileText(source, {}, others)).filter((line) => !line.startsWith("FSL2007"));
  const own = { "m.safetensors": "metric.t\nmetric.bias\n" };
  expect(errors(text('init metric from "m.safetensors"'), own)).toEqual([]);
  expect(errors(text(""), own)[0]).toContain("FSL5012");
  expect(errors(text('init head from "m.safetensors"'), own)[0]).toContain("FSL2017");
  const taken = `${head}${init("a.safetensors").replace("evaluate r", "evaluate q")}
meta base { encoder one  metric prototypes  episodes task from drawings.train
  optimizer adam(lr: 1e-3)  for 1 epoch of 2 episodes, 1 episode per step }
evaluate r { encoder base.encoder  metric prototypes  episodes task from drawings.test, 20 episodes  init encoder from "a.safetensors" }`;
  expect(errors(taken, files)[0]).toContain("its encoder is that of the stage `base`");
});
