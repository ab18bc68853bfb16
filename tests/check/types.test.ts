/** The types of expressions: named axes through every built-in. */
import { expect, it } from "vitest";
import type { Expr } from "../../src/compiler/typed/tree.js";
import { compileText, experimentOf, found, stageOf } from "./helper.js";

const stages = `
import { conv64 } from "fsl:backbones"
import { emoji } from "fsl:datasets"
episode task = 5 way, 2 shot, 6 query
meta train {
  encoder conv64  metric m  episodes task from emoji.train
  optimizer adam(lr: 1e-3)
  for 1 epoch of 100 episodes, 4 episodes per step
}
`;
const metric = (lets: string, result = "-squared_distance(query, mean(support over shot) over feature)") => `
metric m {
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    ${lets}
    ${result}
  }
}
`;
const [imports, rest] = [stages.split("\n").slice(0, 3).join("\n"), stages.split("\n").slice(3).join("\n")];

/** The axes of an expression over `support` [way=5, shot=2, feature=256] and `query` [feature=256]. */
function typeOf(expr: string, declared = ""): string {
  const text = `fsl 1${imports}\n${declared}\n${metric(`let _it = ${expr}`)}${rest}`;
  const entry = stageOf(experimentOf(text), "meta", "train").metric.value.entries["classify"];
  const statement = entry?.body.statements.at(-1);
  if (statement?.kind !== "let") return "not a tensor";
  const { kind, axes, of }: Expr["type"] = statement.value.type;
  const named = axes.map((axis) => `${axis.name}=${axis.size}`).join(", ");
  return `${kind} [${named}]${of === undefined ? "" : ` of ${of.name}`}`;
}

it.each([
  // Axes with sizes of their own.
  ["zeros(slot: 3, way)", "real [slot=3, way=5]", ""],
  ["eye(i: 2, i': 2) * position(i: 2)", "real [i=2, i'=2]", ""],
  ["label(slot: 3)", "class [slot=3] of slot", ""],
  ["split(query, feature as [head: 4, d])", "real [head=4, d=64]", ""],
  ["split(query, feature as [d, head: size(way) - 1])", "real [d=64, head=4]", ""],
  ["merge(split(query, feature as [head: 4, d]), [head, d] as feature)", "real [feature=256]", ""],
  ["split(split(query, feature as [head: 4, d]), d as [e: 2, g: 32])", "real [head=4, e=2, g=32]", ""],
  // The axes that a function's body made are known to its caller.
  ["sum(halves(query) over d) + zeros(part)", "real [part=2]", "fn halves(x) { split(x, feature as [part: 2, d]) }"],
  ["dot(renamed(query over feature), eye(h, h') over h)", "real [h'=256]", "fn renamed(x over f) { x[f as h] }"],
  [
    "merged(support) + pick(position(way), label(pair) over way)",
    "real [pair=10]",
    "fn merged(x) { sum(merge(x, [way, shot] as pair) over feature) }",
  ],
  // The function's own i' and k are no axes that it is called over.
  [
    "pairs(support[shot as way'] over way, way')",
    "real [way'=2, feature=256, way=5]",
    "fn pairs(x over i, j) { sum(x[i'] over i') + 0.0 * x }",
  ],
  [
    "pairs(support[shot as k] over k)",
    "real [way=5, k=2, feature=256]",
    "fn pairs(x over f) { sum(abs(x - x[f as k]) over k) }",
  ],
  ["pairs(support over way)", "real [way=5, way'=5]", "fn pairs(x over i) { dot(x, x[i'] over shot, feature) }"],
  ["pairs(support[shot as k] over k)", "real [way=5, k=2, feature=256]", "fn pairs(x over f) { x[f as k] }"],
])("%s has the type %s where %s", (expr, type, fn) => {
  expect(typeOf(expr, fn)).toBe(type);
});
it.each([
  ["query * support", "real [feature=256, way=5, shot=2]"],
  ["support[way'] * support[shot']", "real [way'=5, shot=2, feature=256, way=5, shot'=2]"],
  ["sum(support over all)", "real []"],
  ["mean(support over shot, feature)", "real [way=5]"],
  ["max(support over shot)", "real [way=5, feature=256]"],
  ["max(support, 0.0)", "real [way=5, shot=2, feature=256]"],
  ["softmax(support over way, shot)", "probabilities [way=5, shot=2, feature=256]"],
  ["sum(softmax(support over way, shot) over shot)", "probabilities [way=5, feature=256]"],
  ["logsumexp(support over feature)", "real [way=5, shot=2]"],
  ["argmax(support over feature)", "class [way=5, shot=2] of feature"],
  ["dot(query, support over feature)", "real [way=5, shot=2]"],
  ["squared_distance(support, support[way'] over feature)", "real [way=5, shot=2, way'=5]"],
  ["merge(support, [way, shot] as item)", "real [feature=256, item=10]"],
  ["label(way)", "class [way=5] of way"],
  ["label(way')", "class [way'=5] of way"],
  ["one_hot(label(way'))", "real [way'=5, way=5]"],
  ["eye(way, way')", "real [way=5, way'=5]"],
  ["zeros(way, feature)", "real [way=5, feature=256]"],
  ["concat(support, query[feature as feature] + 0.0 * support along shot)", "real [way=5, feature=256, shot=4]"],
  ["top(3, support over feature as best)", "real [way=5, shot=2, best=3]"],
  ["cross_entropy(dot(support[way'], mean(support over shot) over feature), label(way'))", "real [way'=5, shot=2]"],
  ["support > 0.0", "bool [way=5, shot=2, feature=256]"],
  ["if support > 0.0 { support } else { 0.0 }", "real [way=5, shot=2, feature=256]"],
  ["stop_gradient(query)", "real [feature=256]"],
])("%s is %s", (expr, type) => {
  expect(typeOf(expr)).toBe(type);
});

