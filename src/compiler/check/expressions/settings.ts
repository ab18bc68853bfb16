/** Calls of sources, transforms, optimizers and schedules, whose arguments are static. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { ParamValue, Unit } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe, type Value } from "../core/values.js";
import { hasUnknownName, matchArguments } from "./arguments.js";
import { evaluate } from "./evaluate.js";
import { foreignSetting } from "./foreign-words.js";
import { coerce, type ParameterType } from "./parameters.js";

export interface Setting {
  readonly name: string;
  readonly type:
    | ParameterType
    | { readonly kind: "reals" }
    | { readonly kind: "times"; readonly units: readonly Unit[] };
  /** Undefined if the setting must be given. */
  readonly default?: ParamValue;
  readonly min?: number;
  readonly max?: number;
  /** True if the minimum itself is not allowed. */
  readonly above?: boolean;
}
export type SettingTable = Readonly<Record<string, readonly Setting[]>>;

export interface BoundCall {
  readonly name: string;
  readonly args: Readonly<Record<string, ParamValue>>;
  /** The evaluated values of the arguments that were given, with their units. */
  readonly given: ReadonlyMap<string, { readonly value: Value; readonly span: ast.Span }>;
  readonly span: ast.Span;
}

/** Binds a call such as `flip` or `random_crop(84, pad: 8)` to its entry in the table. Reports an unknown name or a wrong argument. */
export function bindNamedCall(expr: ast.Expr, table: SettingTable, kind: string, scope: Scope): BoundCall | undefined {
  const { checker } = scope;
  const callee = expr.kind === "call" ? expr.callee : expr;
  if (callee.kind === "error") return undefined;
  if (callee.kind !== "ref") {
    const help = callee.kind === "member" ? suggest(callee.member.text, Object.keys(table)) : [];
    checker.report("FSL2019", expr.span, { needed: `${article(kind)} ${kind}`, found: "something else" }, { help });
    return undefined;
  }
  const settings = Object.hasOwn(table, callee.text) ? table[callee.text] : undefined;
  if (settings === undefined) {
    checker.report(
      "FSL5019",
      callee.span,
      { kind, name: callee.text },
      { help: foreignSetting(callee.text) ?? suggest(callee.text, Object.keys(table)) },
    );
    return undefined;
  }
  return {
    name: callee.text,
    span: expr.span,
    ...bindSettings(settings, expr.kind === "call" ? expr.args : [], `\`${callee.text}\``, expr.span, scope),
  };
}

export function bindSettings(
  settings: readonly Setting[],
  given: readonly ast.Argument[],
  callee: string,
  span: ast.Span,
  scope: Scope,
): Pick<BoundCall, "args" | "given"> {
  const { checker } = scope;
  const names = settings.map((setting) => setting.name);
  const matched = matchArguments(names, given, callee, scope);
  const args: Record<string, ParamValue> = {};
  const values = new Map<string, { value: Value; span: ast.Span }>();
  for (const setting of settings) {
    const expr = matched.get(setting.name);
    if (setting.default !== undefined) args[setting.name] = setting.default;
    if (expr === undefined) {
      if (setting.default === undefined && !hasUnknownName(names, given)) {
        checker.report(
          "FSL2013",
          span,
          { name: setting.name },
          { help: [`write \`${callee.slice(1, -1)}(${setting.name}: …)\``] },
        );
      }
      continue;
    }
    const choices = setting.type.kind === "choice" ? setting.type.choices : [];
    const raw: Value =
      expr.kind === "ref" && choices.includes(expr.text)
        ? { kind: "choice", value: expr.text, span: expr.span }
        : evaluate(expr, scope);
    const value = ofType(raw, setting, expr.span, scope);
    if (value === undefined) continue;
    values.set(setting.name, { value, span: expr.span });
    const plain = plainValue(value);
    if (plain !== undefined && inRange(plain, setting, expr.span, scope)) args[setting.name] = plain;
  }
  return { args, given: values };
}

function ofType(value: Value, setting: Setting, span: ast.Span, scope: Scope): Value | undefined {
  const { checker } = scope;
  const { type } = setting;
  const what = `\`${setting.name}\``;
  if (value.kind === "anything") return undefined;
  if (type.kind === "reals") {
    const items = value.kind === "list" ? value.items : [value];
    if (items.every((item) => item.kind === "int" || item.kind === "real")) return { kind: "list", items, span };
    checker.report("FSL3009", span, { what, expected: "a number or a list of numbers", found: describe(value) });
    return undefined;
  }
  if (type.kind === "times") {
    const items = value.kind === "list" ? value.items : [value];
    for (const item of items) {
      if (item.kind === "anything") return undefined;
      if (item.kind !== "int" || item.unit === undefined || !type.units.includes(item.unit)) {
        checker.report("FSL3010", item.span, {
          what,
          expected: type.units.map((unit) => `${unit}s`).join(" or "),
          found: describe(item),
        });
        return undefined;
      }
    }
    return value;
  }
  const coerced = coerce(value, type, what, span, checker);
  return coerced.kind === "anything" ? undefined : coerced;
}

export function plainValue(value: Value): ParamValue | undefined {
  if (value.kind === "list") {
    const items = value.items.map(plainValue);
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  return value.kind === "int" ||
    value.kind === "real" ||
    value.kind === "bool" ||
    value.kind === "text" ||
    value.kind === "choice"
    ? value.value
    : undefined;
}

function inRange(value: ParamValue, setting: Setting, span: ast.Span, scope: Scope): boolean {
  const { min, max, above } = setting;
  const numbers = Array.isArray(value) ? value : [value];
  for (const number of numbers) {
    if (typeof number !== "number") continue;
    const low = min !== undefined && (above === true ? number <= min : number < min);
    if (low || (max !== undefined && number > max)) {
      scope.checker.report("FSL5008", span, { what: `\`${setting.name}\``, range: rangeOf(setting), found: number });
      return false;
    }
  }
  return true;
}

function rangeOf({ min, max, above }: Setting): string {
  if (min !== undefined && max !== undefined)
    return `${above === true ? "above" : "from"} ${min} ${above === true ? "and at most" : "to"} ${max}`;
  return min !== undefined ? (above === true ? `above ${min}` : `at least ${min}`) : `at most ${max ?? ""}`;
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}
