/** Files on which an earlier check or fmt failed: what check says about each, and whether fmt writes it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { format } from "../../grammar/format.js";
import { compileText, found } from "./helper.js";

const noValue = "FSL1001 a value is expected before `)`";
/** The errors of each file. A file with a syntax error (FSL1…) is not formatted, and every other file is. */
const expected: Readonly<Record<string, readonly string[]>> = {
  "each-of-nothing-in-a-stage": ["FSL3009 `each` must be a list of values, but this is an empty list"],
  "each-of-nothing": ["FSL3009 `each` must be a list of values, but this is an empty list"],
  "empty-parentheses-as-an-argument": [noValue],
  "empty-parentheses-as-scores": [
    "FSL3024 `classify` takes no supports (`support: vector [way, shot]`) or descriptions (`about: tag [way]`)",
    noValue,
  ],
  "empty-parentheses-in-a-layer": [
    noValue,
    "FSL3024 `classify` takes no supports (`support: vector [way, shot]`) or descriptions (`about: tag [way]`)",
    "FSL3013 `sum` needs `over` and its axes",
  ],
  "groups-of-one-line": [
    "FSL5015 `encoder.**` and `**.weight` both set `lr` of `encoder.conv.0.weight`, and neither path is more specific",
  ],
  // The name may be an output of a backbone: a metric that no stage uses is checked without one.
  "inherited-name-as-type": [],
  "local-used-before-bound": [noValue],
  "nested-empty-parentheses": ["FSL2001 nothing is called `emoji` here", noValue],
  // Nothing is known of the folder here.
  "root-of-the-project": [],
  "text-in-a-calculation": ['FSL3004 the text "a" cannot be used in a calculation'],
  "two-groups": [],
  "version-beyond-numbers": ["FSL2010 this file needs FSL 1e309, but this fslc knows only FSL 1"],
};
const folder = new URL("odd/", import.meta.url);

test("every file has its errors here", () => {
  expect(Object.keys(expected).map((name) => `${name}.fsl`)).toEqual(readdirSync(folder).sort());
});

test.each(Object.entries(expected))("%s", (name, errors) => {
  const text = readFileSync(new URL(`${name}.fsl`, folder), "utf8");
  const compilation = compileText(text);
  const wrong = compilation.diagnostics.filter(({ severity }) => severity === "error");
  expect(found({ ...compilation, diagnostics: wrong })).toEqual(errors);
  const isText = errors.every((error) => !error.startsWith("FSL1"));
  expect(format(text, "main.fsl").kind).toBe(isText ? "formatted" : "invalid");
});
