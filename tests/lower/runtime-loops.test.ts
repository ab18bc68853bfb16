/** Loops that the runtime drives: the cut of a graph into programs, and L-BFGS, which is always one of them. */
import { describe, expect, it } from "vitest";
import type { Loop, LoopDriver } from "../../src/compiler/lower/loops/loop.js";
import { unrolledDriver } from "../../src/compiler/lower/loops/loop.js";
import { RuntimeLoops } from "../../src/compiler/lower/loops/runtime-loops.js";
import { type SegmentedProgram, splitAtLoops } from "../../src/compiler/lower/loops/segments.js";
import { lbfgs } from "../../src/compiler/lower/minimizers/lbfgs.js";
import type { Objective } from "../../src/compiler/lower/minimizers/minimizer.js";
import { lanesOf, NamedOps, type NamedTensor, taskAxis } from "../../src/compiler/lower/named-tensor.js";
import { vectorJacobian } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { HostTensor } from "../../src/runtime/engines/engine.js";
import { createEngine, engineNames } from "../../src/runtime/engines/index.js";
import { findTensorflow } from "../../src/runtime/engines/tensorflow/locate.js";
import { ProgressTracker } from "../../src/runtime/stages/context.js";
import { SegmentedExecutable } from "../../src/runtime/stages/segmented.js";
import { run, stream, type Values } from "./harness.js";

/** A program of one graph, its loops driven as `driver` says. */
function program(
  make: (ops: NamedOps, drive: LoopDriver) => Record<string, NamedTensor>,
  driver?: (ops: NamedOps) => LoopDriver,
): SegmentedProgram {
  const ops = new NamedOps(new Graph());
  const long = new RuntimeLoops(ops);
  const host = make(ops, driver?.(ops) ?? long.driver);
  const nodes = Object.fromEntries(Object.entries(host).map(([name, { node }]) => [name, node]));
  const segmented = splitAtLoops(ops.graph, { name: "test", host: nodes, feeds: ["x", "y"] }, long.loops);
  for (const segment of segmented.segments) verify(segment.program);
  return segmented;
}
const kinds = (segmented: SegmentedProgram): string[] => segmented.segments.map(({ kind }) => kind);

describe("the split at loops", () => {
  /** u ← (u + x / u) / 2 until it moves by less than 1e-9, lane by lane; then the same on what came out. */
  const roots = (ops: NamedOps, drive: LoopDriver): Record<string, NamedTensor> => {
    const x = ops.of(ops.t.input("x", [3]), [taskAxis]);
    const scaled = ops.mul(x, x);
    const root = (start: NamedTensor, of: NamedTensor): NamedTensor => {
      const loop: Loop = {
        bound: 40,
        start: [start, ops.constant([0], [{ name: taskAxis, size: 3 }])],
        round: ([u, n]) => {
          if (u === undefined || n === undefined) throw new Error("nothing is carried");
          const next = ops.scale(ops.add(u, ops.div(of, u)), 0.5);
          const moved = ops.unary("abs", ops.sub(next, u));
          return { carried: [next, ops.add(n, ops.scalar(1))], done: ops.compare("lt", moved, ops.scalar(1e-9)) };
        },
      };
      const [found, rounds] = drive(loop);
      if (found === undefined || rounds === undefined) throw new Error("nothing came out");
      return ops.add(found, ops.scale(rounds, 1000));
    };
    const first = root(scaled, scaled);
    const second = root(ops.add(first, ops.scalar(1)), first);
    return { first, second, both: ops.add(ops.mul(first, second), scaled) };
  };

  it("gives what the loops written out give, to the last bit, and each lane has its own end", () => {
    const x = [2, 30, 700];
    const segmented = program(roots);
    expect(kinds(segmented)).toEqual(["run", "loop", "run", "loop", "run"]);
    const out = run(segmented, { x });
    expect(out).toEqual(run(program(roots, unrolledDriver), { x }));
    const rounds = (out.first ?? []).map((value) => Math.floor(value / 1000));
    expect(new Set(rounds).size).toBe(3);
    out.first?.forEach((value, lane) => expect(value % 1000).toBeCloseTo(x[lane] ?? 0, 12));
    // A lane alone does as many rounds as beside others.
    x.forEach((own, lane) => {
      const alone = run(segmented, { x: [own, own, own] });
      expect(alone.both?.[0]).toBe(out.both?.[lane]);
    });
  });

  it("drops loops that nothing reads, and carried values that no result needs", () => {
    const segmented = program((ops, drive) => {
      const x = ops.of(ops.t.input("x", [2]), [taskAxis]);
      const loop = (bound: number): readonly NamedTensor[] =>
        drive({
          bound,
          start: [x, x, x],
          round: ([a = x, b = x, c = x]) => ({
            carried: [ops.add(a, b), b, ops.unary("exp", ops.add(a, c))],
            done: undefined,
          }),
        });
      loop(100);
      const [a = x] = loop(50);
      return { out: a };
    });
    expect(kinds(segmented)).toEqual(["run", "loop", "run"]);
    const [, loop] = segmented.segments;
    if (loop?.kind !== "loop") throw new Error("no loop");
    expect(loop.bound).toBe(50);
    expect(loop.active).toBeUndefined();
    expect(loop.program.inputs.filter(({ role }) => role === "state")).toHaveLength(1);
    expect(run(segmented, { x: [1, 2] }).out).toEqual([51, 102]);
  });

  it("moves what only takes over another's value, without a copy", () => {
    const segmented = program((ops, drive) => {
      const x = ops.of(ops.t.input("x", [2]), [taskAxis]);
      const zero = ops.mul(x, ops.scalar(0));
      const [, a = x, b = x] = drive({
        bound: 40,
        start: [x, zero, zero],
        round: ([n = x, last = x]) => ({ carried: [ops.add(n, ops.scalar(1)), n, last], done: undefined }),
      });
      return { out: ops.add(ops.scale(a, 100), b) };
    });
    const [, loop] = segmented.segments;
    if (loop?.kind !== "loop") throw new Error("no loop");
    expect(loop.moves).toHaveLength(2);
    expect(run(segmented, { x: [0, 10] }).out).toEqual([3938, 4948]);
  });
});

