/** Learning rate schedules: the factor on the learning rate at each step, on the host and in the graph. */
import type { Node } from "../../tensor/ir.js";
import type { Schedule } from "../../typed/tree.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";

/**
 * Returns the factor at a step, counted from 0. The warm-up is linear, (step + 1) / warmup, and multiplies the factor of the
 * schedule, which counts from step 0 too. The cosine is to + (1 − to)·(1 + cos(π·step/over))/2 (Loshchilov & Hutter 2017),
 * and constant after `over` steps.
 */
export function scheduleFactor(schedule: Schedule, step: number): number {
  const ramp = schedule.warmup > 0 ? Math.min(1, (step + 1) / schedule.warmup) : 1;
  switch (schedule.kind) {
    case "constant":
      return ramp;
    case "multistep":
      return ramp * schedule.factor ** schedule.at.filter((milestone) => step >= milestone).length;
    case "cosine": {
      const phase = Math.min(1, step / schedule.over);
      return ramp * (schedule.to + ((1 - schedule.to) * (1 + Math.cos(Math.PI * phase))) / 2);
    }
  }
}

/** The largest number of entries of a table in a program: 64 KiB. */
const longestTable = 16_384;

/**
 * Returns the factor at `step` (i32 scalar). It is computed in f64 on the host, rounded once, and looked up by step or by
 * milestone. The factor of a schedule that is too long for a table is computed from the step, with an error of at most 1e-6.
 */
export function lowerLearningRateSchedule(ops: NamedOps, schedule: Schedule, step: Node): NamedTensor {
  switch (schedule.kind) {
    case "constant":
      return warmup(ops, schedule.warmup, step);
    case "cosine": {
      const last = Math.max(schedule.over, schedule.warmup);
      if (last <= longestTable) return table(ops, last, step, (at) => scheduleFactor(schedule, at));
      const { over, to } = schedule;
      const half = halfCosine(ops, over, step);
      const wave = ops.add(ops.scalar(to), ops.mul(ops.scalar(1 - to), ops.mul(half, half)));
      return ops.mul(warmup(ops, schedule.warmup, step), wave);
    }
    case "multistep": {
      const { at, factor } = schedule;
      const ramp = warmup(ops, schedule.warmup, step);
      if (at.length === 0) return ramp;
      const milestones = ops.constant([...at], [{ name: "milestone", size: at.length }], "i32");
      const passed = ops.sum(ops.cast(ops.compare("ge", ops.of(step, []), milestones), "f32"), ["milestone"]);
      const decay = table(ops, at.length, ops.cast(passed, "i32").node, (count) => factor ** count);
      return ops.mul(decay, ramp);
    }
  }
}

/** Returns min(1, (step + 1) / warmup). */
function warmup(ops: NamedOps, length: number, step: Node): NamedTensor {
  if (length <= longestTable) {
    return table(ops, length, step, (at) => scheduleFactor({ kind: "constant", warmup: length }, at));
  }
  const { t } = ops;
  return ops.of(t.div(t.cast(t.min(t.add(step, 1), length), "f32"), length), []);
}

/**
 * Returns cos(π/2 · min(step, over)/over). Its square is (1 + cos(π·step/over))/2, without a difference of nearly equal
 * numbers. It is computed by cos(a + b) = cos a·cos b − sin a·sin b, where a is a multiple of 2^bits steps, so two short
 * tables are enough instead of one long table.
 */
function halfCosine(ops: NamedOps, over: number, step: Node): NamedTensor {
  const { t } = ops;
  const bits = Math.ceil(Math.log2(over + 1) / 2);
  const at = t.cast(t.min(step, over), "u32");
  const index = (node: Node): Node => t.cast(node, "i32");
  const size = 2 ** bits;
  const [coarse, fine] = [index(t.shr(at, bits)), index(t.and(at, size - 1))];
  const angle = (steps: number): number => (Math.PI / 2) * (steps / over);
  const low = (of: (x: number) => number): NamedTensor => table(ops, size - 1, fine, (i) => of(angle(i)));
  const high = (of: (x: number) => number): NamedTensor =>
    table(ops, Math.floor(over / size), coarse, (i) => of(angle(i * size)));
  return ops.sub(ops.mul(high(Math.cos), low(Math.cos)), ops.mul(high(Math.sin), low(Math.sin)));
}

/** Returns value(min(at, last)) for an integer `at` of the graph. */
function table(ops: NamedOps, last: number, at: Node, value: (at: number) => number): NamedTensor {
  if (last === 0) return ops.scalar(value(0));
  const { t } = ops;
  const data = Float64Array.from({ length: last + 1 }, (_, i) => value(i));
  return ops.of(t.gather(t.constant([last + 1], data), t.min(at, last), 0), []);
}
