import { describe, expect, it } from "vitest";
import { stageGraph, stageKey } from "../../src/compiler/stages/index.js";
import type { Experiment } from "../../src/compiler/typed/tree.js";
import { digests } from "../lower/fixtures.js";
import { experimentOf } from "../lower/fsl.js";

const text = `fsl 1
import { conv64 } from "fsl:backbones"
import { prototypes } from "fsl:metrics"
import { folder } from "fsl:datasets"
param shots = 1 shot
dataset d = folder(root: "d") {
  train  random_resized_crop(32), flip, normalize
  eval   resize(36), center_crop(32), normalize
}
backbone net = conv64
metric local(k = 3) {
  fn near(a, b over f) { dot(normalize(a over f), normalize(b over f) over f) }
  classify(support: map [way, shot], query: map) -> logits [way] {
    let s = merge(support, [shot, height, width] as item)
    let q = merge(query, [height, width] as patch)
    sum(top(k, near(q, s over channel) over item as best) over patch, best)
  }
}
episode task(k = shots) = 5 way, k, 15 query
pretrain base {
  data d.train  encoder net  head linear(class)
  optimizer sgd(lr: 0.05, momentum: 0.9)
  for 2 epochs, 64 images per step, drop last
}
meta proto {
  encoder base.encoder  metric prototypes  episodes task from d.train
  optimizer adam(lr: 1e-3)
  for 2 epochs of 10 episodes, 2 episodes per step
  validate task from d.val, 20 episodes, every epoch, keep best
}
meta dn4 {
  encoder base.encoder  metric local  episodes task from d.train
  optimizer adam(lr: 1e-3)
  for 2 epochs of 10 episodes, 2 episodes per step
}
evaluate result { of proto  episodes task from d.test, 50 episodes  report accuracy }
`;

/** The key of each stage, in the order of running, as if each output's digest were a hash of its key. */
function keysOf(experiment: Experiment, seed = 0): readonly string[] {
  const outputs: Record<string, string> = {};
  const data = Object.fromEntries(Object.keys(experiment.datasets).map((id) => [id, digests("the same bytes")]));
  return stageGraph(experiment).nodes.flatMap((node) => {
    if (node.kind === "ingest") return [];
    const key = stageKey(node.stage, experiment, { seed, outputs, data }) ?? "pending";
    outputs[node.id] = `output of ${key}`;
    return [key];
  });
}
const original = keysOf(experimentOf(text));
const [base, proto, dn4, result] = original;

/** Which of the four keys replacing words of the text changes. */
function changed(from: string, to: string, more: readonly (readonly [string, string])[] = []): readonly string[] {
  let edited = text;
  for (const [word, by] of [[from, to] as const, ...more]) {
    if (!edited.includes(word)) throw new Error(`no ${word} in the text`);
    edited = edited.replaceAll(word, by);
  }
  const names = ["base", "proto", "dn4", "result"];
  const other = keysOf(experimentOf(edited));
  return names.filter((_, i) => other[i] !== original[i]);
}

describe("keys of experiments as written", () => {
  it("exist and differ", () => {
    expect(new Set(original).size).toBe(4);
    expect([base, proto, dn4, result]).not.toContain("pending");
  });

  it("stay where text is laid out anew, commented, renamed", () => {
    expect(changed("  ", "\t\n ")).toEqual([]);
    expect(changed("fsl 1\n", "fsl 1\n// A comment.\n")).toEqual([]);
    expect(changed("base", "grundlage")).toEqual([]);
    expect(
      changed("d.t", "drawings.t", [
        ["dataset d ", "dataset drawings "],
        ["d.val", "drawings.val"],
      ]),
    ).toEqual([]);
    expect(changed("task", "episode_of_five")).toEqual([]);
    expect(changed("shots", "k_shot")).toEqual([]);
    expect(changed("net", "backbone_1")).toEqual([]);
    expect(changed("fn near(", "fn similarity(", [["top(k, near(", "top(k, similarity("]])).toEqual([]);
    expect(changed("patch", "place")).toEqual([]);
    expect(changed("item", "descriptor")).toEqual([]);
    expect(
      changed("let s = merge(support", "let bank = merge(support", [["near(q, s over", "near(q, bank over"]]),
    ).toEqual([]);
    expect(changed('root: "d"', 'root: "elsewhere"')).toEqual([]);
    expect(changed("5 way, k, 15 query", "15 query, 5 way, k")).toEqual([]);
    expect(changed("lr: 0.05, momentum: 0.9", "momentum: 0.9, lr: 5e-2")).toEqual([]);
    expect(
      changed("sgd(lr: 0.05, momentum: 0.9)", "sgd(lr: 0.05, momentum: 0.9, nesterov: false, weight_decay: 0.0)"),
    ).toEqual([]);
  });

  it("tell axes of learned values and of constants apart", () => {
    const learned = (body: string): string | undefined => {
      const own = `metric own {
  learn M [way, shot] = normal(0.1)
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    ${body} + sum(M over shot) - squared_distance(query, mean(support over shot) over feature)
  }
}
meta extra { encoder conv64  metric own  episodes task from d.train  optimizer sgd(lr: 0.1)  for 1 epoch of 10 episodes }
`;
      return keysOf(experimentOf(text + own)).at(-1);
    };
    const keys = [
      learned("zeros(way)"),
      learned("sum(zeros(way, shot) over shot)"),
      learned("sum(zeros(shot) over shot)"),
      learned("sum(ones(way, shot) over shot)"),
      learned("0.0"),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("stay where declarations change places", () => {
    const stages =
      /(pretrain base \{[\s\S]*?\n\}\n)(meta proto \{[\s\S]*?\n\}\n)(meta dn4 \{[\s\S]*?\n\}\n)(evaluate.*\n)/;
    const moved = text.replace(stages, "$4$3$2$1").replace(/(backbone net.*\n)([\s\S]*)$/, "$2$1");
    expect(moved).not.toBe(text);
    expect([...keysOf(experimentOf(moved))].sort()).toEqual([...original].sort());
  });

  it("change with what they hold, and with what that changes below them", () => {
    expect(changed("lr: 0.05", "lr: 0.1")).toEqual(["base", "proto", "dn4", "result"]);
    expect(changed("adam(lr: 1e-3)", "adam(lr: 2e-3)")).toEqual(["proto", "dn4", "result"]);
    expect(changed("k = 3", "k = 1")).toEqual(["dn4"]);
    expect(changed("shots = 1 shot", "shots = 5 shot")).toEqual(["proto", "dn4", "result"]);
    expect(changed("flip, ", "")).toEqual(["base", "proto", "dn4", "result"]);
    expect(changed("resize(36)", "resize(40)")).toEqual(["proto", "result"]);
    expect(changed("50 episodes", "60 episodes")).toEqual(["result"]);
    expect(changed("metric prototypes", "metric local")).toEqual(["proto", "result"]);
    expect(keysOf(experimentOf(text), 1).filter((key) => original.includes(key))).toEqual([]);
  });

  it("follow `--set`", () => {
    const other = keysOf(experimentOf(text, { shots: "5" }));
    expect(other[0]).toBe(base);
    expect(other[1]).not.toBe(proto);
  });
});
