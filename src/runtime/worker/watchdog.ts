/** Tells a slow worker from one that hangs: by progress, never by how long a step may take in the abstract. */

import { firstPatience } from "../stages/patience.js";

export class Watchdog {
  private progress = 0;
  private patience = firstPatience;
  private since: number;

  constructor(now: number) {
    this.since = now;
  }

  /** A sign of life: `progress` counts steps, `patience` is what the worker asks for (0: the first one). */
  beat(progress: number, patience: number, now: number): void {
    if (progress !== this.progress) this.since = now;
    this.progress = progress;
    this.patience = patience === 0 ? firstPatience : patience;
  }

  /** How long there has been no progress, in ms, once that is longer than the patience; undefined before. */
  silence(now: number): number | undefined {
    const silent = now - this.since;
    return silent > this.patience ? silent : undefined;
  }
}