// ------------------------------------------------------------ L-BFGS

/** The objective of a loss written for each lane. */
function objectiveOf(ops: NamedOps, lossOf: (...targets: NamedTensor[]) => NamedTensor): Objective {
  return (targets) => {
    const loss = ops.expand(lossOf(...targets), lanesOf(targets));
    const seeds = [{ of: loss.node, by: ops.t.full(loss.node.shape, 1) }];
    const nodes = vectorJacobian(
      ops.graph,
      seeds,
      targets.map(({ node }) => node),
    );
    return { loss, gradients: targets.map((target, i) => ops.of(nodes[i] ?? target.node, target.axes)) };
  };
}

interface Problem {
  readonly start: readonly {
    readonly values: readonly number[];
    readonly axes: readonly string[];
    readonly shape: readonly number[];
  }[];
  readonly loss: (ops: NamedOps, ...targets: NamedTensor[]) => NamedTensor;
}

/** Ends and the rounds of each lane. */
function minimizer({ start, loss }: Problem, lanes: number, tolerance = 1e-8, history = 8): SegmentedProgram {
  return program((ops, drive) => {
    const targets = start.map(({ values, axes, shape }) =>
      ops.of(ops.t.constant([lanes, ...shape], Array.from({ length: lanes }, () => values).flat()), [
        taskAxis,
        ...axes,
      ]),
    );
    const method = lbfgs(ops, { tolerance: ops.scalar(tolerance), history });
    const objective = objectiveOf(ops, (...at) => loss(ops, ...at));
    const counter = ops.constant([0], [{ name: taskAxis, size: lanes }]);
    const found = drive({
      bound: 400,
      start: [...targets, counter, ...method.initialState(targets)],
      round: (carried, index) => {
        const count = carried[targets.length] ?? counter;
        const state = carried.slice(targets.length + 1);
        const next = method.step({ targets: carried.slice(0, targets.length), state, objective, index });
        return { carried: [...next.targets, ops.add(count, ops.scalar(1)), ...next.state], done: next.done };
      },
    });
    return Object.fromEntries([
      ...targets.map((target, i) => [`target ${i}`, found[i] ?? target]),
      ["rounds", found[targets.length] ?? counter],
    ]);
  });
}

const feed = (ops: NamedOps, name: "x" | "y", shape: readonly number[], axes: readonly string[]): NamedTensor =>
  ops.of(ops.t.input(name, shape), axes);

