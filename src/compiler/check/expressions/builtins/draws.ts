/** Random draws: new at each step or episode, and determined by the seed and by their place in the program. */
import type { Law } from "../../../typed/tree.js";
import { type Frame, unprimed } from "../../core/frame.js";
import { showValue } from "../../core/tensors.js";
import { anything, type Value } from "../../core/values.js";
import { type BuiltinCall, knownAxes, knownAxis, requireCallFrame } from "./call.js";

/** Returns the frame if it allows draws. Any other place is reported. */
function drawing(call: BuiltinCall): Frame | undefined {
  const frame = requireCallFrame(call);
  if (frame === undefined || frame.options.draws === true) return frame;
  const help = frame.options.place === "metric" ? ["if the scores are to be random: `classify(…) random -> …`"] : [];
  call.scope.checker.report(
    "FSL3040",
    call.span,
    { what: `\`${call.name}\` draws at random, which is not allowed here` },
    { help },
  );
  return undefined;
}

/** Draws one number for each place of the axes after `as`. */
function numbersOf(call: BuiltinCall, frame: Frame, law: Law): Value {
  const axes = knownAxes(call, call.as, frame);
  return axes === undefined ? anything(call.span) : frame.tensor(call.span, "real", axes, { k: "draw", law });
}

/** Draws uniform numbers from 0 to below 1: `uniform()`, `uniform(as item)`. */
export function uniform(call: BuiltinCall): Value {
  const frame = drawing(call);
  return frame === undefined ? anything(call.span) : numbersOf(call, frame, { kind: "uniform" });
}

/** Draws standard normal numbers: `normal()`, `normal(as item)`. */
export function normal(call: BuiltinCall): Value {
  const frame = drawing(call);
  return frame === undefined ? anything(call.span) : numbersOf(call, frame, { kind: "normal" });
}

/** Draws from a beta distribution: `beta(0.2, 0.2)`, `beta(1.0, 1.0 as item)`. */
export function beta(call: BuiltinCall): Value {
  const frame = drawing(call);
  if (frame === undefined) return anything(call.span);
  const shapes: number[] = [];
  for (const { value, span } of call.args) {
    if (value.kind !== "int" && value.kind !== "real") {
      const what = "a parameter of `beta`";
      call.scope.checker.report("FSL3008", span, { what, found: showValue(value, frame) });
      return anything(call.span);
    }
    if (value.value < 0.01 || value.value > 1000) {
      const range = "from 0.01 to 1000";
      call.scope.checker.report("FSL5008", span, { what: "a parameter of `beta`", range, found: value.value });
      return anything(call.span);
    }
    shapes.push(value.value);
  }
  const [a = 1, b = 1] = shapes;
  return numbersOf(call, frame, { kind: "beta", a, b });
}

/** Draws a random order of an axis: `permutation(item)`. */
export function permutation(call: BuiltinCall): Value {
  const frame = drawing(call);
  const axis = call.axes[0];
  if (frame === undefined || axis === undefined) return anything(call.span);
  const own = knownAxis(call, axis, frame);
  if (own === undefined) return anything(call.span);
  return frame.tensor(
    call.span,
    "class",
    [own],
    { k: "draw", law: { kind: "permutation" } },
    {
      name: unprimed(axis.name),
      size: own.size,
    },
  );
}
