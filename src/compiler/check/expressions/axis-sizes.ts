/** The sizes that a file writes for axes of its own: `zeros(slot: 8)`, `learn A [slot: 8]`, `split(x, feature as [head: 4, d])`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { showValue } from "../core/tensors.js";
import type { Value } from "../core/values.js";

/** The largest size that may be written. It is far beyond what a method needs, and a product of several still has a number. */
const largest = 1_000_000;

/** Returns a written size, or undefined if it is no whole number from 1 on that is known before the run, which is reported. */
export function writtenSize(axis: string, value: Value, span: ast.Span, scope: Scope): number | undefined {
  if (value.kind === "anything") return undefined;
  const what = `the size of \`${axis}\``;
  if (value.kind !== "int") {
    scope.checker.report("FSL3008", span, { what, found: showValue(value, scope.frame) });
    return undefined;
  }
  if (value.value >= 1 && value.value <= largest) return value.value;
  scope.checker.report("FSL5008", span, { what, range: `from 1 to ${largest}`, found: value.value });
  return undefined;
}

/** Returns whether an axis may have a size of its own here. Reports FSL3051 for one whose size the episode or the encoder gives. */
export function ownsSize(axis: string, span: ast.Span, frame: Frame, { checker }: Scope): boolean {
  if (!frame.isGiven(axis)) return true;
  checker.report("FSL3051", span, { axis, why: "the episode or the encoder gives it" });
  return false;
}
