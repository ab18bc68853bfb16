/** Records where the time of a stage goes: its phases, and the runs of its programs with their kernels. */
import type { MeasuredKernel } from "../engines/engine.js";

/** A stretch of time of a trace, in ms by `performance.now()`. */
export interface Stretch {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
}

/** The time of a phase without that of the phases within it. */
export interface PhaseTime {
  calls: number;
  seconds: number;
}

/** The runs of one program. */
export class ProgramRecord {
  runs = 0;
  seconds = 0;
  /** The starts of the measured runs, in ms by `performance.now()`. */
  readonly measuredStarts: number[] = [];
  readonly kernels: MeasuredKernel[] = [];

  constructor(readonly name: string) {}
}

/** The largest number of phases that a trace keeps. The sums count all of them. */
const mostStretches = 20_000;

export class Recorder {
  readonly started = performance.now();
  readonly phases = new Map<string, PhaseTime>();
  readonly programs: ProgramRecord[] = [];
  readonly stretches: Stretch[] = [];
  /** The phases that the trace does not keep because it has too many. */
  dropped = 0;
  private readonly open: { within: number }[] = [];

  /** Runs `work` and counts its time as that of a phase. Phases may be within each other, but not overlap otherwise. */
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const own = { within: 0 };
    this.open.push(own);
    try {
      return await work();
    } finally {
      this.open.pop();
      this.close(name, start, own.within);
    }
  }

  private close(name: string, start: number, within: number): void {
    const duration = performance.now() - start;
    const outer = this.open.at(-1);
    if (outer !== undefined) outer.within += duration;
    const phase = this.phases.get(name) ?? { calls: 0, seconds: 0 };
    this.phases.set(name, phase);
    phase.calls++;
    phase.seconds += (duration - within) / 1000;
    if (this.stretches.length < mostStretches) this.stretches.push({ name, start, duration });
    else this.dropped++;
  }
}
