/** The short form of `scripts/corrupt.mjs`: single faults in the store, the packs and the folders of runs. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("single faults are healed or named, and no other numbers are served", { timeout: 600_000 }, () => {
  const words = ["scripts/corrupt.mjs", "--faults", "5", "--seed", "2"];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
});
