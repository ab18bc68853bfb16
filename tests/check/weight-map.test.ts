import { expect, test } from "vitest";
import { type MapRule, mapWeights, type WantedWeight } from "../../src/compiler/check/stages/weight-map.js";
import { WeightPattern } from "../../src/compiler/check/stages/weight-pattern.js";
import type { GivenTensor } from "../../src/compiler/typed/given-files.js";

const wanted = (...lines: string[]): WantedWeight[] =>
  lines.map((line) => {
    const [path = "", sizes = ""] = line.split(" ");
    return { path, shape: sizes.split("×").map(Number) };
  });
const given = (...lines: string[]): GivenTensor[] =>
  wanted(...lines).map(({ path: name, shape }) => ({ name, shape, numeric: true }));
const names = (w: WantedWeight[], g: GivenTensor[], rules: MapRule[] = []): Record<string, string> => {
  const { names: found, missing, unused, misfits, unordered, rules: faults } = mapWeights(w, g, rules);
  expect({ missing, unused, misfits, unordered, faults }).toEqual({
    missing: [],
    unused: [],
    misfits: [],
    unordered: [],
    faults: [],
  });
  return found;
};

test("a residual network of PyTorch: by shape, and by number among equal shapes", () => {
  const own = wanted(
    ...["encoder.a.conv.0.weight 8×3×3×3", "encoder.a.conv.1.weight 8×8×3×3", "encoder.a.conv.2.weight 8×8×3×3"],
    ...["encoder.a.shortcut.conv.0.weight 8×3×1×1"],
  );
  const theirs = given(
    ...["layer1.0.conv1.weight 8×3×3×3", "layer1.0.conv10.weight 8×8×3×3", "layer1.0.conv2.weight 8×8×3×3"],
    ...["layer1.0.downsample.0.weight 8×3×1×1"],
  );
  expect(names(own, theirs)).toEqual({
    "encoder.a.conv.0.weight": "layer1.0.conv1.weight",
    "encoder.a.conv.1.weight": "layer1.0.conv2.weight",
    "encoder.a.conv.2.weight": "layer1.0.conv10.weight",
    "encoder.a.shortcut.conv.0.weight": "layer1.0.downsample.0.weight",
  });
});

test("axes of size 1 do not count by rule or by name, and tell layers apart by shape", () => {
  const own = wanted(
    "encoder.conv.0.weight 8×4×1×1",
    "encoder.linear.0.weight 8×4",
    "encoder.position_table.0.weight 5×4",
  );
  const theirs = given("mlp.weight 8×4", "proj.weight 8×4×1×1", "pos_embed 1×5×4");
  const rules = [{ from: "pos_embed", to: "encoder.position_table.0.weight" }];
  const mapped = { "encoder.position_table.0.weight": "pos_embed" };
  expect(names(own, theirs, rules)).toEqual({
    ...mapped,
    "encoder.conv.0.weight": "proj.weight",
    "encoder.linear.0.weight": "mlp.weight",
  });
  const swapped = [...rules, { from: "proj.*", to: "encoder.linear.0.*" }, { from: "mlp.*", to: "encoder.conv.0.*" }];
  expect(names(own, theirs, swapped)["encoder.conv.0.weight"]).toBe("mlp.weight");
  expect(mapWeights(wanted("encoder.a.weight 2×3"), given("a.weight 3×2"), []).misfits).toHaveLength(1);
});

test("equal names need no rule, with or without the slot's", () => {
  const own = wanted("encoder.conv.0.weight 8×3×3×3", "encoder.conv.1.weight 8×3×3×3");
  const theirs = given("conv.1.weight 8×3×3×3", "encoder.conv.0.weight 8×3×3×3");
  expect(names(own, theirs)).toEqual({
    "encoder.conv.0.weight": "encoder.conv.0.weight",
    "encoder.conv.1.weight": "conv.1.weight",
  });
});

test("rules: parts by name, counted back, stars in order, even where both match one text", () => {
  const own = wanted("encoder.b.0.conv.1.weight 1", "encoder.b.1.conv.2.weight 1");
  const theirs = given("net.layer1.conv.1.weight 1", "net.layer2.conv.2.weight 1", "fc.weight 9");
  const rules = [
    { from: "net.layer{i}.conv.*.*", to: "encoder.b.{i-1}.conv.*.*" },
    { from: "fc.**", to: undefined },
  ];
  expect(names(own, theirs, rules)).toEqual({
    "encoder.b.0.conv.1.weight": "net.layer1.conv.1.weight",
    "encoder.b.1.conv.2.weight": "net.layer2.conv.2.weight",
  });
});

