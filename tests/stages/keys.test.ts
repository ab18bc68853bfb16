import { describe, expect, it } from "vitest";
import {
  differencesInBrief,
  keyContent,
  keyDifferences,
  type StageInputs,
  stageDatasets,
  stageGraph,
  stageKey,
} from "../../src/compiler/stages/index.js";
import { semanticsOf } from "../../src/compiler/stages/semantics.js";
import type { Block, Expr, MetaStage, Metric, Stage } from "../../src/compiler/typed/tree.js";
import { block, digests, expr, prototypes, sgd } from "../lower/fixtures.js";
import { experiment, metric, type Parts, parts, task } from "./experiments.js";

const inputs: StageInputs = { seed: 0, outputs: { base: "B", proto: "P" }, data: { d: digests("D") } };
const key = (stage: Stage, p: Parts = parts(), given: StageInputs = inputs): string | undefined =>
  stageKey(stage, experiment(p), given);

/** A copy in which every span lies elsewhere. */
const reformatted = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (name, v: unknown) =>
    name === "span" ? { file: "b.fsl", start: 7, end: 9 } : v,
  ) as T;

describe("the stage graph", () => {
  it("has what the wanted stages need, each after its needs", () => {
    const { nodes } = stageGraph(experiment());
    expect(nodes.map(({ id, kind, needs }) => [id, kind, needs])).toEqual([
      ["data:d", "ingest", []],
      ["base", "pretrain", ["data:d"]],
      ["proto", "meta", ["base", "data:d"]],
      ["result", "evaluate", ["proto", "data:d"]],
      ["direct", "evaluate", ["base", "data:d"]],
    ]);
  });
  it("leaves out what nothing wanted needs", () => {
    expect(stageGraph(experiment(), ["direct"]).nodes.map((n) => n.id)).toEqual(["data:d", "base", "direct"]);
  });
  it("knows the datasets of validation", () => {
    const { proto } = parts();
    const { validate } = proto;
    if (validate === undefined) throw new Error("it validates");
    const other = { ...proto, validate: { ...validate, split: { ...validate.split, dataset: "other" } } };
    expect(stageDatasets(other)).toEqual(["d", "other"]);
  });
});

