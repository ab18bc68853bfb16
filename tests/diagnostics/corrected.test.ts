/** The examples of `fslc explain`: the wrong one gives its diagnostic, and the right one beside it does not. */
import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import type { Code } from "../../src/compiler/diagnostics/code.js";
import { registry } from "../../src/compiler/diagnostics/diagnostic.js";
import { explain } from "../../src/compiler/diagnostics/explain.js";
import { compileText } from "../check/helper.js";

/** The codes whose examples are commands or several files. */
const withoutText = ["FSL2004", "FSL5075", "FSL5060"];
const entries: readonly (readonly [string, Code])[] = Object.entries(registry);
const ofCompiler = entries.filter(([code]) => /^FSL[1-5]/.test(code));
const corrected = ofCompiler.flatMap(([code, { example, corrected: right }]) =>
  right === undefined ? [] : [{ code, example, right }],
);
/** The codes whose corrected text needs a file that is not there: weights, and vectors, which say how long they are. */
const needsFile = ["FSL5061", "FSL5080"];

/** The examples that are commands, or that stand for a larger text: another diagnostic comes first, or none. */
const incomplete = [
  ...["FSL2005", "FSL2011", "FSL2012", "FSL2015", "FSL2016", "FSL2017", "FSL2019", "FSL2020", "FSL3020", "FSL3028"],
  ...["FSL3030", "FSL4003", "FSL5006", "FSL5010", "FSL5013", "FSL5018", "FSL5025", "FSL5026", "FSL5101", "FSL5102"],
  ...["FSL5106", "FSL5109", "FSL5062", "FSL5063"],
];

const codesIn = (text: string): readonly string[] => {
  const { diagnostics, experiment } = compileText(text);
  const blockers = experiment?.stages.flatMap((stage) => stage.blockers.map(({ code }) => code)) ?? [];
  return [...diagnostics.map(({ code }) => code), ...blockers];
};

test("every code of the compiler whose example is a text has a corrected text", () => {
  expect(ofCompiler.filter(([, entry]) => entry.corrected === undefined).map(([code]) => code)).toEqual(withoutText);
});

test.each(corrected)("the corrected text of $code has no syntax errors, and its code is gone", ({ code, right }) => {
  expect(parse(right, "main.fsl").errors).toEqual([]);
  if (!needsFile.includes(code)) expect(codesIn(right)).not.toContain(code);
});

test.each(corrected)("the example of $code gives it", ({ code, example }) => {
  if (!incomplete.includes(code)) expect(codesIn(example)).toContain(code);
});

test("what is changed is marked in both texts", () => {
  const found = explain("FSL1009");
  expect(found.found ? found.text : "").toContain(
    [
      "Wrong:",
      "    fsl 1",
      "  - param scale = 2 ** 3",
      "",
      "Right:",
      "    fsl 1",
      "  + param scale = 2 ^ 3",
      "",
      "help: Write `^`.",
    ].join("\n"),
  );
});
