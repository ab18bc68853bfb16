/** The pages on the language say what is true: the grammar has the parser's rules, and the examples compile. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { strictParser } from "../../grammar/parser.js";
import { transformNames } from "../../src/compiler/check/data/transforms.js";
import { builtinNames } from "../../src/compiler/check/expressions/builtins/table.js";
import { layerKinds } from "../../src/compiler/check/networks/layer-kinds.js";
import { compileText, found } from "../check/helper.js";

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const blocksOf = (text: string): { readonly kind: string; readonly text: string }[] =>
  [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, kind = "", text = ""]) => ({ kind, text }));
const page = read("language.md");
const blocks = blocksOf(page);
const whole = blocks.filter(({ kind }) => kind === "fsl");
const fragments = blocks.filter(({ kind }) => kind === "fsl fragment");
const opening = whole[0]?.text ?? "";

test("every block is of a known kind", () => {
  expect(new Set(blocks.map(({ kind }) => kind))).toEqual(new Set(["fsl", "fsl fragment", "ebnf", "json"]));
  expect(fragments.length).toBeGreaterThan(8);
});

describe("the grammar", () => {
  const ebnf = blocks.find(({ kind }) => kind === "ebnf")?.text ?? "";
  const rules = [...ebnf.matchAll(/^(\w+)\s*=/gm)].map(([, name = ""]) => name);
  /** Rules that exist for recovery only. */
  const recovery = /^stray/;
  const parsers = Object.keys(strictParser().getGAstProductions()).filter((name) => !recovery.test(name));

  test("has the parser's rules", () => {
    expect([...rules].sort()).toEqual([...parsers].sort());
  });
  test("uses no rule that it does not have, and has none that it does not use", () => {
    const used = new Set([...ebnf.replace(/"[^"]*"/g, "").matchAll(/\b[a-z]\w*/g)].map(([name]) => name));
    expect([...used].sort()).toEqual([...rules].sort());
  });
});

/** Files that examples name: a list of episodes, and the tensors of a network in PyTorch. */
const image = { support: [0], query: [1] };
const episode = [
  { class: "ant", ...image },
  { class: "bee", ...image },
];
const layer = (i: number): string =>
  [
    `features.${i}.0.weight 64×${i === 0 ? 3 : 64}×3×3`,
    `features.${i}.0.bias 64`,
    ...["weight", "bias", "running_mean", "running_var"].map((leaf) => `features.${i}.1.${leaf} 64`),
  ].join("\n");
const files = {
  "list.json": JSON.stringify({ format: 1, way: 2, shot: 1, query: 1, episodes: [episode, episode] }),
  "conv64.safetensors": `${[0, 1, 2, 3].map(layer).join("\n")}\nfc.weight 5×256`,
};
const errorsOf = (text: string): string[] => {
  const compilation = compileText(text, {}, files);
  const errors = compilation.diagnostics.filter(({ severity }) => severity === "error");
  return found({ ...compilation, diagnostics: errors });
};
test.each(whole.map(({ text }) => [text.split("\n").slice(0, 3).join(" / "), text]))("%s", (_, text) => {
  expect(parse(text, "docs").errors).toEqual([]);
  expect(errorsOf(text)).toEqual([]);
});
test.each(fragments.map(({ text }) => [text.split("\n")[0] ?? "", text]))("%s", (_, text) => {
  expect(errorsOf(`${opening}\n${text}`)).toEqual([]);
});

test("the examples of docs/writing-methods.md are one file that compiles", () => {
  const text = blocksOf(read("writing-methods.md"))
    .map((block) => block.text)
    .join("\n");
  expect(text.match(/^(metric|pretrain|meta|evaluate) /gm)?.length).toBeGreaterThan(9);
  expect(errorsOf(text)).toEqual([]);
});

test.each([
  ["layers", Object.keys(layerKinds)],
  ["built-in functions", builtinNames],
  ["transforms", transformNames],
])("names all %s", (_, names) => {
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([]);
});
