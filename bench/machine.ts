/** The machine that a benchmark runs on. */
import { cpus, loadavg } from "node:os";
import { instructionSets } from "../src/runtime/system/instructions.js";

export const describeMachine = (threads: number) => ({
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  instructions: instructionSets(),
  threads,
  node: process.version,
  load: loadavg().map((load) => Number(load.toFixed(2))),
});
