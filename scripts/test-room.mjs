// Builds, then runs the tests of one or more rooms: `npm run test:room -- lower cli`. A room is a folder of tests/.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const rooms = readdirSync("tests", { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "fixtures")
  .map(({ name }) => name);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !rooms.includes(name));
if (asked.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`tests/ has no room ${unknown.join(", ")}`);
  console.error(`Rooms: ${rooms.join(", ")}. docs/testing.md says what each one proves.`);
  process.exit(3);
}

for (const command of [
  ["scripts/build.mjs"],
  ["node_modules/vitest/vitest.mjs", "run", ...asked.map((name) => `tests/${name}/`)],
]) {
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
