/** Schedules: the factor on the learning rate at each step, and the same number looked up in the graph. */
import type { Node } from "../tensor/ir.js";
import type { Schedule } from "../typed.js";
import type { Named, NamedOps } from "./named.js";

/**
 * The factor at a step (from 0). Warm-up is linear, (step + 1) / warmup, and multiplies what the schedule itself says;
 * milestones and the cosine count from step 0. Cosine: to + (1 − to)·(1 + cos(π·step/over))/2 (Loshchilov & Hutter 2017),
 * then constant.
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

/** The factor at `step` (i32 scalar): computed in f64 on the host, rounded once, looked up by step or by milestone. */
export function lowerSchedule(ops: NamedOps, schedule: Schedule, step: Node): Named {
  switch (schedule.kind) {
    case "constant":
      return table(ops, schedule.warmup, step, (at) => scheduleFactor(schedule, at));
    case "cosine":
      return table(ops, Math.max(schedule.over, schedule.warmup), step, (at) => scheduleFactor(schedule, at));
    case "multistep": {
      const { at, factor } = schedule;
      const ramp = table(ops, schedule.warmup, step, (s) =>
        scheduleFactor({ kind: "constant", warmup: schedule.warmup }, s),
      );
      if (at.length === 0) return ramp;
      const milestones = ops.constant([...at], [{ name: "milestone", size: at.length }], "i32");
      const passed = ops.sum(ops.cast(ops.compare("ge", ops.of(step, []), milestones), "f32"), ["milestone"]);
      const decay = table(ops, at.length, ops.cast(passed, "i32").node, (count) => factor ** count);
      return ops.mul(decay, ramp);
    }
  }
}

/** value(min(at, last)) for a whole number `at` of the graph. */
function table(ops: NamedOps, last: number, at: Node, value: (at: number) => number): Named {
  if (last === 0) return ops.scalar(value(0));
  const { t } = ops;
  const data = Float64Array.from({ length: last + 1 }, (_, i) => value(i));
  return ops.of(t.gather(t.constant([last + 1], data), t.min(at, last), 0), []);
}