test("patterns: stars take much, parts in braces little and the same text each time", () => {
  const match = (pattern: string, name: string) => {
    const found = new WeightPattern(pattern).match(name);
    return found && [...found.stars, ...found.parts.values()];
  };
  expect(match("a.*.b", "a.x.b")).toEqual(["x"]);
  expect(match("a.*.b", "a.x.y.b")).toBeUndefined();
  expect(match("a.*b", "a.b")).toEqual([""]);
  expect(match("**.b", "a.b.c.b")).toEqual(["a.b.c"]);
  expect(match("**.b", ".b")).toBeUndefined();
  expect(match("**.*.**", "a.b.c.d")).toEqual(["a.b", "c", "d"]);
  expect(match("l{i}.{i}*", "l12.12x")).toEqual(["x", "12"]);
  expect(match("l{i}.{i}*", "l12.1x")).toBeUndefined();
  expect(match("{a}{b}", "xyz")).toEqual(["x", "yz"]);
  expect(match("{0}.{-}(+$", "{0}.{-}(+$")).toEqual([]);
});

test("patterns with very many ways to match are refused, and end at once", () => {
  const hard = new WeightPattern(`${"**.".repeat(20)}z`);
  expect(hard.match(".".repeat(5_000))).toBeUndefined();
  expect(hard.isTooHard).toBe(true);
  const own = wanted("encoder.c.0.weight 2");
  for (const from of [`${"**.".repeat(20)}z`, "*".repeat(100_000)]) {
    const { rules } = mapWeights(own, given(`${".".repeat(5_000)} 2`), [{ from, to: undefined }]);
    expect(rules).toEqual([{ rule: 0, why: expect.stringContaining("too many ways to match") }]);
  }
});

test("what does not fit is told apart: shapes, orders, rules, leftovers", () => {
  const own = wanted("encoder.c.0.weight 2×2", "encoder.c.1.weight 2×2");
  const vague = mapWeights(own, given("first.weight 2×2", "second.weight 2×2"), []);
  expect(vague.unordered).toEqual([["first", "second"]]);
  expect(vague.missing).toHaveLength(2);
  const rule = (from: string, to: string | undefined) =>
    mapWeights(own, given("a1.weight 2×2", "a2.weight 2×3"), [{ from, to }]);
  expect(rule("a{i}.weight", "encoder.c.{i-1}.weight").misfits).toMatchObject([{ given: { name: "a2.weight" } }]);
  expect(rule("a{i}.weight", "encoder.c.0.weight").rules).toMatchObject([
    { rule: 0, why: expect.stringContaining("second time") },
  ]);
  expect(rule("{name}.weight", "encoder.c.{name-1}.weight").rules[0]?.why).toContain("no number");
  expect(rule("b.*", undefined).rules[0]?.why).toContain("matches no tensor");
  expect(rule("a1.*", undefined).unused).toMatchObject([{ name: "a2.weight" }]);
});

test("counters of batch norms are no weights; whole numbers are never any", () => {
  const own = wanted("encoder.n.weight 4");
  const theirs = [...given("bn.weight 4"), { name: "bn.num_batches_tracked", shape: [], numeric: false }];
  expect(names(own, theirs)).toEqual({ "encoder.n.weight": "bn.weight" });
  const ids = mapWeights(own, [{ name: "n.weight", shape: [4], numeric: false }], []);
  expect(ids.misfits).toHaveLength(1);
});

test("a single number fits a single number in every shape, and nothing else", () => {
  const [number, one, square] = [[], [1], [1, 1]].map((shape) => ({ path: "metric.t", shape }));
  for (const own of [number, one, square]) {
    for (const theirs of [number, one, square]) {
      const g = [{ name: "t", shape: theirs?.shape ?? [], numeric: true }];
      if (own !== undefined) expect(names([own], g)).toEqual({ "metric.t": "t" });
    }
  }
  const pair = mapWeights([{ path: "metric.t", shape: [] }], given("t 2"), []);
  expect(pair.misfits).toMatchObject([{ given: { name: "t", shape: [2] } }]);
  const long = mapWeights(wanted("metric.t 2×3"), given("t 6"), []);
  expect(long.misfits).toHaveLength(1);
});
