/** Measures how much of the processor other programs take while something is timed. */
import { cpus } from "node:os";

/** The largest share of the processor that other programs may take of a time that is kept. */
export const quietShare = 0.1;

export class Bystanders {
  private readonly started = busySeconds();
  private readonly since = performance.now();

  /** Returns the share of all cores that others took since this was made, given the seconds of processor time that do not count as theirs. */
  share(own: number): number {
    const seconds = (performance.now() - this.since) / 1000;
    return Math.max(0, busySeconds() - this.started - own) / (seconds * cpus().length);
  }
}

/** Returns the seconds that all cores together have worked since the machine was started. */
function busySeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + (user + nice + sys + irq) / 1000, 0);
}
