/** What stands after a dot: splits, slots, outputs, `before`. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { SplitName } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything, describe, type Value } from "../core/values.js";
import { evaluate } from "./evaluate.js";

const splits: readonly SplitName[] = ["train", "val", "test"];
const slots = ["encoder", "head", "metric"] as const;

export function evaluateMember(expr: ast.MemberExpr, scope: Scope): Value {
  const { checker } = scope;
  const { span } = expr;
  const member = expr.member.text;
  if (member === "before" && expr.object.kind === "ref") {
    const before = scope.lookup(`${expr.object.text}.before`);
    if (before !== undefined) return before;
  }
  const object = evaluate(expr.object, scope);
  const unknown = (names: readonly string[]): Value => {
    checker.report("FSL2017", expr.member.span, { object: describe(object), member }, { help: suggest(member, names) });
    return anything(span);
  };
  switch (object.kind) {
    case "anything":
      return object;
    case "dataset": {
      const split = splits.find((name) => name === member);
      return split === undefined ? unknown(splits) : { kind: "split", dataset: object, split, span };
    }
    case "stage": {
      const slot = slots.find((name) => name === member);
      return slot === undefined ? unknown(slots) : { kind: "stageSlot", stage: object.id, slot, span };
    }
    case "outputs": {
      const outputs = Object.keys(object.network.outputs);
      return outputs.includes(member) ? object.apply(member, span) : unknown(outputs);
    }
    default:
      return unknown([]);
  }
}
