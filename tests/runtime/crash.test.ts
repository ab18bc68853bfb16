/** The short form of `scripts/crash.mjs`: a tiny experiment is killed at some moments, and ends in the same bits as without. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("a run that is killed again and again ends in the same bits, and repeats nothing that was finished", {
  timeout: 600_000,
}, () => {
  const words = ["scripts/crash.mjs", "--kills", "5", "--seed", "2"];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
});
