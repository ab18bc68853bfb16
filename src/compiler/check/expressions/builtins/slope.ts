/** The function `slope`, a derivative as a value. */
import { computedFrom, type Named, readsAny } from "../../../typed/dependence.js";
import { anything, type Value } from "../../core/values.js";
import { type BuiltinCall, numbersArgument, requireCallFrame } from "./call.js";

/** Returns the derivative of the sum of f in x, a value with a name: `slope(critic(mixed), mixed)`. It has the axes of x. */
export function slope(call: BuiltinCall): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const f = numbersArgument(call, 0);
  const x = numbersArgument(call, 1);
  if (frame === undefined || f === undefined || x === undefined) return anything(span);
  const refuse = (why: string, help: readonly string[] = []): Value => {
    scope.checker.report("FSL3054", call.args[1]?.span ?? span, { why }, { help });
    return anything(span);
  };
  const { k } = x.expr;
  if (k !== "local" && k !== "param")
    return refuse("this value has no name", ["give it a name before f is computed: `let x = …`"]);
  const named = x.expr as Named;
  const between = computedFrom(named, frame.statementsSoFar());
  if (!readsAny(f.expr, named, between)) return refuse("f is not computed from it");
  if (between.some(({ kind }) => kind !== "let"))
    return refuse("a loop computes from it, and no derivative passes through it here");
  return frame.tensor(span, "real", x.expr.type.axes, { k: "slope", f: f.expr, x: x.expr });
}