it("labels a merged axis by the way that it holds", () => {
  const text = `fsl 1${imports}${metric("let x = merge(support, [way, shot] as item)\n    let _y = one_hot(label(item)) * mean(x over feature)")}${rest}`;
  const entry = stageOf(experimentOf(text), "meta", "train").metric.value.entries["classify"];
  const last = entry?.body.statements.at(-1);
  expect(last?.kind === "let" && last.value.type.axes.map((axis) => axis.name)).toEqual(["item", "way"]);
});

it("decides a static if by the sizes of the use, and checks both of its branches in the declaration", () => {
  const text = metric(
    "let s = if size(shot) < 3 { support } else { supprt }",
    "-squared_distance(query, mean(s over shot) over feature)",
  );
  expect(found(compileText(`fsl 1\n${text}`))).toEqual(["FSL2001 nothing is called `supprt` here"]);
});

it("computes a value once that is used twice", () => {
  const fn = "fn double(x) { x + x }\n";
  const text = `fsl 1${imports}\n${fn}${metric("let _it = double(exp(support))")}${rest}`;
  const entry = stageOf(experimentOf(text), "meta", "train").metric.value.entries["classify"];
  const [first, second] = entry?.body.statements ?? [];
  expect(first?.kind === "let" && first.value.k).toBe("unary");
  expect(second?.kind === "let" && second.value).toMatchObject({ k: "binary", a: { k: "local" }, b: { k: "local" } });
});

it("finds several mistakes in one pass, and none that only follows from another", () => {
  const text = `fsl 1
metric m(scale = 1.0) {
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    let p = mean(suport over shot)
    let d = squared_distance(query, p over featur)
    -scale * (d + p) / size(ways)
  }
}
param steps = 5 stepps
episode task = 5 way, 1 shots, 0 query
`;
  expect(found(compileText(text))).toEqual([
    "FSL2001 nothing is called `suport` here",
    "FSL3007 no axis `ways` is known here",
    "FSL3011 `stepps` is not a unit",
    "FSL5008 the number of queries must be at least 1, but this is 0",
  ]);
});
