/** Lowering of `repeat`. */
import { CompilerBug } from "../../../common/bug.js";
import type { Statement } from "../../typed/tree.js";
import type { NamedTensor } from "../named-tensor.js";
import { type Round, widenToLanes } from "./loop.js";
import type { LoopContext, LoweringScope } from "./scope.js";

/** Lowers a `repeat` and binds its carried values in `outside`. */
export function lowerRepeat(
  context: LoopContext,
  outside: LoweringScope,
  statement: Extract<Statement, { kind: "repeat" }>,
): void {
  const { ops } = context;
  const { locals, before, until } = statement;
  const round = (carried: readonly NamedTensor[], index: NamedTensor): Round => {
    const scope = context.newScope(index);
    bindAll(scope, locals, carried);
    bindAll(scope, before, carried);
    scope.run(statement.body);
    const next = statement.next.map((e) => scope.real(e));
    bindAll(scope, locals, next);
    return { carried: next, done: until && ops.cast(scope.real(until), "bool") };
  };
  const start = statement.from.map((e) => outside.real(e));
  const loop = widenToLanes(ops, context.dryRun, { bound: context.bound, start, round });
  bindAll(outside, locals, context.driver(loop));
}

function bindAll(scope: LoweringScope, locals: readonly number[], values: readonly NamedTensor[]): void {
  locals.forEach((local, i) => {
    const value = values[i];
    if (value === undefined) throw new CompilerBug(`local ${local} has no value`);
    scope.bind(local, value);
  });
}
