import { describe, expect, it } from "vitest";
import { threefry } from "../../src/common/random/threefry.js";
import {
  initialWeights,
  lowerClassify,
  lowerEmbed,
  lowerEpisodes,
  lowerTraining,
  scheduleFactor,
} from "../../src/compiler/lower/index.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { Schedule } from "../../src/compiler/typed/tree.js";
import {
  axis,
  block,
  convNet,
  dataset,
  expr,
  image,
  meta,
  NetworkBuilder,
  pretrain,
  prototypes,
  sgd,
  slot,
} from "./fixtures.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

const task = { way: 3, shot: 1, query: 2 };
const perEpisode = 9;
const pixels = (n: number, seed: number): number[] => {
  const random = stream(seed);
  return Array.from({ length: n }, () => Math.floor(random() * 256));
};
const near = (a: readonly number[] | undefined, b: readonly number[] | undefined, digits = 9): void => {
  expect(a?.length).toBe(b?.length);
  a?.forEach((v, i) => expect(v).toBeCloseTo(b?.[i] ?? Number.NaN, digits));
};

describe("schedules", () => {
  const cases: Record<string, readonly [Schedule, readonly number[]]> = {
    constant: [{ kind: "constant", warmup: 0 }, [1, 1, 1, 1, 1, 1]],
    "warm-up": [{ kind: "constant", warmup: 4 }, [0.25, 0.5, 0.75, 1, 1, 1]],
    multistep: [{ kind: "multistep", at: [2, 4], factor: 0.1, warmup: 0 }, [1, 1, 0.1, 0.1, 0.01, 0.01]],
    "multistep after warm-up": [{ kind: "multistep", at: [3], factor: 0.5, warmup: 2 }, [0.5, 1, 1, 0.5, 0.5, 0.5]],
    cosine: [
      { kind: "cosine", over: 4, to: 0, warmup: 0 },
      [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2, 0, 0],
    ],
    "cosine to a tenth": [{ kind: "cosine", over: 2, to: 0.1, warmup: 0 }, [1, 0.55, 0.1, 0.1, 0.1, 0.1]],
  };
  for (const [name, [schedule, factors]] of Object.entries(cases)) {
    it(name, () => {
      const network = new NetworkBuilder(image(1, 2)).flatten().linear(2).as("vector").build();
      const training = lowerTraining(
        meta(network, prototypes(task, 2), task, 1, { schedule, optimizer: sgd({ lr: 0.5 }) }),
        dataset(1, 2),
        { seed: 0 },
      );
      let state = initialState(training);
      factors.forEach((factor, i) => {
        expect(scheduleFactor(schedule, i)).toBeCloseTo(factor, 12);
        const out = step(training, state, { images: pixels(perEpisode * 4, i) });
        expect(out.host.lr?.[0]).toBeCloseTo(0.5 * factor, 12);
        state = out.state;
      });
    });
  }
});

describe("a step of several episodes", () => {
  const network = convNet(image(1, 8), [2, 3]);
  const data = dataset(1, 8);
  const size = perEpisode * 64;

  it("moves the weights by the mean of what its episodes would", () => {
    const one = lowerTraining(meta(network, prototypes(task, 12), task, 1), data, { seed: 0 });
    const three = lowerTraining(meta(network, prototypes(task, 12), task, 3), data, { seed: 0 });
    const state = initialState(one);
    const images = pixels(3 * size, 5);
    const alone = [0, 1, 2].map((e) => step(one, state, { images: images.slice(e * size, (e + 1) * size) }));
    const together = step(three, state, { images });
    for (const path of [...three.trained, "encoder.batch_norm.0.running_mean", "encoder.batch_norm.1.running_var"]) {
      const mean = (state[path] ?? []).map((_, i) => alone.reduce((s, a) => s + (a.state[path]?.[i] ?? 0), 0) / 3);
      near(together.state[path], mean);
    }
    expect(together.host.loss?.[0]).toBeCloseTo(alone.reduce((s, a) => s + (a.host.loss?.[0] ?? 0), 0) / 3, 10);
  });

  it("is one verified program that feeds images and carries its state", () => {
    const { program } = lowerTraining(meta(network, prototypes(task, 12), task, 2), data, { seed: 0 });
    expect(() => verify(program)).not.toThrow();
    expect(program.inputs.filter((i) => i.role === "feed").map((i) => i.name)).toEqual(["images"]);
    for (const input of program.inputs) if (input.role === "state") expect(input.next).toBe(`next:${input.name}`);
  });
});

