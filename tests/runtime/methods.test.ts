/** Methods that do more than look at embeddings once, through whole runs: loops, shared queries, fits, own embeddings. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Experiment } from "../../src/compiler/typed/tree.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { run } from "../../src/runtime/run/run.js";
import { fillOrders } from "../../src/runtime/stages/classify.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { follow, makeProject, type Played } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const source = `fsl 1
import { folder } from "fsl:datasets"
import { logistic_regression, prototypes, simple_shot } from "fsl:metrics"
import { fine_tuning } from "fsl:finetuning"
import { bd_cspn, pt_map, tim } from "fsl:transductive"
import { eszsl } from "fsl:zero-shot"

dataset stripes = folder(root: "images") {
  train resize(8), center_crop(8), normalize(mean: [0.5], std: [0.25])
  eval  resize(8), center_crop(8), normalize(mean: [0.5], std: [0.25])
}
dataset described = stripes { describe word from "words.json" }
episode unseen = 2 way, 0 shot, 3 query
backbone raw { flatten, relu as vector }
backbone net { conv(3, 4), batch_norm, relu, max_pool(2), flatten as vector }
episode task = 2 way, 2 shot, 3 query

evaluate regression { encoder raw  metric logistic_regression  episodes task from stripes.test, 6 episodes }
evaluate centred like regression { metric simple_shot  fit from stripes.train }
evaluate again like centred { episodes task from stripes.test, 4 episodes }
evaluate rectified like regression { metric bd_cspn(surest: 2) }
evaluate information like regression { metric tim(rate: 1e-2, steps: 60 steps) }
evaluate transport like regression { metric pt_map(rounds: 5, scalings: 10) }
evaluate told { encoder raw  metric eszsl  fit from described.train  episodes unseen from described.test, 6 episodes }
evaluate tuned like regression { encoder untrained net  metric fine_tuning(rate: 1e-2, steps: 40 steps) }
`;

/** The stripes of a class are described by two words, which the classes of a split share. */
const words = Object.fromEntries(
  [
    ...Array.from({ length: 6 }, (_, c) => `train-${c}`),
    ...["val", "test"].flatMap((s) => [0, 1, 2].map((c) => `${s}-${c}`)),
  ].map((name, i) => [name, [["flat", "slanted"][i % 2], ["wide", "narrow", "steep"][i % 3]]]),
);