/** Σ c·(1 − a)² + 100·(b − a²)², a valley along which steepest descent crawls; c is each lane's. */
const valley: Problem = {
  start: [
    { values: [-1.2], axes: ["a"], shape: [1] },
    { values: [1], axes: ["a"], shape: [1] },
  ],
  loss: (ops, a, b) => {
    if (!a || !b) throw new Error("two targets");
    const c = feed(ops, "x", [a.node.shape[0] ?? 0], [taskAxis]);
    const square = (v: NamedTensor): NamedTensor => ops.mul(v, v);
    const along = ops.mul(c, square(ops.sub(ops.scalar(1), a)));
    return ops.sum(ops.add(along, ops.scale(square(ops.sub(b, square(a))), 100)), ["a"]);
  },
};

/** Multinomial logistic regression with a bias and weight decay: rows [lane, item, feature], classes item mod way. */
function regression(way: number, items: number, features: number): Problem {
  return {
    start: [
      { values: Array<number>(way * features).fill(0), axes: ["way", "feature"], shape: [way, features] },
      { values: Array<number>(way).fill(0), axes: ["way"], shape: [way] },
    ],
    loss: (ops, w, b) => {
      if (!w || !b) throw new Error("two targets");
      const x = feed(ops, "x", [w.node.shape[0] ?? 0, items, features], [taskAxis, "item", "feature"]);
      const labels = ops.constant(
        Array.from({ length: items }, (_, i) => i % way),
        [{ name: "item", size: items }],
        "i32",
      );
      const hot = ops.cast(ops.compare("eq", labels, ops.iota({ name: "way", size: way })), "f32");
      const z = ops.add(ops.dot(x, w, ["feature"]), b);
      const entropy = ops.neg(ops.sum(ops.mul(hot, ops.softmaxOver("log_softmax", z, ["way"])), ["way", "item"]));
      return ops.add(entropy, ops.scale(ops.sum(ops.mul(w, w), ["way", "feature"]), 0.5));
    },
  };
}

/** The same by Newton's method, in plain loops: [W, b] row by row, biases made unique by their mean 0. */
function newton(x: readonly number[], way: number, items: number, features: number): { w: number[]; b: number[] } {
  const size = way * (features + 1);
  const theta = Array<number>(size).fill(0);
  const input = (i: number, f: number): number => (f === features ? 1 : (x[i * features + f] ?? 0));
  for (let step = 0; step < 60; step++) {
    const gradient = Array<number>(size).fill(0);
    const hessian = Array.from({ length: size }, () => Array<number>(size).fill(0));
    for (let i = 0; i < items; i++) {
      const z = Array.from({ length: way }, (_, c) => {
        let sum = 0;
        for (let f = 0; f <= features; f++) sum += (theta[c * (features + 1) + f] ?? 0) * input(i, f);
        return sum;
      });
      const peak = Math.max(...z);
      const total = z.reduce((sum, v) => sum + Math.exp(v - peak), 0);
      const p = z.map((v) => Math.exp(v - peak) / total);
      for (let c = 0; c < way; c++)
        for (let f = 0; f <= features; f++) {
          const at = c * (features + 1) + f;
          gradient[at] = (gradient[at] ?? 0) + ((p[c] ?? 0) - (i % way === c ? 1 : 0)) * input(i, f);
          for (let d = 0; d < way; d++)
            for (let g = 0; g <= features; g++) {
              const curve = (p[c] ?? 0) * ((c === d ? 1 : 0) - (p[d] ?? 0)) * input(i, f) * input(i, g);
              const row = hessian[at] ?? [];
              row[d * (features + 1) + g] = (row[d * (features + 1) + g] ?? 0) + curve;
            }
        }
    }
    for (let at = 0; at < size; at++) {
      const decay = at % (features + 1) === features ? 1e-9 : 1;
      gradient[at] = (gradient[at] ?? 0) + decay * (theta[at] ?? 0);
      const row = hessian[at] ?? [];
      row[at] = (row[at] ?? 0) + decay;
    }
    solve(hessian, gradient).forEach((move, at) => {
      theta[at] = (theta[at] ?? 0) - move;
    });
  }
  const b = Array.from({ length: way }, (_, c) => theta[c * (features + 1) + features] ?? 0);
  const mean = b.reduce((sum, v) => sum + v, 0) / way;
  const w = Array.from({ length: way }, (_, c) =>
    theta.slice(c * (features + 1), c * (features + 1) + features),
  ).flat();
  return { w, b: b.map((v) => v - mean) };
}

