import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Block, Declaration, Expr } from "../../grammar/ast.js";
import { parse } from "../../grammar/parse.js";
import { FslParser } from "../../grammar/parser.js";
import { print } from "../../grammar/print.js";
import { outsideParents, withoutSpans } from "./helpers.js";

const files = ["tests/grammar", "examples", "specs"].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".fsl"))
    .map((name) => `${folder}/${name}`),
);

test("the grammar passes the parser generator's own validation", () => {
  expect(() => new FslParser({ recoveryEnabled: true, skipValidations: false })).not.toThrow();
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(file, "utf8");
  const parsed = parse(text, file);

  test("parses", () => {
    expect(parsed.errors).toEqual([]);
    expect(parsed.tree.version).toBe(1);
    expect(outsideParents(parsed.tree)).toEqual([]);
  });
  test("means the same after printing, comments included", () => {
    const printed = print(parsed.tree, parsed.trivia);
    const again = parse(printed, file);
    expect(again.errors).toEqual([]);
    expect(withoutSpans(again.tree)).toEqual(withoutSpans(parsed.tree));
    expect(again.trivia.comments.map((c) => c.text)).toEqual(parsed.trivia.comments.map((c) => c.text));
    expect(print(again.tree, again.trivia)).toBe(printed);
  });
});

/** Of a text that parses, formatted. */
function formatted(text: string): string {
  const { tree, errors, trivia } = parse(text, "x.fsl");
  expect(errors).toEqual([]);
  return print(tree, trivia);
}
test("layers stay on the lines on which they were written, with their empty lines and comments", () => {
  const kept = `backbone net {
  conv(64), batch_norm, relu, // the stem
  max_pool(2),

  // two of these
  repeat 2 {
    conv(64), batch_norm
    relu
  }
  flatten as vector
}
`
    .replace("batch_norm\n    relu", "batch_norm,\n    relu")
    .replace("  }\n  flatten", "  },\n  flatten");
  expect(formatted(kept)).toBe(kept);
  const cramped = kept.replace("conv(64), batch_norm, relu", "conv(64),batch_norm  ,   relu").replaceAll("    ", "  ");
  expect(formatted(cramped)).toBe(kept);
});
test("layers on one line are spread only where they do not fit, a line of them is broken where it does not", () => {
  const one = "block b(channels) { conv(channels), batch_norm, relu }\n";
  expect(formatted(one)).toBe(one);
  const layers = Array.from({ length: 12 }, (_, i) => `conv(${i + 1}, kernel: 3)`);
  expect(formatted(`block b { ${layers.join(", ")} }`)).toBe(`block b {\n  ${layers.join(",\n  ")}\n}\n`);
  const lines = formatted(`block b {\n${layers.join(", ")}\n}`)
    .trimEnd()
    .split("\n");
  expect(lines.length).toBeLessThan(7);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
});
test("a body of one value stays on a line of its own where it was written so", () => {
  for (const text of ["fn f(a) { a + 1 }\n", "fn f(a) {\n  a + 1\n}\n"]) expect(formatted(text)).toBe(text);
});

/** The one declaration of a text that parses. */
function only(text: string): Declaration {
  const { tree, errors } = parse(text, "x.fsl");
  expect(errors).toEqual([]);
  const [declaration] = tree.declarations;
  if (declaration === undefined || tree.declarations.length > 1) throw new Error("not one declaration");
  return declaration;
}
function bodyOf(text: string): Block {
  const fn = only(`fn f(a, b, c) { ${text} }`);
  if (fn.kind !== "fn") throw new Error("not a fn");
  return fn.body;
}
/** Fully parenthesized. */
function shown(expr: Expr | undefined): string {
  switch (expr?.kind) {
    case "ref":
      return expr.text;
    case "number":
      return `${expr.value}${expr.unit !== undefined ? ` ${expr.unit.text}` : ""}`;
    case "unary":
      return `(${expr.op} ${shown(expr.operand)})`;
    case "binary":
      return `(${shown(expr.left)} ${expr.op} ${shown(expr.right)})`;
    default:
      return expr?.kind ?? "nothing";
  }
}

