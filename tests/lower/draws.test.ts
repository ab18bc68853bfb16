import { describe, expect, it } from "vitest";
import { lowerBlock } from "../../src/compiler/lower/block.js";
import { Draws } from "../../src/compiler/lower/draws.js";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { axis, block, expr } from "./fixtures.js";
import { run } from "./harness.js";

const [n, channels, side] = [20, 10, 12];
const axes = ["item", "channel", "height", "width"];

/** Multipliers of dropout (`size` undefined) or DropBlock at a step; none where nothing is drawn. */
function multipliers(p: number, size: number | undefined, at: number, rampSteps = 0): number[] {
  const ops = new NamedOps(new Graph());
  const step = ops.of(ops.t.input("step", [], "i32"), []);
  const draws = new Draws(ops, { seed: 7, counter: ops.cast(step, "u32"), step: ops.cast(step, "f32"), path: "train" });
  const x = ops.of(ops.t.input("x", [n, channels, side, side]), axes);
  const keep =
    size === undefined
      ? draws.dropoutMask("d", x, p)
      : draws.dropBlockMask("d", x, { kind: "drop_block", p, size, rampSteps });
  if (keep === undefined) return [];
  const program = assemble({ name: "test", host: { keep: keep.node }, feeds: ["x", "step"] });
  return run(program, { x: Array<number>(n * channels * side * side).fill(0), step: [at] }).keep ?? [];
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const dropped = (values: readonly number[]): number => mean(values.map((v) => (v === 0 ? 1 : 0)));

describe("dropout", () => {
  it("drops a share p and scales the rest by 1 / (1 − p)", () => {
    const kept = multipliers(0.3, undefined, 4);
    expect(dropped(kept)).toBeCloseTo(0.3, 1.5);
    expect(new Set(kept.map((v) => v.toFixed(9)))).toEqual(new Set(["0.000000000", (1 / 0.7).toFixed(9)]));
    expect(multipliers(0.3, undefined, 4)).toEqual(kept);
    expect(multipliers(0.3, undefined, 5)).not.toEqual(kept);
  });
});

describe("a share of 0", () => {
  it("draws no bits and multiplies by nothing", () => {
    expect(multipliers(0, undefined, 4)).toEqual([]);
    expect(multipliers(0, 3, 4)).toEqual([]);
  });
});

describe("DropBlock", () => {
  const size = 3;
  it("drops whole squares, about a share p, and keeps the mean", () => {
    const kept = multipliers(0.1, size, 0);
    const share = dropped(kept);
    expect(share).toBeGreaterThan(0.07);
    expect(share).toBeLessThan(0.11);
    expect(mean(kept)).toBeCloseTo(1, 9);
    const zero = (map: number, h: number, w: number): boolean => kept[(map * side + h) * side + w] === 0;
    for (let map = 0; map < n * channels; map++)
      for (let h = 0; h < side; h++)
        for (let w = 0; w < side; w++) {
          if (!zero(map, h, w)) continue;
          // Some square that is dropped whole covers it.
          const covered = [0, 1, 2].some((up) =>
            [0, 1, 2].some((left) =>
              [0, 1, 2].every((i) => [0, 1, 2].every((j) => zero(map, h - up + i, w - left + j))),
            ),
          );
          expect(covered).toBe(true);
        }
  });
  it("rises over its ramp", () => {
    const shares = [0, 50, 100, 200].map((at) => dropped(multipliers(0.2, size, at, 100)));
    expect(shares[0]).toBe(0);
    expect(shares[1]).toBeLessThan((shares[2] ?? 0) * 0.7);
    expect(shares[3]).toBeCloseTo(shares[2] ?? Number.NaN, 1);
  });
});

describe("rotations", () => {
  it("are quarter turns, counter-clockwise", () => {
    const ops = new NamedOps(new Graph());
    const x = ops.of(ops.t.input("x", [1, 1, 2, 2]), axes);
    const body = block(expr({ k: "rotations", x: expr({ k: "param", name: "x" }, []), as: "turn" }, [axis("turn", 4)]));
    const nothing = (): never => {
      throw new Error("not here");
    };
    const value = lowerBlock(ops, body, {
      param: () => x,
      learn: nothing,
      apply: nothing,
      entryLoss: nothing,
      draws: undefined,
    });
    const y = ops.order(value, ["item", "turn", "channel", "height", "width"]);
    const out = run(assemble({ name: "test", host: { y: y.node }, feeds: ["x"] }), { x: [1, 2, 3, 4] }).y;
    expect(out).toEqual([1, 2, 3, 4, 2, 4, 1, 3, 4, 3, 2, 1, 3, 1, 4, 2]);
  });
});
