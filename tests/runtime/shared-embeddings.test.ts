/** Evaluations of one encoder on the same images embed them once in a run, and their numbers do not depend on that. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { EvaluateStage } from "../../src/compiler/typed/tree.js";
import { run } from "../../src/runtime/run/run.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { base, experiment, follow, makeProject, type Played, result } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

/** Evaluates the encoder of `base` on `episodes` episodes, and reports the logits too. */
function evaluation(id: string, episodes: number, report: EvaluateStage["report"]): EvaluateStage {
  const encoder = { ...result.encoder, from: { stage: "base", slot: "encoder" as const } };
  const metric = { ...result.metric, from: undefined };
  const rows = result.rows.map((row) => ({ ...row, episodes }));
  return { ...result, id, name: id, needs: ["base"], encoder, metric, rows, report: [...report, { kind: "logits" }] };
}
const first = evaluation("first", 60, []);
const second = evaluation("second", 60, [{ kind: "per_class" }]);
const fewer = evaluation("fewer", 2, []);

async function play(home: string, stages: readonly EvaluateStage[]): Promise<Played & { readonly at: Project }> {
  const at = { dir: project.dir, home: join(project.dir, home) };
  const played = await follow(run(experiment([base, ...stages]), { project: at, threads: 2 }));
  expect(played.summary.failures).toEqual([]);
  return { ...played, at };
}
const embedding = ({ events }: Played): readonly string[] => [
  ...new Set(
    events.flatMap((event) => (event.type === "stage.progress" && event.phase === "embed" ? [event.stage] : [])),
  ),
];
/** Returns the digests of all files of a stage: its scores and its logits. */
function filesOf(at: Project, stage: string): unknown {
  return allEntries(projectPaths.store(at)).find(({ manifest }) => manifest.stage.id === stage)?.manifest.files;
}

test("the second evaluation of the same images embeds nothing, and gives the same bits as alone", async () => {
  const together = await play("together", [first, second, fewer]);
  expect(embedding(together)).toEqual(["first", "fewer"]);
  const alone = await play("alone", [second]);
  expect(embedding(alone)).toEqual(["second"]);
  expect(filesOf(together.at, "second")).toEqual(filesOf(alone.at, "second"));
  expect(together.summary.results.filter(({ stage }) => stage === "second")).toEqual(alone.summary.results);
});

test("a run leaves no embeddings behind", () => {
  const home = join(project.dir, "together");
  expect(existsSync(home)).toBe(true);
  expect(readdirSync(home).filter((name) => name.includes("scratch"))).toEqual([]);
});
