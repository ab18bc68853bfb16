/** Prints expressions, blocks and layers as documents. */
import type * as ast from "../ast.js";
import { guardedWords } from "../tokens.js";
import { type Doc, group, indent, join, line, soft } from "./doc.js";
import { body, type Comments, compactBody, type Item } from "./lines.js";

const levels: Readonly<Record<ast.BinaryOp, number>> = {
  or: 1,
  and: 2,
  "==": 4,
  "!=": 4,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "^": 8,
};
const primaryLevel = 9;

function levelOf(expr: ast.Expr): number {
  if (expr.kind === "binary") return levels[expr.op];
  if (expr.kind === "unary") return expr.op === "-" ? 7 : 3;
  return primaryLevel;
}

export class ExpressionPrinter {
  constructor(readonly comments: Comments) {}

  expr(expr: ast.Expr, lowest = 0): Doc {
    const printed = this.withoutParentheses(expr);
    return levelOf(expr) < lowest ? ["(", printed, ")"] : printed;
  }

  private withoutParentheses(expr: ast.Expr): Doc {
    switch (expr.kind) {
      case "number":
        return numberText(expr);
      case "text":
        return text(expr.value);
      case "bool":
        return expr.value ? "true" : "false";
      case "ref":
        return guardedWords.has(expr.text) ? `(${expr.text})` : expr.text;
      case "list":
        return this.bracketed("[", this.exprs(expr.items), "]");
      case "tuple":
        return this.bracketed("(", this.exprs(expr.items), ")");
      case "each":
        return [`${expr.word} `, this.bracketed("[", this.exprs(expr.items), "]")];
      case "member":
        return [this.suffixTarget(expr.object), ".", expr.member.text];
      case "index":
        return [this.suffixTarget(expr.object), "[", join(expr.renames.map(rename), ", "), "]"];
      case "call":
        return [this.suffixTarget(expr.callee), this.args(expr)];
      case "unary":
        return [expr.op === "-" ? "-" : "not ", this.expr(expr.operand, levelOf(expr))];
      case "binary":
        return this.binary(expr);
      case "if":
        return this.branch(expr);
      case "module":
        return ["module ", this.layers(expr.layers, expr.span.end)];
      case "error":
        return "";
    }
  }

  private exprs(items: readonly ast.Expr[]): Doc[] {
    return items.map((item) => this.expr(item));
  }
  /** Prints an expression that a suffix follows. A number gets parentheses, because it would read the name after its dot as its own. */
  private suffixTarget(expr: ast.Expr): Doc {
    const bare = expr.kind !== "number" && expr.kind !== "each" && expr.kind !== "if" && expr.kind !== "module";
    return bare ? this.expr(expr, primaryLevel) : ["(", this.expr(expr), ")"];
  }

  bracketed(open: string, parts: readonly Doc[], close: string): Doc {
    if (parts.length === 0) return `${open}${close}`;
    return group(open, indent(soft, join(parts, [",", line])), soft, close);
  }

  /** Prints a row of operators of one level. If it does not fit on a line, it breaks before each operator. */
  private binary(expr: ast.BinaryExpr): Doc {
    const level = levels[expr.op];
    const rest: Doc[] = [];
    let left: ast.Expr = expr;
    if (expr.op === "^") return [this.expr(expr.left, level + 1), " ^ ", this.expr(expr.right, level)];
    while (left.kind === "binary" && levels[left.op] === level) {
      rest.unshift([line, left.op, " ", this.expr(left.right, level + 1)]);
      left = left.left;
    }
    return group(this.expr(left, level + 1), indent(rest));
  }

  private branch(expr: ast.IfExpr): Doc {
    const { otherwise } = expr;
    const chained = otherwise.statements.length === 0 && otherwise.result?.kind === "if" ? otherwise.result : undefined;
    return [
      "if ",
      this.expr(expr.condition),
      " ",
      this.block(expr.then),
      " else ",
      chained !== undefined ? this.branch(chained) : this.block(otherwise),
    ];
  }

