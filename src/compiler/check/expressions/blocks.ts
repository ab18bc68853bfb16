/** Blocks: statements that bind names, then the value. See "Loops and minimization" in docs/language.md. */
import type * as ast from "../../../../grammar/ast.js";
import type { Scope } from "../core/scope.js";
import { anything, type Value } from "../core/values.js";
import { evaluate } from "./evaluate.js";
import { evaluateMinimize } from "./minimize.js";
import { evaluateRepeat } from "./repeat.js";

export function evaluateBlock(block: ast.Block, scope: Scope): Value {
  const inner = scope.child();
  for (const statement of block.statements) evaluateStatement(statement, inner);
  return block.result === undefined ? anything(block.span) : evaluate(block.result, inner);
}

function evaluateStatement(statement: ast.Statement, scope: Scope): void {
  switch (statement.kind) {
    case "let":
      evaluateLet(statement, scope);
      break;
    case "repeat":
      evaluateRepeat(statement, scope);
      break;
    case "minimize":
      evaluateMinimize(statement, scope);
      break;
    default:
      statement satisfies never;
  }
}

function evaluateLet({ name, value: expr }: ast.LetStatement, scope: Scope): void {
  const value = evaluate(expr, scope);
  if (scope.hasOwn(name.text)) {
    const first = scope.lookup(name.text);
    const labels = first === undefined ? [] : [{ span: first.span, text: "its value so far" }];
    const help = [`a name has one value: write \`let ${name.text}_new = …\``];
    scope.checker.report("FSL2006", name.span, { name: name.text }, { labels, help });
  }
  scope.define(name.text, value.kind === "tensor" && scope.frame !== undefined ? scope.frame.bind(value) : value);
}
