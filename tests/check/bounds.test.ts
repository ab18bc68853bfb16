/** Tests that long chains and large files end in one located diagnostic, or are checked in reasonable work. */
import { describe, expect, test } from "vitest";
import { format } from "../../grammar/format.js";
import { compileText, found } from "./helper.js";

const many = 5000;
const lines = (line: (i: number) => string): string => Array.from({ length: many }, (_, i) => line(i)).join("\n");

describe("a chain of declarations", () => {
  const stage = `import { conv64 } from "fsl:backbones"
import { prototypes } from "fsl:metrics"
import { emoji } from "fsl:datasets"
episode task = 5 way, 1 shot, 3 query
meta s${many} { encoder conv64  metric prototypes  episodes task from emoji.train  optimizer adam(lr: 1e-3)  for 2 epochs of 3 episodes }`;
  const classify = `metric m { classify(support: vector [way, shot], query: vector) -> logits [way] {
    f0(-squared_distance(query, mean(support over shot) over feature))
  } }`;
  test.each([
    ["parameters", `${lines((i) => `param p${i} = p${i + 1}`)}\nparam p${many} = 1`],
    ["backbones", `${lines((i) => `backbone b${i} = b${i + 1}`)}\nbackbone b${many} { flatten as vector }`],
    [
      "datasets",
      `import { emoji } from "fsl:datasets"\n${lines((i) => `dataset d${i} = d${i + 1}`)}\ndataset d${many} = emoji()`,
    ],
    ["functions", `${lines((i) => `fn f${i}(x) { f${i + 1}(x) }`)}\nfn f${many}(x) { x }\n${classify}`],
    [
      "blocks",
      `${lines((i) => `block k${i}() { k${i + 1}() }`)}\nblock k${many}() { relu }\nbackbone b { k0(), flatten as vector }`,
    ],
    ["stages", `${stage}\n${lines((i) => `meta s${i} like s${i + 1} { }`)}`],
  ])("of %s is reported once", (_, text) => {
    const all = compileText(`fsl 1\n${text}\n`);
    const errors = all.diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map(({ code }) => code)).toEqual(["FSL2020"]);
    expect(errors[0]?.span?.file).toBe("main.fsl");
  });
});

test("a chain of imports is followed a hundred deep, and then reported", () => {
  const name = (i: number): string => `f${i}.fsl`;
  const files = Object.fromEntries(
    Array.from({ length: 1400 }, (_, i) => [
      name(i),
      `fsl 1\nimport { p${i + 1} } from "./${name(i + 1)}"\nparam p${i} = p${i + 1}\n`,
    ]),
  );
  const text = 'fsl 1\nimport { p0 } from "./f0.fsl"\nparam p = p0\n';
  expect(found(compileText(text, {}, files))).toEqual([
    "FSL2020 this experiment has imports of imports, more than 100 deep",
  ]);
});

test("thousands of misspelt names are all reported, and the first have a suggestion", () => {
  const all = compileText(`fsl 1\n${lines((i) => `param abcdefghijkl${i} = abcdefghijkm${i}x`)}\n`);
  expect(all.diagnostics).toHaveLength(many);
  expect(all.diagnostics[0]?.help).toEqual(["did you mean `abcdefghijkl0`?"]);
  expect(all.diagnostics.at(-1)?.help).toEqual([]);
});

test("a metric with thousands of parameters is formatted to a line for each", () => {
  const params = Array.from({ length: many }, (_, i) => `p${i} = ${i}`).join(", ");
  const text = `fsl 1\nmetric m(${params}) { classify(support: vector [way, shot], query: vector) -> logits [way] { query } }\n`;
  const formatted = format(text, "main.fsl");
  expect(formatted.kind).toBe("formatted");
  expect(formatted.kind === "formatted" ? formatted.text.split("\n").length : 0).toBeGreaterThan(many);
});
