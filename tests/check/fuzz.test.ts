/** Mutated files through check, plan and fmt: no crash, no hang, always a diagnostic or an experiment, and nothing lost by formatting. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { format } from "../../grammar/format.js";
import { buildPlan } from "../../src/compiler/stages/plan.js";
import { compileText } from "./helper.js";

function texts(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".fsl"))
    .map((name) => readFileSync(new URL(name, folder), "utf8").replace(/^\/\/[>!].*\n?/gm, ""));
}
/** Texts on which an earlier check, plan or fmt failed. */
const odd = texts(new URL("odd/", import.meta.url));
const corpus = [
  ...odd,
  ...texts(new URL("methods/", import.meta.url)),
  ...texts(new URL("experiments/", import.meta.url)),
  ...texts(new URL("../../specs/", import.meta.url)),
  ...texts(new URL("../golden/", import.meta.url)),
];
/** Tokens with the space before them: mutating these, not letters, gets past the parser. */
const tokensOf = (text: string): string[] => text.match(/\s*(?:"[^"\n]*"|\/\/.*|[A-Za-z_]\w*'*|\d[\w.]*|->|.)/g) ?? [];
/** Names that every object inherits are words too: a table that is looked up carelessly has an entry under them. */
const inherited = Object.getOwnPropertyNames(Object.prototype).map((name) => ` ${name}`);
const vocabulary = [...corpus.flatMap(tokensOf), ...Array.from({ length: 20 }, () => inherited).flat()];

const edit = fc.record({
  kind: fc.constantFrom("delete", "swap", "replace", "insert", "repeat"),
  at: fc.nat(),
  with: fc.nat(),
});

function mutate(text: string, edits: readonly { kind: string; at: number; with: number }[]): string {
  const tokens = tokensOf(text);
  for (const { kind, at, with: other } of edits) {
    if (tokens.length === 0) break;
    const place = at % tokens.length;
    const word = vocabulary[other % vocabulary.length] ?? "";
    if (kind === "delete") tokens.splice(place, 1);
    else if (kind === "replace") tokens[place] = word;
    else if (kind === "insert") tokens.splice(place, 0, word);
    else if (kind === "repeat") tokens.splice(place, 0, ...tokens.slice(place, place + 1 + (other % 12)));
    else {
      const with_ = other % tokens.length;
      [tokens[place], tokens[with_]] = [tokens[with_] ?? "", tokens[place] ?? ""];
    }
  }
  return tokens.join("");
}

function check(text: string): void {
  const started = performance.now();
  const { experiment, diagnostics } = compileText(text);
  expect(performance.now() - started, text).toBeLessThan(10_000);
  const wrong = diagnostics.some((diagnostic) => diagnostic.severity === "error");
  expect(experiment === undefined, text).toBe(wrong);
  expect(format(text, "main.fsl").kind, text).not.toBe("unsafe");
  if (experiment !== undefined) {
    const engine = { name: "onnx", device: "cpu", peakFactor: [1, 6] } as const;
    const plan = buildPlan(experiment, { seed: 0, lookup: () => undefined, data: {}, costs: false, engine });
    expect(JSON.stringify(plan), text).toContain('"stages"');
  }
  for (const { span, message } of diagnostics) {
    // A hole that nobody filled. One that the text itself has may be quoted.
    const holes = (message.match(/\{\w+\}/g) ?? []).filter((hole) => !text.includes(hole));
    expect(holes, text).toEqual([]);
    expect(message, text).not.toMatch(/undefined|\[object|NaN/);
    if (span?.file === "main.fsl")
      expect(0 <= span.start && span.start <= span.end && span.end <= text.length, text).toBe(true);
  }
}

const runs = Number(process.env["FUZZ_RUNS"] ?? 150);

it.each(odd)("survives %.60s", check);

it("survives files with a few tokens changed", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.nat(corpus.length - 1), fc.array(edit, { minLength: 1, maxLength: 4 }), (file, edits) => {
      check(mutate(corpus[file] ?? "", edits));
    }),
    { numRuns: runs },
  );
});

it("survives any text at all", { timeout: 600_000 }, () => {
  const word = fc.nat(vocabulary.length - 1).map((at) => vocabulary[at] ?? "");
  const soup = fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 60 }).map((words) => words.join(" "));
  fc.assert(fc.property(soup, check), { numRuns: runs });
});
