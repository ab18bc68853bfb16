/** The value of a line that is a word and one value: `ema 0.999`, `patience 10 epochs`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Value } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { ScopedLine } from "./stage-lines.js";

/** Returns the value, or undefined after a report. Reports FSL3009 if the line has none or several. */
export function settingValue({ line, scope }: ScopedLine<ast.SettingLine>, what: string): Value | undefined {
  const [expr, more] = line.values;
  if (expr === undefined || more !== undefined) {
    const found = expr === undefined ? "nothing" : `${line.values.length} values`;
    scope.checker.report("FSL3009", line.span, { what, expected: "one number", found });
    return undefined;
  }
  const value = evaluate(expr, scope);
  return value.kind === "anything" ? undefined : value;
}
