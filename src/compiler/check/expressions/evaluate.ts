/**
 * Evaluates expressions. Static values are computed at once; tensors get a type and a node of the typed tree. One function
 * does both, since every formula mixes static numbers and tensors.
 */
import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import { unprimed } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import {
  alignAxes,
  asNumbers,
  asTensor,
  binaryTensor,
  findAxis,
  reportMissingAxis,
  show,
  showValue,
} from "../core/tensors.js";
import { anything, int, real, unitOf, unitWords, type Value } from "../core/values.js";
import { evaluateBlock } from "./blocks.js";
import { isBuiltin } from "./builtins/table.js";
import { evaluateCall } from "./calls.js";
import { reportForeignName, reportHyphenatedCount } from "./foreign.js";
import { foreignDeclaration } from "./foreign-words.js";
import { memberOf, valueBeforeRound } from "./members.js";

export function evaluate(expr: ast.Expr, scope: Scope): Value {
  const { checker } = scope;
  const { span } = expr;
  switch (expr.kind) {
    case "number":
      return numberValue(expr, scope);
    case "text":
      return { kind: "text", value: expr.value, span };
    case "bool":
      return { kind: "bool", value: expr.value, span };
    case "each":
      reportEach(expr.word, span, scope);
      return anything(span);
    case "list":
    case "tuple":
      return { kind: expr.kind, items: expr.items.map((item) => evaluate(item, scope)), span };
    case "ref": {
      const value = scope.lookup(expr.text);
      if (value?.kind === "each") {
        reportEach(value.word, span, scope, value.span);
        return anything(span);
      }
      if (value !== undefined)
        return value.kind === "tensor" ? { ...value, span, expr: { ...value.expr, span } } : value;
      if (isBuiltin(expr.text)) return { kind: "builtin", name: expr.text, span };
      reportUnknownName(expr, scope);
      return anything(span);
    }
    case "member":
      return valueBeforeRound(expr, scope) ?? memberOf(evaluate(expr.object, scope), expr, scope);
    case "index":
      return evaluateRename(expr, scope);
    case "call":
      return evaluateCall(expr, scope);
    case "unary":
      return evaluateUnary(expr, scope);
    case "binary":
      return evaluateBinary(expr, scope);
    case "if":
      return evaluateIf(expr, scope);
    case "module":
      checker.report(
        "FSL2019",
        span,
        { needed: "a value", found: "a module" },
        {
          help: ["modules have weights: `learn g = module { … }`"],
        },
      );
      return anything(span);
    case "error":
      return anything(span);
  }
}

function reportEach(word: "each" | "any", span: ast.Span, { checker }: Scope, declared?: ast.Span): void {
  const what = `one value belongs here, and \`${word}\` makes several`;
  const labels = declared === undefined ? [] : [{ span: declared, text: "given here" }];
  const stage = word === "each" ? "an `evaluate`" : "a `meta`";
  const help = [`it stands in the episodes of ${stage} stage: \`task(k: ${word} [1 shot, 5 shot])\``];
  checker.report("FSL5027", span, { what }, { labels, help });
}

/** Evaluates an expression where an `each` may stand: an argument of an episode, and a parameter that holds one. */
export function evaluateWithEach(expr: ast.Expr, scope: Scope): Value {
  const { checker } = scope;
  const { span } = expr;
  if (expr.kind === "ref") {
    const value = scope.lookup(expr.text);
    return value?.kind === "each" ? value : evaluate(expr, scope);
  }
  if (expr.kind !== "each") return evaluate(expr, scope);
  if (expr.items.length === 0) {
    checker.report("FSL3009", span, { what: `\`${expr.word}\``, expected: "a list of values", found: "an empty list" });
    return anything(span);
  }
  return { kind: "each", word: expr.word, items: expr.items.map((item) => evaluate(item, scope)), span };
}

function numberValue(expr: ast.NumberLiteral, scope: Scope): Value {
  const { checker } = scope;
  const { span, value, integer } = expr;
  if (!Number.isFinite(value) || (integer && !Number.isSafeInteger(value))) {
    const range = integer ? `at most ${Number.MAX_SAFE_INTEGER}` : "a number that 64 bits hold";
    checker.report("FSL5008", span, { what: "a number", range, found: value });
    return anything(span);
  }
  if (expr.unit === undefined) return integer ? int(value, span) : real(value, span);
  const word = expr.unit.text;
  const unit = unitOf(word);
  if (unit === undefined) {
    const help =
      scope.lookup(word) === undefined
        ? suggest(word, unitWords)
        : [`if \`${word}\` is a separate value, write a comma before it`];
    checker.report("FSL3011", expr.unit.span, { unit: word }, { help });
    return anything(span);
  }
  if (integer) return int(value, span, unit);
  checker.report("FSL3009", span, { what: `a number of ${unit}s`, expected: "a whole number", found: `${value}` });
  return anything(span);
}