describe("slots", () => {
  const network = convNet(image(1, 8), [2]);
  it("that are frozen keep every weight, statistics included", () => {
    const encoder = { ...slot(network), frozen: true, from: { stage: "base", slot: "encoder" as const } };
    const tail = new NetworkBuilder([axis("feature", 32)]).linear(4, "class").build();
    const stage = pretrain(network, tail, 4, 5, { encoder });
    const training = lowerTraining(stage, dataset(1, 8), { seed: 0 });
    expect(training.trained).toEqual(["head.linear.0.weight", "head.linear.0.bias"]);
    const states = training.program.inputs.filter((i) => i.role === "state").map((i) => i.name);
    expect(states.sort()).toEqual(["head.linear.0.bias", "head.linear.0.weight", "step"]);
    expect(training.weights[0]).toMatchObject({
      path: "encoder.conv.0.weight",
      from: { stage: "base", path: "encoder.conv.0.weight" },
    });
  });
});

describe("pretraining", () => {
  const network = convNet(image(1, 8), [2]);
  const head = new NetworkBuilder([axis("feature", 32)]).linear(4, "class").build();
  const stage = pretrain(network, head, 4, 5);
  const feeds = { images: pixels(5 * 64, 3), labels: [0, 3, 1, 1, 2] };

  it("is cross-entropy of the head on the encoder, with its accuracy", () => {
    const training = lowerTraining(stage, dataset(1, 8), { seed: 0 });
    const state = initialState(training);
    const { host } = step(training, state, feeds);
    // The embeddings by another road: the evaluation program, with this batch's statistics for running ones.
    const moved: Values = {
      ...state,
      ...step(lowerTraining(withMomentum(1), dataset(1, 8), { seed: 0 }), state, feeds).state,
    };
    const n = 5 * 64;
    const biased = {
      ...state,
      "encoder.batch_norm.0.running_mean": moved["encoder.batch_norm.0.running_mean"] ?? [],
      "encoder.batch_norm.0.running_var": (moved["encoder.batch_norm.0.running_var"] ?? []).map(
        (v) => (v * (n - 1)) / n,
      ),
    };
    const embedded =
      run(lowerEmbed(network, dataset(1, 8), { batch: 5, outputs: ["vector"], slot: "encoder" }), {
        ...biased,
        images: feeds.images,
      }).vector ?? [];
    let loss = 0;
    let credit = 0;
    for (let i = 0; i < 5; i++) {
      const x = embedded.slice(i * 32, i * 32 + 32);
      const z = [0, 1, 2, 3].map(
        (c) =>
          (state["head.linear.0.bias"]?.[c] ?? 0) +
          x.reduce((s, v, d) => s + v * (state["head.linear.0.weight"]?.[c * 32 + d] ?? 0), 0),
      );
      const mass = z.reduce((s, v) => s + Math.exp(v), 0);
      const label = feeds.labels[i] ?? 0;
      loss += (Math.log(mass) - (z[label] ?? 0)) / 5;
      if (Math.max(...z) === z[label]) credit += 0.2;
    }
    expect(host.loss?.[0]).toBeCloseTo(loss, 8);
    expect(host.accuracy?.[0]).toBeCloseTo(credit, 12);
  });

  function withMomentum(momentum: number) {
    const layers = network.layers.map((l) => (l.op.kind === "batch_norm" ? { ...l, op: { ...l.op, momentum } } : l));
    return pretrain({ ...network, layers }, head, 4, 5);
  }

  it("may call a finished stage, which nothing moves", () => {
    const item = axis("item", 5);
    const teacher = expr(
      {
        k: "apply",
        target: { kind: "stage", stage: "base" },
        x: expr({ k: "param", name: "x" }, [item], "image"),
        output: "out",
        norm: "running",
      },
      [item, axis("class", 4)],
    );
    const mine = stage.loss.result;
    const distance = expr(
      {
        k: "reduce",
        op: "mean",
        x: expr({ k: "binary", op: "mul", a: teacher, b: teacher }, [item, axis("class", 4)]),
        over: ["item", "class"],
      },
      [],
    );
    const student = {
      ...stage,
      id: "student",
      loss: block(expr({ k: "binary", op: "add", a: mine, b: distance }, [])),
      borrows: (["encoder", "head"] as const).map((slot) => ({ stage: "base", slot, network: stage[slot].value })),
    };
    const training = lowerTraining(student, dataset(1, 8), { seed: 0 });
    const called = training.weights.filter((w) => w.path.startsWith("stage:base:")).map((w) => w.from?.path);
    expect(called).toContain("head.linear.0.weight");
    expect(training.trained.some((path) => path.startsWith("stage:"))).toBe(false);
    const roles = new Map(training.program.inputs.map((i) => [i.name, i.role]));
    expect(roles.get("stage:base:encoder.conv.0.weight")).toBe("weight");
  });
});

