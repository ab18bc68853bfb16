/** The keys of every example's stages, as they are stored on users' disks: a change of code that changes no numbers changes none of them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stageGraph, stageKey } from "../../src/compiler/stages/index.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { digests } from "../lower/fixtures.js";

/** Written with UPDATE_GOLDEN=1, after an example or a version in src/compiler/stages/versions.ts was changed on purpose. */
const file = new URL("./example-keys.golden.json", import.meta.url);
type Golden = Record<string, Readonly<Record<string, string>>>;
const golden: Golden = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Golden) : {};

const home = mkdtempSync(join(tmpdir(), "fslc-keys-"));
afterAll(() => rmSync(home, { recursive: true }));

/** The key of each stage by its id. Data and finished stages have digests that are made up from their ids and keys. */
function keysOf(path: string): Record<string, string> {
  const { experiment } = compileFile(path, { home });
  if (experiment === undefined) throw new Error(`${path} does not compile`);
  const data = Object.fromEntries(Object.keys(experiment.datasets).map((id) => [id, digests(`data of ${id}`)]));
  const keys: Record<string, string> = {};
  for (const node of stageGraph(experiment).nodes) {
    if (node.kind === "ingest") continue;
    const key = stageKey(node.stage, experiment, { seed: 0, outputs: keys, data });
    if (key === undefined) throw new Error(`${node.id} of ${path} has no key`);
    keys[node.id] = key;
  }
  return keys;
}

describe("the keys of the examples", () => {
  const examples = readdirSync("examples", { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".fsl"),
  );
  const now: Golden = {};
  for (const name of examples.sort()) {
    it(name, () => {
      now[name] = keysOf(join("examples", name));
      if (!process.env.UPDATE_GOLDEN) expect(now[name]).toEqual(golden[name]);
    });
  }
  it("are all recorded", () => {
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`);
    else expect(Object.keys(golden).sort()).toEqual([...examples].sort());
  });
});