/** Reports an unknown name, with the import line that brings it, what FSL has in its place, or the nearest known name. */
export function reportUnknownName(
  expr: Pick<ast.NameExpr, "text" | "span">,
  scope: Pick<Scope, "checker" | "names">,
): void {
  const { checker } = scope;
  const { text: name, span } = expr;
  if (reportForeignName(expr, scope)) return;
  const file = checker.libraryFileOf(name);
  if (file === undefined) {
    const known = checker.hasFoundMany ? [] : scope.names().filter((each) => !each.includes("."));
    checker.report("FSL2001", span, { name }, { help: foreignDeclaration(name) ?? suggestNearest(name, known) });
  } else if (checker.isFirstUnimported(name, span.file))
    checker.report("FSL2001", span, { name }, { help: [`add this line: \`import { ${name} } from "${file}"\``] });
}

/** The axes that go by the classes of a task. */
const ofTasks: ReadonlySet<string> = new Set(["way", "shot", "query"]);

function evaluateRename(expr: ast.IndexExpr, scope: Scope): Value {
  const { checker } = scope;
  const tensor = asTensor(evaluate(expr.object, scope), scope, expr.object.span);
  const frame = scope.frame;
  if (tensor === undefined || frame === undefined) return anything(expr.span);
  const renames: { from: string; to: string }[] = [];
  const axes = [...tensor.expr.type.axes];
  for (const rename of expr.renames) {
    const from = frame.resolveAxis(rename.from.text);
    const to = frame.resolveAxis(rename.to.text);
    const at = axes.findIndex((axis) => axis.name === from);
    const axis = axes[at];
    if (axis === undefined) {
      reportMissingAxis(from, tensor, rename.from.span, scope, frame);
      return anything(expr.span);
    }
    if (frame.isOpaque(from) && !frame.isOpaque(to)) {
      if (ofTasks.has(unprimed(to))) {
        const what = `\`${unprimed(to)}\` goes by classes, so it cannot hold them`;
        checker.report("FSL3015", rename.from.span, { axis: from, what });
        return anything(expr.span);
      }
      frame.hideAxis(to);
    }
    axes[at] = { name: to, size: axis.size };
    frame.defineAxis(to, axis.size, frame.known(from)?.merged);
    renames.push({ from, to });
  }
  const twice = axes.find((axis, at) => axes.findIndex((other) => other.name === axis.name) !== at);
  if (twice !== undefined) {
    checker.report(
      "FSL3003",
      expr.span,
      { axis: twice.name },
      {
        labels: [{ span: expr.object.span, text: `this is ${show(tensor.expr.type, frame)}` }],
        help: [`a prime makes another name of it: \`${twice.name}'\``],
      },
    );
    return anything(expr.span);
  }
  const { type } = tensor.expr;
  const sums = tensor.sums?.map((axis) => renames.find(({ from }) => from === axis)?.to ?? axis);
  return { ...frame.tensor(expr.span, type.kind, axes, { k: "rename", x: tensor.expr, renames }, type.of), sums };
}

function evaluateUnary(expr: ast.UnaryExpr, scope: Scope): Value {
  const operand = evaluate(expr.operand, scope);
  const { span } = expr;
  if (operand.kind === "anything") return anything(span);
  if (expr.op === "not") {
    if (operand.kind === "bool") return { kind: "bool", value: !operand.value, span };
    const tensor = asTensor(operand, scope, expr.operand.span);
    if (tensor === undefined || scope.frame === undefined) return anything(span);
    if (tensor.expr.type.kind !== "bool") {
      scope.checker.report("FSL3017", expr.operand.span, { found: show(tensor.expr.type, scope.frame) });
      return anything(span);
    }
    return scope.frame.tensor(span, "bool", tensor.expr.type.axes, { k: "unary", op: "not", x: tensor.expr });
  }
  if (operand.kind === "int") return int(-operand.value, span, operand.unit);
  if (operand.kind === "real") return real(-operand.value, span);
  const tensor = asNumbers(operand, scope, expr.operand.span);
  if (tensor === undefined || scope.frame === undefined) return anything(span);
  return scope.frame.tensor(span, "real", tensor.expr.type.axes, { k: "unary", op: "neg", x: tensor.expr });
}