describe("a key", () => {
  it("is pending while an input has no digest", () => {
    const p = parts();
    expect(key(p.base, p, { ...inputs, data: {} })).toBeUndefined();
    expect(key(p.proto, p, { ...inputs, outputs: {} })).toBeUndefined();
    expect(key(p.base, p, { ...inputs, outputs: {} })).toMatch(/^[0-9a-f]{64}$/);
  });

  it("does not see spans, names, order of declarations, roots and facts", () => {
    const p = parts();
    const renamed: Parts = {
      base: { ...p.base, name: "grundlage", id: "m.grundlage" },
      proto: { ...p.proto, name: "x" },
      result: { ...p.result, name: "y", id: "y" },
      direct: p.direct,
      data: {
        ...p.data,
        name: "bilder",
        source: { kind: "folder", args: { root: "elsewhere" } },
        facts: { splits: {} },
      },
    };
    const q = reformatted(renamed);
    const moved = { ...experiment(q), stages: [...experiment(q).stages].reverse(), file: "b.fsl" };
    for (const which of ["base", "proto", "result", "direct"] as const) {
      expect(stageKey(q[which], moved, inputs)).toBe(key(p[which]));
    }
    const network = { ...p.base.encoder.value, name: "other" };
    expect(key({ ...p.base, encoder: { ...p.base.encoder, value: network } })).toBe(key(p.base));
    expect(key({ ...p.proto, metric: { ...p.proto.metric, value: { ...metric, name: "other" } } })).toBe(key(p.proto));
  });

  it("does not see ids of stages and datasets, only what they hold", () => {
    const p = parts();
    const from = { stage: "renamed", slot: "encoder" as const };
    const proto = { ...p.proto, encoder: { ...p.proto.encoder, from }, needs: ["renamed"] };
    expect(key(proto, p, { ...inputs, outputs: { renamed: "B" } })).toBe(key(p.proto));
    expect(key(p.proto, p, { ...inputs, outputs: { base: "another" } })).not.toBe(key(p.proto));
    const data = { ...p.data, id: "birds" };
    const base = { ...p.base, data: { ...p.base.data, dataset: "birds" } };
    expect(key(base, { ...p, data }, { ...inputs, data: { birds: digests("D") } })).toBe(key(p.base));
  });

  it("does not see the author's names of parameters, locals and axes, or entries that are not used", () => {
    const { proto } = parts();
    const classify = metric.entries.classify;
    if (classify === undefined) throw new Error("it classifies");
    const text = JSON.stringify(classify).replaceAll('"support"', '"s"').replaceAll('"query"', '"q"');
    const other: Metric = {
      ...metric,
      entries: { contrast: { ...classify, name: "contrast" }, classify: JSON.parse(text) as typeof classify },
    };
    expect(key({ ...proto, metric: { ...proto.metric, value: other } })).toBe(key(proto));
  });

  it("follows locals and axes, whatever their numbers and names", () => {
    const { base } = parts();
    const program = (numbers: readonly [number, number], axis: string): Block => {
      const [a, b] = numbers;
      const local = (n: number): Expr => expr({ k: "local", local: n }, []);
      const vector = expr({ k: "fill", value: 1 }, []);
      return {
        statements: [
          { kind: "let", local: a, value: expr({ k: "rename", x: vector, renames: [{ from: "item", to: axis }] }, []) },
          { kind: "let", local: b, value: expr({ k: "reduce", op: "sum", x: local(a), over: [axis] }, []) },
        ],
        result: local(b),
      };
    };
    const one = key({ ...base, loss: program([0, 1], "patch") });
    expect(key({ ...base, loss: program([9, 4], "p") })).toBe(one);
    const swapped: Block = { ...program([0, 1], "patch"), result: expr({ k: "local", local: 0 }, []) };
    expect(key({ ...base, loss: swapped })).not.toBe(one);
    expect(key({ ...base, loss: program([0, 1], "class") })).not.toBe(one);
  });

  it("sees what changes the numbers", () => {
    const p = parts();
    const { proto } = p;
    const changed: Record<string, MetaStage> = {
      lr: { ...proto, optimizer: { ...proto.optimizer, lr: 2e-3 } },
      optimizer: { ...proto, optimizer: sgd() },
      override: {
        ...proto,
        optimizer: {
          ...proto.optimizer,
          overrides: { "encoder.conv.0.bias": { frozen: true, lr: 1e-3, weightDecay: 0 } },
        },
      },
      shots: { ...proto, episodes: { ...proto.episodes, task: { ...task, shot: 2 } } },
      schedule: { ...proto, schedule: { kind: "cosine", over: 10, to: 0, warmup: 0 } },
      duration: { ...proto, duration: { ...proto.duration, epochs: 2 } },
      "episodes per step": { ...proto, duration: { ...proto.duration, perStep: 4 } },
      split: { ...proto, episodes: { ...proto.episodes, split: { ...proto.episodes.split, split: "val" } } },
      frozen: { ...proto, encoder: { ...proto.encoder, frozen: true } },
      fresh: { ...proto, encoder: { ...proto.encoder, from: undefined } },
      validation: { ...proto, validate: undefined },
      loss: { ...proto, loss: block(expr({ k: "binary", op: "mul", a: proto.loss.result, b: proto.loss.result }, [])) },
      metric: { ...proto, metric: { ...proto.metric, value: prototypes({ ...task, shot: 2 }, 8) } },
    };
    const keys = Object.values(changed).map((stage) => key(stage));
    expect(new Set([...keys, key(proto)]).size).toBe(keys.length + 1);
    expect(key(proto, p, { ...inputs, seed: 1 })).not.toBe(key(proto));
    expect(key(proto, p, { ...inputs, data: { d: digests("E") } })).not.toBe(key(proto));
  });

  it("sees the transforms that its images go through, and no others", () => {
    const p = parts();
    const flip = { op: "flip", p: 0.5 } as const;
    const train: Parts = { ...p, data: { ...p.data, train: [flip, ...p.data.train] } };
    expect(key(p.base, train)).not.toBe(key(p.base));
    expect(key(p.direct, train)).toBe(key(p.direct));
    const evaluation: Parts = { ...p, data: { ...p.data, eval: [{ op: "resize", size: 8 }, ...p.data.eval] } };
    expect(key(p.base, evaluation)).toBe(key(p.base));
    expect(key(p.direct, evaluation)).not.toBe(key(p.direct));
    expect(key(p.proto, evaluation)).not.toBe(key(p.proto)); // It validates.
  });

  it("holds the versions of what is drawn: initial weights, episodes that share nothing, passes of images that were skipped", () => {
    const p = parts();
    const versions = (stage: Stage, given: Parts = p): Readonly<Record<string, number>> =>
      semanticsOf(stage, experiment(given));
    const { direct } = p;
    expect(versions(direct)).not.toHaveProperty("initial_weights");
    const untrained = { ...direct, encoder: { ...direct.encoder, from: undefined } };
    expect(versions(untrained)).toHaveProperty("initial_weights");
    const file = { path: "w.safetensors", digest: "W", names: {}, span: direct.span };
    expect(versions({ ...untrained, encoder: { ...untrained.encoder, file } })).not.toHaveProperty("initial_weights");
    const scale: Metric["learns"][number] = {
      kind: "tensor",
      name: "scale",
      axes: [],
      init: { kind: "normal", mean: 0, std: 1 },
      positive: false,
      span: direct.span,
    };
    expect(versions({ ...direct, metric: { ...direct.metric, value: { ...metric, learns: [scale] } } })).toHaveProperty(
      "initial_weights",
    );
    expect(versions(direct)).not.toHaveProperty("disjoint_sampler");
    expect(versions({ ...direct, report: [{ kind: "accuracy_disjoint" }] })).toHaveProperty("disjoint_sampler");
    const skipping: Parts = { ...p, data: { ...p.data, unreadable: "skip" } };
    expect(versions(p.base)).not.toHaveProperty("short_passes");
    expect(versions(p.base, skipping)).toHaveProperty("short_passes");
    expect(versions(p.direct, skipping)).toEqual(versions(p.direct));
  });

  it("says which fields differ", () => {
    const { proto } = parts();
    const content = (stage: Stage) => keyContent(stage, experiment(), inputs) ?? null;
    const other = {
      ...proto,
      optimizer: { ...proto.optimizer, lr: 1 },
      episodes: { ...proto.episodes, task: { ...task, shot: 5 } },
    };
    expect(keyDifferences(content(proto), content(other))).toEqual(["stage.episodes.task.shot", "stage.optimizer.lr"]);
    expect(keyDifferences(content(proto), content(proto))).toEqual([]);
  });

  it("says in brief where much differs: parts of the stage instead of every field in them", () => {
    const paths = Array.from({ length: 9 }, (_, i) => [
      `stage.encoder.value.layers.${i}.op`,
      `stage.encoder.from.${i}`,
    ]);
    const wide = [...paths.flat(), "stage.rows.0.task.shot", "semantics.layer.residual"];
    expect(differencesInBrief(wide)).toEqual(["stage.encoder.value", "stage.encoder.from", "stage.rows.0"]);
    expect(differencesInBrief(wide, 2)).toEqual(["stage.encoder", "stage.rows"]);
    expect(differencesInBrief(["stage.optimizer.lr", "semantics.expr.dot"])).toEqual(["stage.optimizer.lr"]);
    expect(differencesInBrief(["semantics.expr.dot"])).toEqual(["semantics.expr.dot"]);
  });
});