  args({ args, by, clauses }: Pick<ast.CallExpr, "args" | "by" | "clauses">): Doc {
    const parts = args.map((arg) => this.argument(arg));
    const ends = [
      ...(by === undefined ? [] : [["by ", this.expr(by)]]),
      ...clauses.map((clause) => this.clause(clause)),
    ];
    const tail = ends.map((end, i) => [i === 0 && parts.length === 0 ? "" : line, end]);
    if (parts.length === 0 && tail.length === 0) return "()";
    return group("(", indent(soft, join(parts, [",", line]), tail), soft, ")");
  }
  /** Prints arguments without clauses. */
  plainArgs(args: readonly ast.Argument[]): Doc {
    return this.args({ args, by: undefined, clauses: [] });
  }
  private clause(clause: ast.Clause): Doc {
    // Several axes after `as` stand in brackets; elsewhere they need none.
    const axes = this.sizedAxes(clause.axes);
    return clause.word === "as" && clause.axes.length > 1 ? ["as [", axes, "]"] : [clause.word, " ", axes];
  }
  sizedAxes(axes: readonly ast.SizedAxis[]): Doc {
    return join(
      axes.map(({ text, size }) => (size === undefined ? text : [text, ": ", this.expr(size)])),
      ", ",
    );
  }
  argument(arg: ast.Argument): Doc {
    return arg.name !== undefined ? [arg.name.text, ": ", this.argumentValue(arg.value)] : this.expr(arg.value);
  }
  /** Prints the value of a named argument. After the colon `from` is no clause, so it needs no parentheses: `norm: from(support)`. */
  private argumentValue(value: ast.Expr): Doc {
    const isFrom = value.kind === "call" && value.callee.kind === "ref" && value.callee.text === "from";
    return isFrom ? ["from", this.args(value)] : this.expr(value);
  }

  // ------------------------------------------------------------------ blocks

  /** Prints a block, on one line if it is a single value that fits there and was written so. */
  block(block: ast.Block, inline = true, before: readonly Item[] = []): Doc {
    const items = [...before, ...this.statements(block)].sort((a, b) => a.span.start - b.span.start);
    const end = block.span.end;
    if (inline && block.statements.length === 0) return compactBody(items, end, this.comments, () => "");
    return body(items, end, this.comments);
  }

  private statements(block: ast.Block): Item[] {
    const items: Item[] = block.statements.map((statement) => ({
      span: statement.span,
      print: () => this.statement(statement),
    }));
    const { result } = block;
    if (result !== undefined && result.kind !== "error")
      items.push({ span: result.span, print: () => this.expr(result) });
    return items;
  }

  private statement(statement: ast.Statement): Doc {
    switch (statement.kind) {
      case "let":
        return group("let ", statement.name.text, " = ", this.expr(statement.value));
      case "repeat": {
        const carried = statement.bindings.map((b) => [b.name.text, " = ", this.expr(b.from)]);
        return [
          "repeat ",
          this.expr(statement.count),
          " from ",
          join(carried, ", "),
          " ",
          this.block(statement.body, false),
          statement.until !== undefined ? [" until ", this.expr(statement.until)] : "",
        ];
      }
      case "minimize": {
        const targets = statement.bindings.map((b) => [b.name.text, " from ", this.expr(b.from)]);
        return [
          "minimize ",
          join(targets, ", "),
          " by ",
          this.expr(statement.by),
          this.groups(statement.groups, statement.steps.span.start),
          " for ",
          this.expr(statement.steps),
          statement.stepsAtTest !== undefined ? [", ", this.expr(statement.stepsAtTest), " at test"] : "",
          statement.counter !== undefined ? [" as ", statement.counter.text] : "",
          statement.firstOrder ? " first_order" : "",
          " ",
          this.block(statement.loss, false),
        ];
      }
    }
  }