function evaluateBinary(expr: ast.BinaryExpr, scope: Scope): Value {
  const counted = reportHyphenatedCount(expr, scope);
  if (counted !== undefined) return int(counted.value, expr.span, unitOf(counted.unit));
  const left = evaluate(expr.left, scope);
  const right = evaluate(expr.right, scope);
  const { span, op } = expr;
  if (left.kind === "anything" || right.kind === "anything") return anything(span);
  if (isNumber(left) && isNumber(right)) {
    const value = staticArithmetic(expr, left, right, scope);
    if (!isNumber(value) || Number.isFinite(value.value)) return value;
    const range = "finite";
    scope.checker.report("FSL5008", span, {
      what: `\`${left.value} ${op} ${right.value}\``,
      range,
      found: value.value,
    });
    return anything(span);
  }
  if (left.kind === "bool" && right.kind === "bool") {
    if (op === "and") return { kind: "bool", value: left.value && right.value, span };
    if (op === "or") return { kind: "bool", value: left.value || right.value, span };
  }
  if (op === "==" || op === "!=") {
    const comparable = (left.kind === "text" || left.kind === "choice" || left.kind === "bool") && "value" in right;
    if (comparable) return { kind: "bool", value: (left.value === right.value) === (op === "=="), span };
  }
  return binaryTensor(op, left, right, { left: expr.left.span, right: expr.right.span, span }, scope);
}

type StaticNumber = Extract<Value, { kind: "int" | "real" }>;
function isNumber(value: Value): value is StaticNumber {
  return value.kind === "int" || value.kind === "real";
}

function staticArithmetic(expr: ast.BinaryExpr, left: StaticNumber, right: StaticNumber, scope: Scope): Value {
  const { span, op } = expr;
  const units = [left, right].map((side) => (side.kind === "int" ? side.unit : undefined));
  const [a, b] = [left.value, right.value];
  const bool = (value: boolean): Value => ({ kind: "bool", value, span });
  const additive = op === "+" || op === "-";
  const compares = op === "<" || op === "<=" || op === ">" || op === ">=" || op === "==" || op === "!=";
  if ((additive || compares) && units[0] !== undefined && units[1] !== undefined && units[0] !== units[1]) {
    scope.checker.report("FSL3010", expr.right.span, {
      what: "the other side",
      expected: `${units[0]}s`,
      found: `a count of ${units[1]}s`,
    });
    return anything(span);
  }
  switch (op) {
    case "<":
      return bool(a < b);
    case "<=":
      return bool(a <= b);
    case ">":
      return bool(a > b);
    case ">=":
      return bool(a >= b);
    case "==":
      return bool(a === b);
    case "!=":
      return bool(a !== b);
    case "+":
    case "-":
    case "*": {
      const value = op === "+" ? a + b : op === "-" ? a - b : a * b;
      if (left.kind === "int" && right.kind === "int") return int(value, span, units[0] ?? units[1]);
      return real(value, span);
    }
    case "/":
      return real(a / b, span);
    case "^":
      return left.kind === "int" && right.kind === "int" && b >= 0 ? int(a ** b, span) : real(a ** b, span);
    default:
      scope.checker.report("FSL3017", expr.left.span, { found: showValue(left, scope.frame) });
      return anything(span);
  }
}

function evaluateIf(expr: ast.IfExpr, scope: Scope): Value {
  const condition = evaluate(expr.condition, scope);
  const { checker, frame } = scope;
  if (condition.kind === "anything") {
    evaluateBlock(expr.then, scope);
    evaluateBlock(expr.otherwise, scope);
    return anything(expr.span);
  }
  if (condition.kind === "bool") {
    // Sizes that stand for unknown ones decide nothing: the other branch is checked too.
    if (frame?.generic === true)
      evaluateBlock(condition.value ? expr.otherwise : expr.then, scope.child(frame.inner([])));
    return evaluateBlock(condition.value ? expr.then : expr.otherwise, scope);
  }
  const test = condition.kind === "tensor" ? condition : undefined;
  if (test?.expr.type.kind !== "bool" || frame === undefined) {
    checker.report("FSL3017", expr.condition.span, { found: showValue(condition, frame) });
    return anything(expr.span);
  }
  const then = asNumbers(evaluateBlock(expr.then, scope), scope, expr.then.span);
  const otherwise = asNumbers(evaluateBlock(expr.otherwise, scope), scope, expr.otherwise.span);
  if (then === undefined || otherwise === undefined) return anything(expr.span);
  const both = alignAxes(then.expr, otherwise.expr, scope, expr.span, frame);
  if (both === undefined) return anything(expr.span);
  const axes = [
    ...both,
    ...test.expr.type.axes.filter((axis) => findAxis({ kind: "real", axes: both }, axis.name) === undefined),
  ];
  return frame.tensor(expr.span, "real", axes, { k: "select", condition: test.expr, a: then.expr, b: otherwise.expr });
}
