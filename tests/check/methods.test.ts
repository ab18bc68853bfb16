/** The ten methods and the experiment of the language's page: each checks, alone and in a stage. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { compileText, experimentOf, found, hostOf, stageOf } from "./helper.js";

const folder = new URL("methods/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(`${name}.fsl`, folder), "utf8");
const methods = readdirSync(folder)
  .map((file) => file.replace(/\.fsl$/, ""))
  .filter((name) => name !== "experiment");

/** The file of a method, with stages that use it. */
function inStages(name: string, encoder: string): string {
  const imports = 'import { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\n';
  return `${read(name).replace("fsl 1\n", `fsl 1\n${imports}`)}
episode task = 5 way, 2 shot, 6 query
meta train {
  encoder ${encoder}  metric ${name}  episodes task from emoji.train
  optimizer adam(lr: 1e-3)
  for 1 epoch of 100 episodes, 4 episodes per step
}
evaluate final { of train  episodes task from emoji.test, 600 episodes }
`;
}

it.each(methods)("%s checks by itself", (name) => {
  expect(found(compileText(read(name)))).toEqual([]);
});

const experiments = new URL("experiments/", import.meta.url);
it.each(readdirSync(experiments))("the experiment %s checks, and its stages can run", (file) => {
  const { stages } = experimentOf(readFileSync(new URL(file, experiments), "utf8"));
  expect(stages.flatMap(({ blockers }) => blockers)).toEqual([]);
});

const blocked: Record<string, string[]> = {
  logistic_regression: ["FSL5101"],
  tim: ["FSL5101"],
};
it.each(methods)("%s checks in a stage, and says what does not run yet", (name) => {
  const encoder = name === "relation" ? "conv64(pools: 1)" : "conv64";
  const experiment = experimentOf(inStages(name, encoder));
  const stage = stageOf(experiment, "meta", "train");
  expect(stage.blockers.map((blocker) => blocker.code)).toEqual(blocked[name] ?? []);
});

it("the experiment of the language's page checks; its own student and the regression wait for a later version", () => {
  const experiment = experimentOf(read("experiment"));
  expect(experiment.stages.map((stage) => stage.id)).toEqual(["teacher", "student", "proto", "tuned", "rfs"]);
  const codes = Object.fromEntries(
    experiment.stages.map((stage) => [stage.id, stage.blockers.map((blocker) => blocker.code)]),
  );
  expect(codes).toEqual({ teacher: [], student: [], proto: [], tuned: [], rfs: [] });
  const tuned = stageOf(experiment, "evaluate", "tuned");
  expect(tuned.rows.map((row) => [row.label, row.task.shot])).toEqual([
    ["1 shot", 1],
    ["5 shot", 5],
  ]);
});

it.each(["backbones", "metrics", "meta", "finetuning", "transductive", "datasets", "episodes", "functions", "prelude"])(
  "the library file %s checks by itself",
  (name) => {
    const host = hostOf({});
    const compilation = compile(host, `fsl:${name}`, { set: {} });
    expect(found(compilation)).toEqual([]);
  },
);