/** Gaussian elimination with pivoting. */
function solve(a: number[][], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] ?? 0]);
  const n = rows.length;
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(at(i, k)) > Math.abs(at(best, k))) best = i;
    [rows[k], rows[best]] = [rows[best] ?? [], rows[k] ?? []];
    for (let i = k + 1; i < n; i++) {
      const factor = at(i, k) / at(k, k);
      const row = rows[i] ?? [];
      for (let j = k; j <= n; j++) row[j] = at(i, j) - factor * at(k, j);
    }
  }
  const x = Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let sum = at(i, n);
    for (let j = i + 1; j < n; j++) sum -= at(i, j) * (x[j] ?? 0);
    x[i] = sum / at(i, i);
  }
  return x;
}

const noise = (count: number, seed: number, scale = 2): number[] => {
  const random = stream(seed);
  return Array.from({ length: count }, () => scale * (random() - 0.5));
};

describe("L-BFGS", () => {
  it("finds the bottom of a bent valley in each lane, as if it were alone", () => {
    const x = [1, 0.2, 30, 2];
    const out = run(minimizer(valley, 4), { x });
    for (const lane of x.keys()) {
      expect(out["target 0"]?.[lane]).toBeCloseTo(1, 6);
      expect(out["target 1"]?.[lane]).toBeCloseTo(1, 6);
    }
    const rounds = out.rounds ?? [];
    expect(new Set(rounds).size).toBeGreaterThan(1);
    expect(Math.max(...rounds)).toBeLessThan(120);
    for (const [lane, c] of x.entries()) {
      const alone = run(minimizer(valley, 1), { x: [c] });
      expect(alone["target 0"]?.[0]).toBe(out["target 0"]?.[lane]);
      expect(alone.rounds?.[0]).toBe(rounds[lane]);
    }
  });

  const shapes = [
    [2, 6, 1],
    [3, 6, 4],
    [5, 5, 12],
    [4, 12, 3],
  ] as const;
  it.each(shapes)(
    "solves a logistic regression of %i ways, %i rows, %i features like Newton's method",
    (way, items, features) => {
      const lanes = 3;
      const each = items * features;
      const x = [...noise(each, 5), ...noise(each, 6, 8), ...noise(each, 7, 0.1)];
      const out = run(minimizer(regression(way, items, features), lanes, 1e-7), { x });
      expect(new Set(out.rounds).size).toBeGreaterThan(1);
      for (let lane = 0; lane < lanes; lane++) {
        const exact = newton(x.slice(lane * each, (lane + 1) * each), way, items, features);
        const [w, b] = [0, 1].map((i) => {
          const all = out[`target ${i}`] ?? [];
          return all.slice((lane * all.length) / lanes, ((lane + 1) * all.length) / lanes);
        });
        exact.w.forEach((value, i) => expect(w?.[i]).toBeCloseTo(value, 6));
        exact.b.forEach((value, i) => expect(b?.[i]).toBeCloseTo(value, 5));
      }
    },
  );

  it("ends where the start is the minimum, where the loss is no number, and where rounding stops it", () => {
    const slope: Problem = {
      start: [{ values: [3, -4], axes: ["a"], shape: [2] }],
      loss: (ops, a) => {
        if (!a) throw new Error("one target");
        const x = feed(ops, "x", [a.node.shape[0] ?? 0], [taskAxis]);
        return ops.unary("sqrt", ops.add(x, ops.sum(ops.mul(a, a), ["a"])));
      },
    };
    // √(x + ‖a‖²) is no number at −100.
    const out = run(minimizer(slope, 2, 1e-8), { x: [1, -100] });
    const [smooth = [], none = []] = [0, 1].map((lane) => out["target 0"]?.slice(2 * lane, 2 * lane + 2));
    for (const value of smooth) expect(value).toBeCloseTo(0, 6);
    expect(none).toEqual([3, -4]);
    expect(out.rounds?.[1]).toBe(1);
    expect(run(minimizer(valley, 1, 0), { x: [1] }).rounds?.[0]).toBeLessThan(200);
    const still = run(minimizer({ ...slope, start: [{ values: [0, 0], axes: ["a"], shape: [2] }] }, 1), { x: [1] });
    expect(still.rounds).toEqual([1]);
  });
});