let project: Project;
let experiment: Experiment;
beforeAll(async () => {
  project = await makeProject();
  const file = join(project.dir, "methods.fsl");
  writeFileSync(file, source);
  writeFileSync(join(project.dir, "words.json"), JSON.stringify(words));
  const compiled = compileFile(file);
  if (compiled.experiment === undefined)
    throw new Error(compiled.diagnostics.map(({ code, message }) => `${code} ${message}`).join("\n"));
  experiment = compiled.experiment;
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const at = (home: string): Project => ({ dir: project.dir, home: join(project.dir, home) });
const play = (typed: Experiment, home: string, engine: string): Promise<Played> =>
  follow(run(typed, { project: at(home), threads: 2, engine }));

describe("whole runs", () => {
  const played: Record<string, Played> = {};
  beforeAll(async () => {
    for (const engine of ["onnx", "reference"]) played[engine] = await play(experiment, `home-${engine}`, engine);
  });

  test("every method runs, and both engines agree", () => {
    for (const { summary } of Object.values(played)) {
      expect(summary.failures).toEqual([]);
      expect(summary.results).toHaveLength(8);
    }
    const [ours = [], exact = []] = ["onnx", "reference"].map((engine) => played[engine]?.summary.results);
    // One query of an episode that is nearly a tie may fall otherwise.
    for (const [i, { stage, mean }] of ours.entries())
      expect(Math.abs(mean - (exact[i]?.mean ?? 0)), stage).toBeLessThan(0.03);
    for (const { stage, mean } of ours) if (stage !== "told") expect(mean, stage).toBeGreaterThan(0.5);
  });

  test("results of methods that see the queries together say so", () => {
    const kinds = played["onnx"]?.summary.results.map(({ stage, transductive, assumes }) => [
      stage,
      transductive,
      assumes,
    ]);
    expect(kinds).toEqual([
      ["regression", undefined, undefined],
      ["centred", undefined, undefined],
      ["again", undefined, undefined],
      ["rectified", true, undefined],
      ["information", true, undefined],
      ["transport", true, ["balanced"]],
      ["told", undefined, undefined],
      ["tuned", undefined, undefined],
    ]);
  });

  test("what is fitted from base data is computed once", () => {
    // One for "centred" and "again", and one for "told", which fits something else.
    expect(readdirSync(projectPaths.fits(at("home-onnx")))).toHaveLength(2);
    const embedded = (stage: string): number[] => [
      ...new Set(
        played["onnx"]?.events.flatMap((event) =>
          event.type === "stage.progress" && event.stage === stage && event.phase === "embed" ? [event.total ?? 0] : [],
        ),
      ),
    ];
    // The training split of six classes, twelve images each, for the first of the two stages only.
    expect([...embedded("centred"), ...embedded("again")].filter((total) => total === 72)).toHaveLength(1);
  });

  test("a long loop says how far it has come while it runs, and leaves its end to what comes of it", () => {
    const rounds = (stage: string): [done: number, total: number | undefined][] =>
      (played["onnx"]?.events ?? []).flatMap((event) =>
        event.type === "stage.progress" && event.stage === stage && event.unit === "rounds"
          ? [[event.done, event.total]]
          : [],
      );
    const said = rounds("tuned");
    expect(said.length).toBeGreaterThan(0);
    for (const [done, total] of said) {
      expect(total).toBe(40);
      expect(done).toBeLessThan(40);
    }
    expect(rounds("centred")).toEqual([]);
  });

  test("a stored fit that is damaged is named and computed again", async () => {
    const home = "home-onnx";
    const files = readdirSync(projectPaths.fits(at(home))).map((name) => join(projectPaths.fits(at(home)), name));
    const whole = files.map((file) => readFileSync(file));
    for (const [i, bytes] of whole.entries())
      writeFileSync(
        files[i] ?? "",
        bytes.map((byte, k) => (k === bytes.length - 2 ? byte ^ 1 : byte)),
      );
    rmSync(projectPaths.store(at(home)), { recursive: true });
    const again = await play({ ...experiment, wanted: ["centred"] }, home, "onnx");
    const notes = again.events.flatMap((event) => (event.type === "stage.note" ? [event.message] : []));
    expect(notes).toEqual([expect.stringMatching(/^the stored fit in .* is damaged: .*\. It is computed again$/)]);
    // The fit that "centred" uses is made anew; the other one is left as it is until it is wanted.
    expect(files.filter((file, i) => readFileSync(file).equals(whole[i] ?? Buffer.of()))).toHaveLength(1);
    expect(again.summary.results).toEqual(played["onnx"]?.summary.results.filter(({ stage }) => stage === "centred"));
  });

  test("a split that has other images than were counted is no base for a fit", async () => {
    const changed = JSON.parse(
      JSON.stringify(experiment).replaceAll('"name":"item","size":72', '"name":"item","size":73'),
    );
    const { summary } = await play({ ...changed, wanted: ["centred"] } as Experiment, "home-changed", "onnx");
    expect(summary.failures.map(({ code }) => code)).toEqual(["FSL7053"]);
    expect(summary.failures[0]?.message).toContain("72 readable images");
  });
});

test("queries are met in an order of their own in each episode, whatever runs together", () => {
  const orders = (start: number, count: number): number[][] => {
    const data = new Int32Array(count * 8);
    fillOrders({ order: { shape: [count, 8], dtype: "i32", data } }, 7, start, count);
    return Array.from({ length: count }, (_, e) => [...data.subarray(e * 8, (e + 1) * 8)]);
  };
  const all = orders(0, 6);
  for (const order of all) expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(new Set(all.map((order) => order.join())).size).toBe(6);
  expect([...orders(0, 2), ...orders(2, 4)]).toEqual(all);
});
