/** The table of docs/methods.md: which family a method's file belongs to, and how its rows are laid out. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { familyOf, type MethodRow, rendered, withTable } from "../../bench/methods-table.js";
import type { EvaluateStage } from "../../src/compiler/typed/tree.js";
import { experimentOf } from "../check/helper.js";

const folder = new URL("../../examples/methods/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(`${name}.fsl`, folder), "utf8");
function evaluated(name: string): EvaluateStage {
  const experiment = experimentOf(read(name), {}, { "base.fsl": read("base") });
  const stage = experiment.stages.find((each) => each.kind === "evaluate" && each.name === "test");
  if (stage?.kind !== "evaluate") throw new Error(`${name} has no evaluation called test`);
  return stage;
}

it.each([
  ["prototypes", "metric", false],
  ["relation", "metric", false],
  ["bi-frn", "metric", false],
  ["r2d2", "meta-learning", false],
  ["maml", "meta-learning", true],
  ["maml-inductive", "meta-learning", false],
  ["rfs", "fine-tuning", false],
  ["skd", "fine-tuning", false],
  ["baseline", "fine-tuning", false],
  ["distribution-calibration", "fine-tuning", false],
  ["tim", "transductive", true],
] as const)("%s is of the family %s", (name, family, together) => {
  const stage = evaluated(name);
  expect(familyOf(stage, read(name))).toBe(family);
  expect(stage.metric.value.entries["classify"]?.transductive).toBe(together);
});

it("every file of the gallery stands in the page, and has an evaluation at one shot and at five", () => {
  const page = readFileSync(new URL("../../docs/methods.md", import.meta.url), "utf8");
  const names = readdirSync(folder).flatMap((file) => (file === "base.fsl" ? [] : [file.replace(/\.fsl$/, "")]));
  for (const name of names) {
    expect(page, name).toContain(`\`${name}\``);
    expect(evaluated(name).rows.map(({ label }) => label)).toEqual(["1 shot", "5 shot"]);
  }
});

it("rows stand by family, the best at one shot first; what failed is said below", () => {
  const row = (mean: number, family: MethodRow["family"]): MethodRow => ({
    what: "",
    family,
    transductive: false,
    accuracy: { "1 shot": { mean, ci95: 0.01 }, "5 shot": { mean: 0.9, ci95: 0.01 } },
    seconds: 12,
    memory: 2 ** 28,
  });
  const rows = { a: row(0.5, "metric"), b: row(0.6, "metric"), pixels: row(0.4, "baseline") };
  const table = rendered({ machine: "On a machine.", rows, failed: { c: ["FSL7020 it died"] } });
  expect(table.split("\n").filter((line) => /^\| (a|b|pixels)/.test(line))).toEqual([
    "| pixels | baseline | one by one | 40.0 ± 1.0 | 90.0 ± 1.0 | 12 s | 256 MiB |",
    "| b | metric | one by one | 60.0 ± 1.0 | 90.0 ± 1.0 | 12 s | 256 MiB |",
    "| a | metric | one by one | 50.0 ± 1.0 | 90.0 ± 1.0 | 12 s | 256 MiB |",
  ]);
  expect(table).toContain("`c` did not run: FSL7020 it died.");
  const page = "x\n<!-- table: begin -->\nold\n<!-- table: end -->\ny";
  expect(withTable(withTable(page, table), "new")).toBe("x\n<!-- table: begin -->\nnew\n<!-- table: end -->\ny");
  expect(() => withTable("no marks", table)).toThrow();
});