describe.each(engineNames)("on %s", (name) => {
  const onEngine = it.skipIf(name === "tensorflow" && findTensorflow() === undefined);

  onEngine("a driven loop gives the interpreter's values and leaves nothing on the device", async () => {
    const [way, items, features, lanes] = [3, 6, 4, 4];
    const segmented = minimizer(regression(way, items, features), lanes, 1e-5);
    const x = noise(lanes * items * features, 11, 3);
    const exact: Values = run(minimizer(regression(way, items, features), lanes, 1e-8), { x });
    const engine = await createEngine(name, { device: "cpu", threads: 1 });
    const executable = await SegmentedExecutable.compile(segmented, undefined, engine);
    const freed = new Set<object>();
    const free = engine.free.bind(engine);
    engine.free = (handle) => {
      expect(freed.has(handle)).toBe(false);
      freed.add(handle);
      free(handle);
    };
    let rounds = 0;
    const pace = new ProgressTracker(
      () => rounds++,
      () => false,
    );
    const given: HostTensor = { shape: [lanes, items, features], dtype: "f32", data: Float32Array.from(x) };
    for (let repeat = 0; repeat < 2; repeat++) {
      const out = await executable.run({ x: given }, pace);
      for (const target of ["target 0", "target 1"])
        out[target]?.data.forEach((value, i) => expect(value).toBeCloseTo(exact[target]?.[i] ?? Number.NaN, 4));
    }
    expect(rounds).toBeGreaterThan(10);
    expect(rounds).toBeLessThan(200);
    await executable.dispose();
    await engine.dispose();
  });

  onEngine("a value that is only handed on, or never changes, is there after the loop", async () => {
    const delayed = (ops: NamedOps, drive: LoopDriver): Record<string, NamedTensor> => {
      const x = ops.of(ops.t.input("x", [3]), [taskAxis]);
      const loop: Loop = {
        bound: 40,
        start: [x, ops.scale(x, 2), ops.scale(x, 3), ops.add(x, ops.scalar(7))],
        round: ([, b, c, kept]) => {
          if (b === undefined || c === undefined || kept === undefined) throw new Error("nothing is carried");
          return { carried: [b, c, ops.add(ops.scale(c, 0.5), ops.scalar(1)), kept], done: undefined };
        },
      };
      const [a, , , kept] = drive(loop);
      if (a === undefined || kept === undefined) throw new Error("nothing came out");
      return { a, kept };
    };
    const x = [1, 2, 3];
    const exact = run(program(delayed, unrolledDriver), { x });
    const engine = await createEngine(name, { device: "cpu", threads: 1 });
    const executable = await SegmentedExecutable.compile(program(delayed), undefined, engine);
    const pace = new ProgressTracker(
      () => {},
      () => false,
    );
    const out = await executable.run({ x: { shape: [3], dtype: "f32", data: Float32Array.from(x) } }, pace);
    for (const value of ["a", "kept"])
      out[value]?.data.forEach((one, i) => expect(one).toBeCloseTo(exact[value]?.[i] ?? Number.NaN, 4));
    expect(Object.keys(out).sort()).toEqual(["a", "kept"]);
    await executable.dispose();
    await engine.dispose();
  });

  onEngine("a round that fails is what the run fails with", async () => {
    const [way, items, features, lanes] = [3, 6, 4, 2];
    const segmented = minimizer(regression(way, items, features), lanes, 1e-5);
    const engine = await createEngine(name, { device: "cpu", threads: 1 });
    const compile = engine.compile.bind(engine);
    engine.compile = async (program, constants) => {
      const executable = await compile(program, constants);
      if (!segmented.segments.some((segment) => segment.kind === "loop" && segment.program === program))
        return executable;
      const run = executable.run.bind(executable);
      executable.run = async (args) => {
        await run(args); // What it was given is consumed, as by a device that fails half-way.
        throw new Error("the device is gone");
      };
      return executable;
    };
    const executable = await SegmentedExecutable.compile(segmented, undefined, engine);
    const pace = new ProgressTracker(
      () => {},
      () => false,
    );
    const x = Float32Array.from(noise(lanes * items * features, 11, 3));
    const given: HostTensor = { shape: [lanes, items, features], dtype: "f32", data: x };
    await expect(executable.run({ x: given }, pace)).rejects.toThrow("the device is gone");
    await executable.dispose();
    await engine.dispose();
  });

  onEngine("a loop stops between rounds where the run is to end", async () => {
    const engine = await createEngine(name, { device: "cpu", threads: 1 });
    const executable = await SegmentedExecutable.compile(minimizer(valley, 1, 0), undefined, engine);
    let rounds = 0;
    const pace = new ProgressTracker(
      () => rounds++,
      () => rounds > 5,
    );
    const x: HostTensor = { shape: [1], dtype: "f32", data: Float32Array.of(1) };
    await expect(executable.run({ x }, pace)).rejects.toThrow("stopped");
    expect(rounds).toBe(6);
    await engine.dispose();
  });
});