test.each([
  ["a + b * c", "(a + (b * c))"],
  ["a - b - c", "((a - b) - c)"],
  ["-a ^ 2", "(- (a ^ 2))"],
  ["-a / 2 * b", "(((- a) / 2) * b)"],
  ["a ^ b ^ c", "(a ^ (b ^ c))"],
  ["(a + b) * c", "((a + b) * c)"],
  ["not a == b and c", "((not (a == b)) and c)"],
  ["a or b and c", "(a or (b and c))"],
  ["a < b + 1", "(a < (b + 1))"],
])("%s is %s", (text, expected) => {
  expect(shown(bodyOf(text).result)).toBe(expected);
});

test("a `-` at the start of a line: with a space it goes on, without it begins", () => {
  const goesOn = bodyOf("let x = a\n  - b\n x");
  expect(goesOn.statements).toMatchObject([{ value: { kind: "binary", op: "-" } }]);
  const begins = bodyOf("let x = a\n -b");
  expect(begins.statements).toMatchObject([{ value: { kind: "ref", text: "a" } }]);
  expect(begins.result).toMatchObject({ kind: "unary", op: "-" });
});

test("parentheses that begin a line are no call", () => {
  const { statements, result } = bodyOf("let x = a\n (b, c)");
  expect(statements).toMatchObject([{ value: { kind: "ref" } }]);
  expect(result).toMatchObject({ kind: "tuple" });
});

test("a word after a number is its unit unless it is a clause, a line of a stage or a name to come", () => {
  const stage = only(
    "evaluate e { encoder net metric m(k: 3 over all) episodes task from d.test, 2000 episodes report accuracy }",
  );
  expect(stage).toMatchObject({
    lines: [
      { kind: "slot" },
      { kind: "slot", value: { args: [{ value: { value: 3, unit: undefined } }], clauses: [{ word: "over" }] } },
      { kind: "episodes", count: { value: 2000, unit: { text: "episodes" } } },
      { kind: "report" },
    ],
  });
});

test("`every` belongs to the report before it, and `every step` is every 1 step", () => {
  const stage = only("meta m { report weights every step, gradients every 10 steps, episodes }");
  expect(stage).toMatchObject({
    lines: [
      {
        kind: "report",
        items: [
          { value: { text: "weights" }, every: { value: 1, unit: { text: "step" } } },
          { value: { text: "gradients" }, every: { value: 10, unit: { text: "steps" } } },
          { value: { text: "episodes" }, every: undefined },
        ],
      },
    ],
  });
});

test("keywords are names where a name belongs", () => {
  const fn = only("fn over(data, from, report over as) { let let = data + from  let * report }");
  expect(fn).toMatchObject({
    name: { text: "over" },
    params: [{ name: { text: "data" } }, { name: { text: "from" } }, { name: { text: "report" } }],
    axes: [{ text: "as" }],
    body: { statements: [{ name: { text: "let" } }] },
  });
});

test("layers: commas are optional after a brace, outputs and labels are kept", () => {
  const backbone = only(
    "backbone b(n = 4) { repeat 4 as i { c1: conv(3, 64), relu, if i < n { max_pool(2) } } as map, flatten as vector }",
  );
  expect(backbone).toMatchObject({
    layers: [
      {
        kind: "repeatLayer",
        index: { text: "i" },
        output: { text: "map" },
        body: [{ label: { text: "c1" } }, {}, { kind: "ifLayer" }],
      },
      { kind: "callLayer", output: { text: "vector" } },
    ],
  });
});

