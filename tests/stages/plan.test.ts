import { describe, expect, it } from "vitest";
import { printPlan } from "../../src/cli/print/plan.js";
import { buildPlan, keyContent, type PlanOptions, stageKey } from "../../src/compiler/stages/index.js";
import type { EvaluateStage } from "../../src/compiler/typed/tree.js";
import { digests, prototypes } from "../lower/fixtures.js";
import { experiment, parts, task } from "./experiments.js";

const options: PlanOptions = {
  seed: 0,
  lookup: () => undefined,
  data: { d: digests("D") },
  engine: { name: "onnx", device: "cpu", peakFactor: [1, 1.5] },
};
const baseKey = stageKey(parts().base, experiment(), { seed: 0, outputs: {}, data: { d: digests("D") } }) ?? "";

describe("the plan", () => {
  const plan = buildPlan(experiment(), options);
  const of = (id: string) => plan.stages.find((stage) => stage.id === id);

  it("is JSON-safe and in the order of running", () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(JSON.stringify(plan)).not.toContain("null");
    expect(plan.stages.map((stage) => stage.id)).toEqual(["data:d", "base", "proto", "result", "direct"]);
  });

  it("has keys as far as inputs exist, and says what the others wait for", () => {
    expect(of("base")).toMatchObject({ key: baseKey, status: { cached: false, because: { kind: "not stored" } } });
    expect(of("proto")).toMatchObject({
      key: "pending",
      status: { cached: false, because: { kind: "waits", for: ["base"] } },
    });
    const unpacked = buildPlan(experiment(), { ...options, data: {} });
    expect(unpacked.stages[0]).toMatchObject({ key: "pending", status: { cached: false } });
    expect(unpacked.stages[1]?.status).toMatchObject({ because: { kind: "waits", for: ["data:d"] } });
  });

  it("names the ops that a device has no kernels for, stage by stage", () => {
    expect(JSON.stringify(plan)).not.toContain("kernels");
    const engine = { ...options.engine, device: "gpu:0", support: supportOf };
    function supportOf({ op }: { readonly op: string }) {
      if (op === "argmax") return "processor";
      return op === "log_softmax" || op === "conv2d_filter_grad" ? "decomposed" : "native";
    }
    const stages = buildPlan(experiment(), { ...options, engine }).stages;
    const [base, result] = ["base", "result"].map((id) => stages.find((stage) => stage.id === id));
    expect(base).toMatchObject({
      cost: { kernels: { decomposed: ["conv2d_filter_grad", "log_softmax"], processor: [] } },
    });
    expect(result).toMatchObject({ cost: { episode: { kernels: { processor: ["argmax"] } } } });
    const text = printPlan({ ...plan, stages }, { width: 100, colorLevel: 0 }).replace(/\s+/g, " ");
    expect(text).toContain("kernels all on the GPU; conv2d_filter_grad, log_softmax by other ops there");
    expect(text).toContain("kernels on the GPU, save argmax: on the processor");
  });

  it("notes which stages need more memory than the machine has, or than is free", () => {
    const peaks = plan.stages.flatMap((stage) => {
      if (stage.kind === "ingest" || stage.cost === undefined) return [];
      const { cost } = stage;
      const [low, high] = "episode" in cost ? cost.episode.peakBytes : cost.peakBytes;
      return [{ name: stage.name, low, high }];
    });
    const most = Math.max(...peaks.map(({ high }) => high));
    const notesFor = (total: number, free: number): string => {
      const text = printPlan({ ...plan, memory: { total, free } }, { width: 100, colorLevel: 0 });
      return text.slice(text.search(/\nnote: |$/)).replace(/\s+/g, " ");
    };
    const all = peaks.map(({ name }) => name).join(", ");
    expect(notesFor(most, most).trim()).toBe("");
    expect(notesFor(1, 1)).toContain("note: more memory is needed than this machine has (1 B):");
    expect(notesFor(1, 1)).toContain(`or more for ${all}. Smaller images`);
    expect(notesFor(most - 1, most - 1)).toMatch(/^ note: the .* that this machine has may not suffice for \w+\. /);
    expect(notesFor(most, 1)).toMatch(new RegExp(`^ note: 1 B of memory are free now, and .* needed for ${all} $`));
    const sum = peaks.reduce((total, { low }) => total + low, 0);
    const together = printPlan(
      { ...plan, jobs: 9, memory: { total: sum - 1, free: sum - 1 } },
      { width: 100, colorLevel: 0 },
    );
    expect(together.replace(/\s+/g, " ")).toContain("stages that run at the same time may need");
    const by = { engine: "onnx", version: "1.30", device: "cpu", threads: 2 };
    const stored = buildPlan(experiment(), { ...options, lookup: (key) => ({ output: key, by, seconds: 9 }) });
    expect(printPlan({ ...stored, memory: { total: 1, free: 1 } }, { width: 100, colorLevel: 0 })).not.toContain(
      "note:",
    );
  });

  it("goes on from what is stored", () => {
    const by = { engine: "onnx", version: "1.30", device: "cpu", threads: 2 };
    const stored = { output: "B", by, seconds: 9 };
    const cached = buildPlan(experiment(), { ...options, lookup: (key) => (key === baseKey ? stored : undefined) });
    expect(cached.stages[1]?.status).toEqual({ cached: true, by, seconds: 9 });
    const text = printPlan(cached, { width: 100, colorLevel: 0 });
    expect(text).toContain("from the store (onnx 1.30 on cpu, 2 threads)");
    const next = stageKey(parts().proto, experiment(), { seed: 0, outputs: { base: "B" }, data: { d: digests("D") } });
    expect(cached.stages[2]).toMatchObject({ key: next, status: { cached: false, because: { kind: "not stored" } } });
    const forced = buildPlan(experiment(), { ...options, lookup: () => stored, force: new Set(["base"]) });
    expect(forced.stages[1]?.status).toMatchObject({ cached: false, because: { kind: "forced" } });
  });

  it("names the fields that differ from the most similar stored stage", () => {
    const { base } = parts();
    const inputs = { seed: 0, outputs: {}, data: { d: digests("D") } };
    const other = (lr: number, epochs: number) =>
      keyContent(
        { ...base, optimizer: { ...base.optimizer, lr }, duration: { ...base.duration, epochs } },
        experiment(),
        inputs,
      ) ?? null;
    const compared = buildPlan(experiment(), { ...options, stored: [other(3, 7), other(3, 1)] });
    expect(compared.stages[1]?.status).toMatchObject({ because: { differs: ["stage.optimizer.lr"] } });
  });

  it("shows networks layer by layer, groups and norms", () => {
    const proto = of("proto");
    if (proto?.kind !== "meta") throw new Error("it is a meta stage");
    const [encoder] = proto.networks;
    expect(encoder).toMatchObject({
      slot: "encoder",
      from: { stage: "base", slot: "encoder" },
      parameters: 2 * 9 + 2 + 4 + 2 * 2 * 9 + 2 + 4,
    });
    const map = (size: number) => [
      { name: "channel", size: 2 },
      { name: "height", size },
      { name: "width", size },
    ];
    expect(encoder?.layers.slice(0, 4)).toMatchObject([
      { path: "conv.0", op: { kind: "conv", kernel: 3, stride: 1, pad: 1, out: 2 }, output: map(8), parameters: 20 },
      { path: "batch_norm.0", op: { kind: "batch_norm" }, output: map(8), parameters: 4 },
      { path: "activation.0", op: { kind: "activation", fn: "relu" }, output: map(8), parameters: 0 },
      { path: "max_pool.0", op: { kind: "max_pool", size: 2, stride: 2 }, output: map(4), parameters: 0 },
    ]);
    expect(encoder?.layers.at(-1)).toMatchObject({
      op: { kind: "flatten" },
      as: "vector",
      output: [{ name: "feature", size: 8 }],
    });
    const text = printPlan(plan, { width: 100, colorLevel: 0 }).replace(/ +/g, " ");
    expect(text).toContain("conv.0 conv 3×3, pad 1 2 × 8 × 8 20\n batch_norm.0 batch_norm 2 × 8 × 8 4\n");
    expect(text).toContain("activation.0 relu 2 × 8 × 8\n max_pool.0 max_pool 2×2 2 × 4 × 4\n");
    expect(text).toMatch(/flatten\S* flatten feature=8 as vector/);
    // Rules for weights are written from the paths, so a narrow terminal does not shorten them.
    const long = JSON.parse(
      JSON.stringify(plan).replaceAll("batch_norm.0", "layer1.0.basic.0.residual.0.batch_norm.0"),
    );
    expect(printPlan(long, { width: 60, colorLevel: 0 })).toMatch(
      /^ +layer1\.0\.basic\.0\.residual\.0\.batch_norm\.0\n +batch_norm +2 × 8 × 8/m,
    );
    expect(proto.optimizer).toEqual([
      {
        settings: { kind: "adam", lr: 0.001, weightDecay: 0, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
        weights: expect.arrayContaining(["encoder.conv.0.weight", "encoder.batch_norm.1.bias"]) as unknown,
        parameters: encoder?.parameters,
      },
    ]);
    expect(text).toContain("optimizer adam lr=0.001 weight_decay=0 beta1=0.9 beta2=0.999 eps=1e-8");
    expect(proto.norms[0]).toEqual({
      path: "encoder.batch_norm.0",
      training: [{ statistics: "batch", over: { of: "episode", images: 9 } }],
      test: [{ statistics: "running" }],
    });
    expect(text).toContain("batch statistics over one episode's 9 images; at test running statistics");
    expect(proto).toMatchObject({
      steps: 10,
      perStep: { episodes: 2 },
      data: { task: { way: 3, shot: 1, query: 2 }, dataset: "d", split: "train" },
    });
    expect(text).toContain("10 steps of 2 episodes");
    expect(text).toContain("data 3-way 1-shot, 2 queries a class from d.train");
  });

  it("counts work and memory", () => {
    const base = of("base");
    const result = of("result");
    if (base?.kind !== "pretrain" || result?.kind !== "evaluate") throw new Error("kinds");
    // Forward convolutions alone: 2·9 multiply-adds for each of 6 images' outputs.
    const forward = 6 * (2 * 2 * 9 * 64 + 2 * 2 * 2 * 9 * 16);
    expect(base.cost?.flops).toBeGreaterThan(2 * forward);
    expect(base.cost?.flops).toBeLessThan(6 * forward);
    expect(base.cost?.total).toBe((base.cost?.flops ?? 0) * 10);
    expect(base.cost?.peakBytes[1]).toBeCloseTo((base.cost?.peakBytes[0] ?? 0) * 1.5, -1);
    expect(result.embed.once).toBe(true);
    expect(result.cost?.image.flops).toBeGreaterThan(0);
    expect(result.cost?.episode.total).toBe((result.cost?.episode.flops ?? 0) * 20);
    expect(result.cost?.episode.atMost).toBeUndefined();
    const p = parts();
    const [row] = p.result.rows;
    if (row === undefined) throw new Error("it has a row");
    const wide = { ...task, shot: 4 };
    const larger = { ...row, label: "4 shot", task: wide, metric: prototypes(wide, 8), episodes: 5 };
    const costOf = (rows: EvaluateStage["rows"]) => {
      const stage = buildPlan(experiment({ ...p, result: { ...p.result, rows } }), options).stages.at(-2);
      return stage?.kind === "evaluate" ? stage.cost : undefined;
    };
    const [small, large, both] = [[row], [larger], [row, larger]].map(costOf);
    expect(large?.episode.flops).toBeGreaterThan(small?.episode.flops ?? Number.NaN);
    expect(both?.episode.total).toBe((small?.episode.total ?? 0) + (large?.episode.total ?? 0));
    expect(both?.episode).toMatchObject({ flops: large?.episode.flops, atMost: true });
    expect(both?.image.total).toBe((small?.image.total ?? 0) + (large?.image.total ?? 0));
  });

  it("says of an evaluation that its queries are seen together, and what that relies on", () => {
    const p = parts();
    const { classify } = p.result.metric.value.entries;
    if (classify === undefined) throw new Error("a metric classifies");
    const entries = { classify: { ...classify, transductive: true, assumes: ["balanced"] } };
    const metric = { ...p.result.metric, value: { ...p.result.metric.value, entries } };
    const stages = buildPlan(experiment({ ...p, result: { ...p.result, metric } }), {
      ...options,
      costs: false,
    }).stages;
    const metricOf = (id: string) => {
      const stage = stages.find((other) => other.id === id);
      return stage?.kind === "evaluate" ? stage.networks[1] : undefined;
    };
    expect(metricOf("result")).toMatchObject({ transductive: true, assumes: ["balanced"] });
    expect(metricOf("direct")).not.toHaveProperty("transductive");
    const text = printPlan(
      { file: "e", seed: 0, engine: "onnx", device: "cpu", stages },
      { width: 100, colorLevel: 0 },
    );
    expect(text).toMatch(/metric test.*, transductive, assumes balanced, no parameters/);
  });

  it("counts values that a metric learns for each weight of its networks", () => {
    const p = parts();
    const { value } = p.proto.metric;
    const rate = { kind: "like", name: "rate", init: { kind: "constant", value: 0.1 }, positive: false } as const;
    const of = [{ kind: "slot", slot: "encoder" }] as const;
    const metric = { ...p.proto.metric, value: { ...value, learns: [{ ...rate, of, span: p.proto.span }] } };
    const plan = buildPlan(experiment({ ...p, proto: { ...p.proto, metric } }), { ...options, costs: false });
    const [encoder, planned] = plan.stages.flatMap((stage) =>
      stage.id === "proto" && "networks" in stage ? stage.networks : [],
    );
    expect(planned).toMatchObject({
      learned: [{ path: "rate", shape: [encoder?.parameters] }],
      parameters: encoder?.parameters,
    });
  });

  it("says which statistics normalize the images", () => {
    expect(of("data:d")).toMatchObject({ eval: [{ op: "normalize", mean: [0.5], std: [0.5] }] });
    const text = printPlan(plan, { width: 100, colorLevel: 0 });
    expect(text).toContain("normalize(mean: [0.5], std: [0.5])");
  });
});