describe("dropout", () => {
  const network = new NetworkBuilder(image(1, 8)).dropout(0.25).flatten().as("vector").build();
  const task5 = { way: 2, shot: 1, query: 1 };

  /** Which pixels of four constant images reach the loss: its derivative through a learned scale is not needed. */
  function lossAt(seed: number, state: number): number {
    const training = lowerTraining(meta(network, prototypes(task5, 64), task5, 1), dataset(1, 8), { seed });
    return step(training, { step: [state] }, { images: pixels(4 * 64, 1) }).host.loss?.[0] ?? Number.NaN;
  }
  it("depends on the seed and the step and on nothing else", () => {
    expect(lossAt(1, 0)).toBe(lossAt(1, 0));
    expect(lossAt(1, 0)).not.toBe(lossAt(2, 0));
    expect(lossAt(1, 0)).not.toBe(lossAt(1, 1));
  });
  it("does nothing at test", () => {
    const program = lowerEmbed(network, dataset(1, 8), { batch: 2, outputs: ["vector"], slot: "encoder" });
    const images = pixels(128, 2);
    near(
      run(program, { images }).vector,
      images.map((v) => v / 255),
    );
  });
});

describe("evaluation", () => {
  it("of episodes whole agrees with embedding first and classifying after", () => {
    const network = convNet(image(1, 8), [2, 3]);
    const m = prototypes(task, 12);
    const options = { episodes: 2, report: [{ kind: "top", k: 2 }] } as const;
    const whole = lowerEpisodes(m, task, network, dataset(1, 8), options);
    const embed = lowerEmbed(network, dataset(1, 8), { batch: 18, outputs: ["vector"], slot: "encoder" });
    const classify = lowerClassify(m, task, network, options);
    const weights = Object.fromEntries(
      Object.entries(
        initialWeights(lowerTraining(meta(network, m, task, 1), dataset(1, 8), { seed: 0 }).weights, 2),
      ).map(([k, v]) => [k, [...v.data]]),
    );
    const images = pixels(18 * 64, 8);
    const vectors = run(embed, { ...weights, images }).vector ?? [];
    const rows = (from: number, n: number): number[] =>
      [0, 1].flatMap((e) => vectors.slice((e * 9 + from) * 12, (e * 9 + from + n) * 12));
    const parts = run(classify, { "support.vector": rows(0, 3), "query.vector": rows(3, 6) });
    const direct = run(whole, { ...weights, images });
    expect(direct.predicted).toEqual(parts.predicted);
    near(direct.correct, parts.correct);
    near(direct.top2, parts.top2);
    expect(() => verify(whole)).not.toThrow();
    expect(() => verify(embed)).not.toThrow();
    expect(() => verify(classify)).not.toThrow();
  });
});

describe("initial weights", () => {
  const decls = [
    { path: "a", shape: [20_000], init: { kind: "normal", mean: 1, std: 2 } as const, trainable: true },
    { path: "b", shape: [20_000], init: { kind: "uniform", low: -1, high: 3 } as const, trainable: true },
    { path: "c", shape: [3], init: { kind: "constant", value: 7 } as const, trainable: true },
    {
      path: "d",
      shape: [3],
      init: { kind: "constant", value: 7 } as const,
      trainable: true,
      from: { stage: "s", slot: "encoder", path: "d" },
    },
  ];
  it("are a function of seed and path", () => {
    const [one, again, other] = [
      initialWeights(decls, 1),
      initialWeights([...decls].reverse(), 1),
      initialWeights(decls, 2),
    ];
    expect(one.a?.data).toEqual(again.a?.data);
    expect(one.a?.data).not.toEqual(other.a?.data);
    expect(Object.keys(one)).toEqual(["a", "b", "c"]);
    expect([...(one.c?.data ?? [])]).toEqual([7, 7, 7]);
  });
  it("have the moments of their distribution", () => {
    const { a, b } = initialWeights(decls, 1);
    const moments = (v: Float32Array | undefined): readonly [number, number] => {
      const data = [...(v ?? [])];
      const mean = data.reduce((x, y) => x + y, 0) / data.length;
      return [mean, Math.sqrt(data.reduce((x, y) => x + (y - mean) ** 2, 0) / data.length)];
    };
    near(moments(a?.data), [1, 2], 1);
    near(moments(b?.data), [1, 4 / Math.sqrt(12)], 1);
    expect(Math.min(...(b?.data ?? []))).toBeGreaterThan(-1);
  });
  it("come from threefry-2x32 as published", () => {
    // Known answers of the Random123 distribution.
    expect(threefry([0, 0], 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry([0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });
});
