/** The machine that a benchmark runs on: what it is, and how much of it other programs take meanwhile. */
import { cpus, loadavg } from "node:os";
import { instructionSets } from "../src/runtime/store/numerics.js";

/** The largest share of the processor that other programs may take of a benchmark that is kept. */
export const quiet = 0.1;

export const describeMachine = (threads: number) => ({
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  instructions: instructionSets(),
  threads,
  node: process.version,
  load: loadavg().map((load) => Number(load.toFixed(2))),
});

/** Measures how much processor time others take while the benchmark runs. */
export class Bystanders {
  private readonly started = busySeconds();
  private readonly since = performance.now();

  /** Returns the share of the cores that other programs took, given the seconds of processor time of the benchmark's own processes. */
  share(own: number): number {
    const seconds = (performance.now() - this.since) / 1000;
    return Math.max(0, busySeconds() - this.started - own) / (seconds * cpus().length);
  }
}

/** Returns the seconds that all cores together have worked since the machine was started. */
function busySeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + (user + nice + sys + irq) / 1000, 0);
}
