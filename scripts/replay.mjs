// Plays the events of a run on the live screen, to see the screen without training:
//   node scripts/replay.mjs .fslc/runs/<id>/events.ndjson [--speed 10]
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { inkReporter } from "../dist/src/cli/reporters/ink.js";

const [file] = process.argv.slice(2);
const at = process.argv.indexOf("--speed");
const speed = at > 0 ? Number(process.argv[at + 1]) : 1;
if (file === undefined) {
  console.error("usage: node scripts/replay.mjs EVENTS.ndjson [--speed N]");
  process.exit(3);
}
const events = readFileSync(file, "utf8").trim().split("\n").map(JSON.parse);

let presses = 0;
const reporter = inkReporter(process, () => {
  presses++;
  reporter.interrupted();
});
const offset = Date.now() - events[0].time;
let skipped = 0;
for (let i = 0; i < events.length && presses < 2; i++) {
  const pause = i > 0 ? (events[i].time - events[i - 1].time) / speed : 0;
  if (pause > 0) await sleep(pause);
  skipped = i > 0 ? skipped + (events[i].time - events[i - 1].time) * (1 - 1 / speed) : 0;
  reporter.event({ ...events[i], time: events[i].time + offset - skipped });
}
await reporter.close();
