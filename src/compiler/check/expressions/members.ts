/** Members: the name after a dot is a split, a slot, an output or `before`. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import type { BaseSplit } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything, describe, type Value } from "../core/values.js";
import { reportForeignMember } from "./foreign.js";

const splits: readonly BaseSplit[] = ["train", "val", "test", "seen"];
const slots = ["encoder", "head", "metric"] as const;

/** Returns the value that a carried name of a `repeat` had before the round: `u.before`. Undefined for any other member. */
export function valueBeforeRound({ object, member }: ast.MemberExpr, scope: Scope): Value | undefined {
  return member.text === "before" && object.kind === "ref" ? scope.lookup(`${object.text}.before`) : undefined;
}

/** Returns the member of an evaluated object. An unknown member is reported. */
export function memberOf(object: Value, expr: ast.MemberExpr, scope: Scope): Value {
  const { checker } = scope;
  const { span } = expr;
  const member = expr.member.text;
  const unknown = (names: readonly string[]): Value => {
    const owner = object.kind === "outputs" ? `the encoder \`${object.network.name}\`` : describe(object);
    checker.report("FSL2017", expr.member.span, { object: owner, member }, { help: suggest(member, names) });
    return anything(span);
  };
  if (reportForeignMember(object, expr, scope)) return anything(span);
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
      if (outputs.includes(member)) return object.apply(member, span);
      if (object.open && suggestNearest(member, outputs).length === 0) return anything(span);
      return unknown(outputs);
    }
    default:
      return unknown([]);
  }
}
