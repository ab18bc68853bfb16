/** Distinguishes a slow worker from one that hangs, by its progress and not by a fixed limit. */

import { firstPatience } from "../stages/patience.js";

/** Measures the time since a worker last made progress. */
export class Watchdog {
  private progress = 0;
  private patience = firstPatience;
  private since: number;

  constructor(now: number) {
    this.since = now;
  }

  /** Records a beat. `progress` counts steps, and `patience` is the one that the worker asks for, or 0 for the first one. */
  beat(progress: number, patience: number, now: number): void {
    if (progress !== this.progress) this.since = now;
    this.progress = progress;
    this.patience = patience === 0 ? firstPatience : patience;
  }

  /** Returns the time without progress in ms if it is longer than the patience, otherwise undefined. */
  silence(now: number): number | undefined {
    const silence = now - this.since;
    return silence > this.patience ? silence : undefined;
  }
}