  /**
   * Prints the groups of an optimizer, ` { … }`, each on its own line. Without groups it prints nothing. A group whose path begins with
   * `*` would continue the value before it as a product, so a `;` ends that one.
   */
  groups(groups: readonly ast.OptimizerGroup[], end: number): Doc {
    if (groups.length === 0) return "";
    const items = groups.map((g) => ({ span: g.span, print: () => this.optimizerGroup(g) }));
    const separator = (i: number): Doc => (groups[i + 1]?.path.startsWith("*") ? ";" : "");
    return [" ", body(items, end, this.comments, separator)];
  }
  private optimizerGroup({ path, frozen, settings }: ast.OptimizerGroup): Doc {
    const given = settings.map((setting) => this.argument(setting));
    return [path, frozen ? " frozen" : "", given.length > 0 ? [" ", join(given, ", ")] : ""];
  }

  // ------------------------------------------------------------------ layers

  layers(layers: readonly ast.Layer[], end: number): Doc {
    const items = layers.map((layer) => ({ span: layer.span, print: () => this.layer(layer) }));
    const last = layers.length - 1;
    return compactBody(items, end, this.comments, (i) => (i < last ? "," : ""));
  }

  private layer(layer: ast.Layer): Doc {
    const label = layer.label !== undefined ? `${layer.label.text}: ` : "";
    const output = layer.output !== undefined ? ` as ${layer.output.text}` : "";
    return [label, this.bareLayer(layer), output];
  }
  private bareLayer(layer: ast.Layer): Doc {
    const { end } = layer.span;
    switch (layer.kind) {
      case "callLayer":
        return layer.args.length === 0 ? layer.callee.text : [layer.callee.text, this.plainArgs(layer.args)];
      case "repeatLayer":
        return [
          "repeat ",
          this.expr(layer.count),
          layer.index !== undefined ? ` as ${layer.index.text} ` : " ",
          this.layers(layer.body, end),
        ];
      case "residualLayer": {
        const { shortcut } = layer;
        const bodyEnd = shortcut?.[0]?.span.start ?? end;
        return [
          "residual ",
          this.layers(layer.body, bodyEnd),
          shortcut !== undefined ? [" shortcut ", this.layers(shortcut, end)] : "",
        ];
      }
      case "parallelLayer":
        return [
          "parallel ",
          join(
            layer.branches.map((branch, i) => this.layers(branch, layer.branches[i + 1]?.[0]?.span.start ?? end)),
            " ",
          ),
          ` along ${layer.along.text}`,
        ];
      case "ifLayer": {
        const { otherwise } = layer;
        return [
          "if ",
          this.expr(layer.condition),
          " ",
          this.layers(layer.then, otherwise?.[0]?.span.start ?? end),
          otherwise !== undefined ? [" else ", this.layers(otherwise, end)] : "",
        ];
      }
    }
  }
}

function numberText(number: ast.NumberLiteral): string {
  const shown = number.integer ? integerText(number.value) : realText(number.value);
  return number.unit !== undefined ? `${shown} ${number.unit.text}` : shown;
}
/** `5.0` is real and `5` is not; exponents make a number real by themselves. Small ones read better as `1e-4`. */
export function realText(value: number): string {
  if (!Number.isFinite(value)) return "1e999";
  const plain = String(value);
  const scientific = value.toExponential().replace("e+", "e");
  if (value !== 0 && value < 0.01 && scientific.length < plain.length) return scientific;
  return /[.e]/.test(plain) ? plain.replace("e+", "e") : `${plain}.0`;
}
export function integerText(value: number): string {
  return Number.isFinite(value) ? BigInt(value).toString() : `1${"0".repeat(400)}`;
}

function text(value: string): string {
  const escaped = value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

function rename({ from, to }: ast.IndexExpr["renames"][number]): string {
  return to.text === `${from.text}'` ? to.text : `${from.text} as ${to.text}`;
}

export function axesText(axes: readonly ast.AxisRef[]): string {
  return axes.map((axis) => axis.text).join(", ");
}
