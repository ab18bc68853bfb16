/** Runs on packed images that were damaged, and evaluations whose scores are not numbers. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Experiment } from "../../src/compiler/typed/tree.js";
import { run } from "../../src/runtime/run/run.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { baseline, experiment, follow, images, makeProject, type Played, proto } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const play = (typed: Experiment, at: Project): Promise<Played> => follow(run(typed, { project: at, threads: 2 }));
const notesOf = ({ events }: Played): string[] =>
  events.flatMap((event) => (event.type === "stage.note" ? [event.message] : []));
const clearStore = (): void => rmSync(projectPaths.store(project), { recursive: true });

test("a stage that meets a damaged image packs the images again and gives the results of the clean run", async () => {
  const clean = await play(experiment([baseline]), project);
  const packs = join(projectPaths.data(project), "packs");
  const [name = ""] = readdirSync(packs).filter((entry) => !entry.includes("."));
  const rows = join(packs, name, "images-0.u8");
  const whole = readFileSync(rows);
  writeFileSync(rows, Buffer.alloc(whole.length));
  clearStore();
  const healed = await play(experiment([baseline]), project);
  expect(healed.summary.results).toEqual(clean.summary.results);
  expect(notesOf(healed)).toEqual([
    expect.stringMatching(/are damaged: the pixels of test\/\S+ have changed; they are packed again$/),
  ]);
  expect(readFileSync(rows).equals(whole)).toBe(true);
  // Without the source the damage is an error, and nothing is stored.
  writeFileSync(rows, Buffer.alloc(whole.length));
  clearStore();
  const gone = { ...images, source: { kind: "folder", args: { root: "elsewhere" } } };
  const failed = await play({ ...experiment([baseline]), datasets: { d: gone } }, project);
  expect(failed.summary.failures[0]).toMatchObject({ stage: "data:d", code: "FSL6001" });
  expect(failed.summary.results).toEqual([]);
});

test("a training whose validation gives scores that are not numbers fails, instead of counting them as wrong", async () => {
  const wild = { ...images, eval: [{ op: "normalize", mean: [0.5], std: [1e-40] } as const] };
  const alone = { ...proto, encoder: { ...proto.encoder, from: undefined }, needs: [] };
  const played = await play({ ...experiment([alone]), datasets: { d: wild } }, project);
  const [failure] = played.summary.failures;
  expect(failure).toMatchObject({ stage: "proto", code: "FSL7009" });
  expect(failure?.message).toMatch(
    /^the stage `proto \(validation\)` gave \d+ of 120 queries scores that are not numbers/,
  );
});

test("an evaluation whose scores are not numbers fails, and nothing is stored", async () => {
  const wild = { ...images, eval: [{ op: "normalize", mean: [0.5], std: [1e-40] } as const] };
  const played = await play({ ...experiment([baseline]), datasets: { d: wild } }, project);
  expect(played.summary.status).toBe("failed");
  const [failure] = played.summary.failures;
  expect(failure).toMatchObject({ stage: "baseline", code: "FSL7009" });
  expect(failure?.message).toBe(
    "the stage `baseline` gave 360 of 360 queries scores that are not numbers; the first is query 1 of episode 1",
  );
  expect(existsSync(projectPaths.store(project)) ? allEntries(projectPaths.store(project)) : []).toEqual([]);
});
