// Writes every golden file, snapshot and generated table anew: `npm run goldens`, or `npm run goldens -- tests/golden` for some.
// Read the differences before you commit them. A difference under tests/stages means that results which users have
// stored will not be found again, so it needs a version in src/compiler/stages/versions.ts and a line in the changelog.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const isGolden = /UPDATE_GOLDEN|toMatch(?:Inline|File)?Snapshot/;
const asked = process.argv.slice(2);
const files = readdirSync("tests", { recursive: true, encoding: "utf8" })
  .map((name) => join("tests", name))
  .filter((file) => /\.test\.tsx?$/.test(file) && isGolden.test(readFileSync(file, "utf8")))
  .filter((file) => asked.length === 0 || asked.some((start) => file.startsWith(start)));
if (files.length === 0) {
  console.error(`no test with golden files is in ${asked.join(", ")}`);
  process.exit(3);
}

const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...files, "--update"], {
  stdio: "inherit",
  env: { ...process.env, UPDATE_GOLDEN: "1" },
});
const changed = execFileSync("git", ["status", "--short", "--", "tests", "docs/engines.md"], { encoding: "utf8" });
console.log(changed === "" ? "No golden file has changed." : `Changed:\n${changed}`);
process.exit(status ?? 1);
