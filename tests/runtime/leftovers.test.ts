import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweepLeftovers } from "../../src/runtime/run/leftovers.js";
import { removeLeftovers, temporaryPath } from "../../src/runtime/system/temporary.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-leftovers-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Returns a name beside `path` as a process gave it that was killed before it could remove it. */
function nameOfTheDead(path: string): string {
  const child = spawnSync(process.execPath, ["--eval", "process.stdout.write(String(process.pid))"]);
  return temporaryPath(path).replace(`-${process.pid}-`, `-${child.stdout}-`);
}

test("a start removes what killed processes left, and nothing that somebody still writes", () => {
  const places = [
    "store/.writing",
    "data/digests.txt",
    "data/packs/1f",
    "data/sources/emoji",
    "fits/a",
    "locks/b.lock",
  ];
  const kept = places.map((place) => temporaryPath(join(dir, place)));
  for (const path of [...kept, ...places.map((place) => nameOfTheDead(join(dir, place)))]) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "content"), "half");
  }
  sweepLeftovers({ dir, home: dir });
  const left = kept.map((path) => readdirSync(dirname(path)).filter((name) => name.includes(".tmp-")));
  expect(left).toEqual(kept.map((path) => [path.slice(dirname(path).length + 1)]));
});

test("what another machine left is removed after a day, because nobody here can ask for its process", () => {
  const theirs = [1, 2].map((i) => temporaryPath(join(dir, `${i}`)).replace(/tmp-[0-9a-f]{8}/, "tmp-00000000"));
  for (const path of theirs) writeFileSync(path, "half");
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  utimesSync(theirs[0] as string, twoDaysAgo, twoDaysAgo);
  removeLeftovers(dir);
  expect(readdirSync(dir)).toEqual([theirs[1]?.slice(dir.length + 1)]);
});

test("files of the user stay, whatever their names look like", () => {
  const names = ["a.tmp-1", "b.tmp-12345678-x-12345678", "c.4711", "experiment.fsl.tmp"];
  for (const name of names) writeFileSync(join(dir, name), "");
  removeLeftovers(dir);
  removeLeftovers(join(dir, "there is no such folder"));
  expect(readdirSync(dir).sort()).toEqual(names);
});
