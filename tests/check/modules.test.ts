/** Imports: what is named, from where, with which parameters; stages handed from file to file. */
import { expect, it } from "vitest";
import { compileText, experimentOf, found, stageOf } from "./helper.js";

const base = `fsl 1
import { emoji } from "fsl:datasets"
param width = 16
param epochs = 1 epoch
backbone net { conv(3, width), batch_norm, relu, max_pool(4), flatten as vector }
pretrain base {
  data emoji.train  encoder net  head linear(class)
  optimizer sgd(lr: 0.1)
  for epochs, 64 images per step, drop last
}
`;
const tuned = (line: string) => `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
${line}
episode task = 5 way, 1 shot, 5 query
evaluate final { encoder base.encoder  metric prototypes  episodes task from emoji.test }
`;

it("takes a stage from another file, and wants only what the root declares", () => {
  const experiment = experimentOf(tuned('import { base } from "./base.fsl"'), {}, { "base.fsl": base });
  expect(experiment.stages.map((stage) => stage.id)).toEqual(["base.base", "final"]);
  expect(experiment.wanted).toEqual(["final"]);
  expect(stageOf(experiment, "evaluate", "final").needs).toEqual(["base.base"]);
});

it("gives an imported file its parameters by `with`, each import its own", () => {
  const text = tuned(`import { base } from "./base.fsl" with (width: 8)
import { base as wide } from "./base.fsl" with (width: 32, epochs: 3 epochs)`).replace(
    "evaluate final",
    "evaluate other { encoder wide.encoder  metric prototypes  episodes task from emoji.test }\nevaluate final",
  );
  const experiment = experimentOf(text, {}, { "base.fsl": base });
  const narrow = stageOf(experiment, "pretrain", "base.base");
  const wide = stageOf(experiment, "pretrain", "base~1.base");
  expect(narrow.encoder.value.weights[0]?.shape[0]).toBe(8);
  expect(wide.encoder.value.weights[0]?.shape[0]).toBe(32);
  expect(wide.duration.epochs).toBe(3);
});

it("reads --set for the root alone", () => {
  const compilation = compileText(tuned('import { base } from "./base.fsl"'), { width: "8" }, { "base.fsl": base });
  expect(found(compilation)).toEqual(["FSL2011 `main.fsl` has no parameter `width` to set"]);
});

it("keeps stages of two files of one name apart", () => {
  const text = `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
import { base } from "./a/base.fsl"
import { base as second } from "./b/base.fsl"
episode task = 5 way, 1 shot, 5 query
evaluate one { encoder base.encoder  metric prototypes  episodes task from emoji.test }
evaluate two { encoder second.encoder  metric prototypes  episodes task from emoji.test }
`;
  const experiment = experimentOf(
    text,
    {},
    { "a/base.fsl": base, "b/base.fsl": base.replace("width = 16", "width = 4") },
  );
  const first = stageOf(experiment, "evaluate", "one").encoder;
  const other = stageOf(experiment, "evaluate", "two").encoder;
  expect(first.from?.stage).not.toBe(other.from?.stage);
  expect([first.value.weights[0]?.shape[0], other.value.weights[0]?.shape[0]]).toEqual([16, 4]);
});

it("reports what is wrong in an imported file, with that file's place", () => {
  const { diagnostics } = compileText(
    tuned('import { base } from "./base.fsl"'),
    {},
    { "base.fsl": base.replace("relu", "rely") },
  );
  expect(diagnostics.map((diagnostic) => [diagnostic.code, diagnostic.span?.file])).toEqual([["FSL4001", "base.fsl"]]);
});

it("does not ask for a value that the importer gives", () => {
  const library = "fsl 1\nparam depth: int\nbackbone net { repeat depth { conv(3, 8), relu } flatten as vector }\n";
  const text = 'fsl 1\nimport { net } from "./nets.fsl" with (depth: 2)\nbackbone mine = net\n';
  expect(found(compileText(text, {}, { "nets.fsl": library }))).toEqual([]);
  expect(found(compileText(text.replace("with (depth: 2)", ""), {}, { "nets.fsl": library }))).toEqual([
    "FSL2013 `depth` has no default value and was given none",
  ]);
});

it.each(["7", "1e309", "1.5"])("quotes the version %s as it is written, where it stands", (version) => {
  const text = `// a comment\nfsl ${version}`;
  const [diagnostic] = compileText(text).diagnostics;
  expect(diagnostic).toMatchObject({
    code: "FSL2010",
    message: `this file needs FSL ${version}, but this fslc knows only FSL 1`,
  });
  expect(text.slice(diagnostic?.span?.start, diagnostic?.span?.end)).toBe(`fsl ${version}`);
});
