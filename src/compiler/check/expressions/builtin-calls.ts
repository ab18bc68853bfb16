/** Calls of built-in functions: arguments and clauses are read into the shape that the typing rule of the built-in expects. */
import type * as ast from "../../../../grammar/ast.js";
import type { Scope } from "../core/scope.js";
import { anything, type Value } from "../core/values.js";
import { countGiven, matchArguments } from "./arguments.js";
import { ownsSize, writtenSize } from "./axis-sizes.js";
import type { BuiltinCall, NamedAxis } from "./builtins/call.js";
import { type Builtin, builtinOf } from "./builtins/table.js";
import { clauseOf, refuseClauses } from "./clauses.js";
import { evaluate } from "./evaluate.js";
import { reportAxisArgument } from "./foreign.js";

export function callBuiltin(name: string, expr: ast.CallExpr, scope: Scope): Value {
  const builtin = builtinOf(name);
  const { span } = expr;
  if (builtin === undefined) return anything(span);
  const call = new BuiltinCallReader(name, builtin, expr, scope).read();
  return call === undefined ? anything(span) : builtin.rule(call);
}

/** The parameters of a built-in by what they take. */
interface Wanted {
  readonly values: readonly string[];
  /** The number of arguments that are axes. */
  readonly axes: number;
  readonly total: number;
  /** True if any number of arguments may follow. */
  readonly variadic: boolean;
}

function wantedBy({ params, takesAxes, lastIsAxes }: Builtin): Wanted {
  const named = params.filter((param) => param !== "…");
  const variadic = params.at(-1) === "…";
  const total = named.length;
  if (takesAxes) return { values: [], axes: total, total, variadic };
  return lastIsAxes
    ? { values: named.slice(0, -1), axes: 1, total, variadic }
    : { values: named, axes: 0, total, variadic };
}

const clauseWords = ["over", "along", "as"] as const;
type ClauseAxes = Record<(typeof clauseWords)[number], readonly NamedAxis[]>;

class BuiltinCallReader {
  private readonly callee: string;
  /** True until something has been reported. */
  private complete = true;

  constructor(
    private readonly name: string,
    private readonly builtin: Builtin,
    private readonly expr: ast.CallExpr,
    private readonly scope: Scope,
  ) {
    this.callee = `\`${name}\``;
  }

  /** Returns the call, or undefined if something in it is wrong, which is reported. */
  read(): BuiltinCall | undefined {
    const { name, expr, scope } = this;
    const { span } = expr;
    if (reportAxisArgument(expr, this.builtin.usage, scope)) return undefined;
    const wanted = wantedBy(this.builtin);
    const clauses = this.clauses();
    if (this.complete && this.builtin.lastIsAxes && expr.args.length > wanted.total) this.reportCount(wanted.total);
    const { values, axes } = this.separateAxes();
    const args = this.evaluateValues(values, wanted);
    const by = expr.by && { value: evaluate(expr.by, scope), span: expr.by.span };
    const tooFew =
      args.length < wanted.values.length ||
      (this.builtin.takesAxes && !wanted.variadic ? axes.length !== wanted.axes : axes.length < wanted.axes);
    if (tooFew) {
      if (this.complete) this.reportCount(wanted.total);
      return undefined;
    }
    if (!this.complete || [...args, ...(by ? [by] : [])].some(({ value }) => value.kind === "anything"))
      return undefined;
    const overSpan = clauseOf(expr, "over")?.span ?? span;
    return { name, span, scope, frame: scope.frame, args, by, axes, overSpan, ...clauses };
  }

  private clauses(): ClauseAxes {
    const { builtin, callee, expr, scope } = this;
    const words = clauseWords.filter((word) => builtin[word] !== undefined);
    refuseClauses(expr, builtin.by === true ? [...words, "by"] : words, callee, scope);
    const clauses: ClauseAxes = { over: [], along: [], as: [] };
    for (const word of words) {
      const clause = clauseOf(expr, word);
      const wanted = builtin[word];
      clauses[word] = (clause?.axes ?? []).map((axis) => this.sizedAxis(axis, word === "as" && builtin.sized === true));
      const found = clauses[word].length;
      if (wanted === "maybe") continue;
      if (found === 0 || (wanted === "one" && found > 1)) {
        const needs = wanted === "one" ? `\`${word}\` and one axis` : `\`${word}\` and its axes`;
        this.complete = false;
        scope.checker.report("FSL3013", clause?.span ?? expr.span, { callee, clause: needs }, this.usage());
      }
    }
    return clauses;
  }

