/** Sums up what a recorder has recorded: the time of each phase, and that of each kind of kernel at each place of the experiment. */
import type { Span } from "../../../grammar/ast.js";
import { FlopCount } from "../../compiler/tensor/cost.js";
import type { Node } from "../../compiler/tensor/ir.js";
import type { MeasuredKernel, Numerics } from "../engines/engine.js";
import type { ProgramRecord, Recorder } from "./recorder.js";

/** The profile of one stage. Times are in seconds. */
export interface StageProfile {
  readonly stage: string;
  readonly engine: Numerics;
  /** The time from the start of the stage to its end, without the measurement of the peak. */
  readonly seconds: number;
  /** The largest number of operations per second that was measured: of a large product of matrices, or of a node of the programs. */
  readonly peak: number;
  /** The time of each phase without the phases in it; the last one is the rest of the stage. */
  readonly phases: readonly { readonly phase: string; readonly calls: number; readonly seconds: number }[];
  readonly kernels: readonly KernelTime[];
  /** The phases that the trace lacks because there were too many. */
  readonly dropped: number;
}

/** The time of the kernels of one kind at one place, in all runs of the stage. */
export interface KernelTime {
  /** The op of the IR; of several in one kernel, the one that it is made for. `other` moves data or is the time between kernels. */
  readonly op: string;
  /** The engine's name of the kernel. */
  readonly kernel: string;
  /** The place in the experiment or the library that the op comes from, if there is one. */
  readonly span: Span | undefined;
  readonly calls: number;
  readonly seconds: number;
  /** The operations of the ops; a multiply-add counts as two. */
  readonly flops: number;
}

/** The op of kernels that compute no node. */
export const otherOp = "other";
/** The kernel that stands for the time of runs that no kernel takes: calls, feeds and results. */
const betweenKernels = "between kernels";

/** The least time in ms of a node's kernels whose speed counts as measured. */
const longEnough = 0.5;

/** Returns the largest number of operations per second of a node in the measured runs. */
export function fastestNode({ programs }: Recorder): number {
  const count = new FlopCount();
  let fastest = 0;
  for (const { kernels } of programs) {
    const times = new Map<number, Map<Node, number>>();
    for (const { node, run, duration } of kernels) {
      if (node === undefined) continue;
      const inRun = times.get(run) ?? new Map<Node, number>();
      times.set(run, inRun.set(node, (inRun.get(node) ?? 0) + duration));
    }
    for (const inRun of times.values())
      for (const [node, time] of inRun)
        if (time >= longEnough) fastest = Math.max(fastest, (1000 * count.of(node)) / time);
  }
  return fastest;
}

export function summarize(recorder: Recorder, seconds: number): Pick<StageProfile, "phases" | "kernels"> {
  const phases = [...recorder.phases].map(([phase, time]) => ({ phase, ...time }));
  const known = phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const largestFirst = phases.sort((a, b) => b.seconds - a.seconds);
  return {
    phases: [...largestFirst, { phase: "the rest", calls: 1, seconds: Math.max(0, seconds - known) }],
    kernels: merge(recorder.programs.flatMap(kernelTimes)),
  };
}

/** Returns the times of the kernels of a program in all of its runs, as far as the measured ones stand for the others. */
function kernelTimes(record: ProgramRecord): KernelTime[] {
  const measured = record.kernels.length === 0 ? 0 : record.measuredStarts.length;
  if (measured === 0) return record.runs === 0 ? [] : [between(record, record.seconds)];
  const warm = measured > 1;
  const kernels = record.kernels.filter(({ run }) => !warm || run > 0);
  const share = record.runs / (warm ? measured - 1 : 1);
  const longest = new Map<Node, MeasuredKernel>();
  for (const kernel of kernels) {
    if (kernel.node === undefined) continue;
    const known = longest.get(kernel.node);
    if (known === undefined || known.duration < kernel.duration) longest.set(kernel.node, kernel);
  }
  const count = new FlopCount();
  const times = merge(
    kernels.map((kernel) => ({
      op: kernel.node?.op ?? otherOp,
      kernel: kernel.kernel,
      span: kernel.node?.span,
      calls: share,
      seconds: (kernel.duration / 1000) * share,
      // Several kernels of a node do its operations once; they are counted for the longest one.
      flops: kernel.node !== undefined && longest.get(kernel.node) === kernel ? count.of(kernel.node) * record.runs : 0,
    })),
  );
  const inKernels = times.reduce((sum, time) => sum + time.seconds, 0);
  return [...times, between(record, Math.max(0, record.seconds - inKernels))];
}

const between = ({ runs }: ProgramRecord, seconds: number): KernelTime => ({
  op: otherOp,
  kernel: betweenKernels,
  span: undefined,
  calls: runs,
  seconds,
  flops: 0,
});

/** Adds up the times with equal op, kernel and place. The longest come first. */
function merge(times: readonly KernelTime[]): KernelTime[] {
  const merged = new Map<string, KernelTime>();
  for (const time of times) {
    const { op, kernel, span } = time;
    const key = [op, kernel, span?.file, span?.start].join(" ");
    const sum = merged.get(key);
    merged.set(key, {
      ...time,
      calls: time.calls + (sum?.calls ?? 0),
      seconds: time.seconds + (sum?.seconds ?? 0),
      flops: time.flops + (sum?.flops ?? 0),
    });
  }
  return [...merged.values()].sort((a, b) => b.seconds - a.seconds);
}