test("several mistakes in one pass, one message each", () => {
  const text = [
    "fsl 1",
    "param a: 5",
    'dataset d = folder(root = "x") {',
    "  train resize(32) normalize",
    "}",
    "fn f(x) { x ** 2 }",
    "backbone b { conv(3 64), relu }",
    "metric m {",
    "  classify(support: vector [way, shot], query: vector) -> logits [way] {",
    "    let s = mean(support over",
    "    s[0]",
    "  }",
    "}",
    "evaluate e { episods task from d.test, 20 episodes }",
  ].join("\n");
  const { errors, tree } = parse(text, "x.fsl");
  const found = errors.map((e) => `${text.slice(0, e.span.start).split("\n").length} ${e.kind}`);
  expect(found).toEqual([
    "2 colon-for-equals",
    "3 equals-for-colon",
    "4 missing-comma",
    "5 unexpected",
    "6 double-star",
    "7 missing-comma",
    "10 unclosed",
    "11 numbered-axis",
    "14 unknown-line",
  ]);
  expect(tree.declarations.map((d) => d.kind)).toEqual(["param", "dataset", "fn", "backbone", "metric", "stage"]);
});

test("a brace that is never closed costs one message, at its opener, and the rest of the file is read", () => {
  const text = "fsl 1\nfn f(x) {\n  x\n\nfn g(x) { x }\nparam a = 1\n";
  const { errors, tree } = parse(text, "x.fsl");
  expect(errors).toMatchObject([{ kind: "unclosed", span: { start: text.indexOf("{") } }]);
  expect(tree.declarations.map((d) => d.name.text)).toEqual(["f", "g", "a"]);
});

test("statistics of another value are printed as they are written", () => {
  const text = "fsl 1\nfn f(encoder, x, y) {\n  encoder(x, norm: from(y)).vector\n}\n";
  expect(print(parse(text, "x.fsl").tree, parse(text, "x.fsl").trivia)).toContain("norm: from(y)");
});

test("lines of a training are printed as they are written", () => {
  const lines = [
    "  learn turns = linear(4)",
    "  learn scale = 1.0 positive",
    "  optimizer sgd(lr: 0.1) {",
    "    encoder.*.* lr_decay: 0.5",
    "    learn.turns frozen",
    "  }",
    "  for 90 epochs, 64 images per step, 4 parts per step, drop last",
    "  patience 10 epochs",
    "  ema 0.999",
  ];
  const text = `fsl 1\n\npretrain p {\n${lines.join("\n")}\n}\n`;
  const { tree, trivia, errors } = parse(text, "x.fsl");
  expect(errors).toEqual([]);
  expect(print(tree, trivia)).toBe(text);
  // Several of one line become a line each; the parts may stand first.
  const other = parse(
    "fsl 1\n\npretrain p { learn a = 1.0, b = 2.0\n for 2 epochs, 4 parts per step, 64 images per step }\n",
    "x.fsl",
  );
  expect(print(other.tree, other.trivia)).toBe(
    "fsl 1\n\npretrain p {\n  learn a = 1.0\n  learn b = 2.0\n  for 2 epochs, 64 images per step, 4 parts per step\n}\n",
  );
});

test("words of declarations are fixed by one letter or their case, and only where a declaration may begin", () => {
  const kinds = (text: string) => {
    const { tree, errors } = parse(`fsl 1\n${text}`, "x.fsl");
    return [tree.declarations.map(({ kind }) => kind), errors.map(({ kind, found }) => `${kind} ${found}`)];
  };
  for (const word of ["meat", "Meta", "mta", "metas"]) {
    expect(kinds(`${word} p {\n  encoder e\n}`)).toEqual([["stage"], [`not-a-declaration ${word}`]]);
  }
  expect(kinds("evalute t {\n  of p\n}\nfn f(x) { x }")).toEqual([["stage", "fn"], ["not-a-declaration evalute"]]);
  // Lines of a stage that stand at the margin; names of two letters.
  expect(kinds("meta p {\nepisodes t from d.train\nencoder e\n}")).toEqual([["stage"], []]);
  expect(kinds("fm f(x) { x }")[1]).toEqual(["not-a-declaration fm"]);
  expect(kinds("fm f(x) { x }")[0]).toEqual([]);
});