  /** Separates the arguments that are values from those that are axes. */
  private separateAxes(): { readonly values: readonly ast.Argument[]; readonly axes: readonly NamedAxis[] } {
    const { builtin, callee, expr, scope } = this;
    const axes: NamedAxis[] = [];
    const values: ast.Argument[] = [];
    for (const [at, arg] of expr.args.entries()) {
      // What follows the axes is one argument too many, which has been reported.
      if (builtin.lastIsAxes && at >= builtin.params.length) continue;
      const isAxes = builtin.takesAxes || (builtin.lastIsAxes && at === builtin.params.length - 1);
      if (!isAxes) {
        values.push(arg);
        continue;
      }
      if (arg.name !== undefined && builtin.takesAxes) {
        axes.push(this.sizedAxis({ ...arg.name, size: arg.value }, builtin.sized === true));
        continue;
      }
      const names = axisNames(arg.value);
      if (names !== undefined && names.length > 0) {
        axes.push(...names.map((axis) => this.namedAxis(axis)));
        continue;
      }
      this.complete = false;
      const what = `this argument of ${callee}`;
      const found = names === undefined ? "an expression" : "an empty list";
      scope.checker.report("FSL3009", arg.span, { what, expected: "an axis", found }, this.usage());
    }
    return { values, axes };
  }

  private evaluateValues(values: readonly ast.Argument[], wanted: Wanted): BuiltinCall["args"] {
    const { callee, scope } = this;
    const evaluated = (value: ast.Expr) => ({ value: evaluate(value, scope), span: value.span });
    // A call without its axes often gives them as arguments, so their number is not wrong as well.
    if (wanted.variadic || !this.complete) return values.map((arg) => evaluated(arg.value));
    const given = matchArguments(wanted.values, values, callee, scope);
    return wanted.values.flatMap((param) => {
      const value = given.get(param);
      return value === undefined ? [] : [evaluated(value)];
    });
  }

  private reportCount(needed: number): void {
    const { callee, expr, scope } = this;
    this.complete = false;
    const noun = this.builtin.takesAxes ? (needed === 1 ? "axis" : "axes") : needed === 1 ? "argument" : "arguments";
    const expected = `${needed} ${noun}`;
    const given = expr.args.reduce((count, { value }) => count + (axisNames(value)?.length ?? 1), 0);
    const found = countGiven(this.builtin.takesAxes ? given : expr.args.length);
    scope.checker.report("FSL2015", expr.span, { callee, expected, found }, this.usage());
  }

  private usage(): { readonly help: readonly string[] } {
    return { help: [`it reads \`${this.builtin.usage}\``] };
  }

  /** Returns an axis with the size that is written for it. A size where none belongs is reported. */
  private sizedAxis(axis: Pick<ast.SizedAxis, "text" | "span" | "size">, mayHaveSize: boolean): NamedAxis {
    const named = this.namedAxis(axis);
    const { frame, checker } = this.scope;
    if (axis.size === undefined || frame === undefined) return named;
    if (!mayHaveSize) {
      this.complete = false;
      checker.report("FSL3051", axis.span, { axis: axis.text, why: "it follows from the value" }, this.usage());
      return named;
    }
    const owns = ownsSize(named.name, axis.span, frame, this.scope);
    const size = writtenSize(axis.text, evaluate(axis.size, this.scope), axis.size.span, this.scope);
    if (owns && size !== undefined) return { ...named, size };
    this.complete = false;
    return named;
  }

  /** Replaces an axis parameter of the function around the call by the axis that it stands for. */
  private namedAxis({ text, span }: Pick<ast.AxisRef, "text" | "span">): NamedAxis {
    const { frame } = this.scope;
    return { name: frame === undefined ? text : frame.resolveAxis(text), span };
  }
}

/** Returns the axes that an argument names: `way`, or `[way, shot]`. Undefined if it is another expression. */
function axisNames(expr: ast.Expr): ast.NameExpr[] | undefined {
  if (expr.kind === "ref") return [expr];
  if (expr.kind !== "list") return undefined;
  const names = expr.items.filter((item) => item.kind === "ref");
  return names.length === expr.items.length ? names : undefined;
}
