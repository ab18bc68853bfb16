/** The `param` lines of a module: their defaults, and values from outside, which are read by the type and unit of the parameter. */
import type * as ast from "../../../grammar/ast.js";
import { suggest } from "../../common/did-you-mean.js";
import type { Scope } from "../check/core/scope.js";
import { anything, int, real, type Value } from "../check/core/values.js";
import { evaluateWithEach } from "../check/expressions/evaluate.js";
import { coerce, describeType, type ParameterType, parameterType } from "../check/expressions/parameters.js";
import { plainValue } from "../check/expressions/settings.js";
import type { ParamValue, ResolvedParam } from "../typed/tree.js";

export type Given =
  | { readonly origin: "--set" | "--sweep"; readonly text: string }
  | { readonly origin: "--params"; readonly value: ParamValue }
  /** A value of a `sweep` line: an expression of the file itself. */
  | { readonly origin: "sweep"; readonly expr: ast.Expr }
  /** An argument of `with (…)`: an expression of the importing file. */
  | { readonly origin: "file"; readonly expr: ast.Expr; readonly scope: Scope };

export function paramsOf(tree: ast.SourceFile): ast.ParamDecl[] {
  return tree.declarations.filter((decl) => decl.kind === "param");
}

/** Reports values for parameters that the file does not have. */
export function checkGiven(
  given: ReadonlyMap<string, Given>,
  tree: ast.SourceFile,
  file: string,
  scope: Scope,
  spans: ReadonlyMap<string, ast.Span>,
): void {
  const names = paramsOf(tree).map((param) => param.name.text);
  for (const name of given.keys()) {
    if (!names.includes(name))
      scope.checker.report("FSL2011", spans.get(name), { file, name }, { help: suggest(name, names) });
  }
}

export function paramValue(decl: ast.ParamDecl, given: Given | undefined, scope: Scope, isRoot: boolean): Value {
  const { checker } = scope;
  const { name } = decl;
  for (const choice of decl.type?.choices ?? []) {
    if (!scope.hasOwn(choice.text))
      scope.define(choice.text, { kind: "choice", value: choice.text, span: choice.span });
  }
  const written = decl.value === undefined ? undefined : evaluateWithEach(decl.value, scope);
  const type = parameterType(decl, written, checker);
  const what = `\`${name.text}\``;
  if (given === undefined) {
    if (decl.value === undefined || written === undefined) {
      checker.report(
        "FSL2013",
        name.span,
        { name: name.text },
        { help: isRoot ? [`give it one: \`--set ${name.text}=…\``] : [] },
      );
      return anything(name.span);
    }
    return coerce(written, type, what, decl.value.span, checker, decl.type?.span);
  }
  if (given.origin === "file" || given.origin === "sweep") {
    const from = given.origin === "file" ? given.scope : scope;
    return coerce(evaluateWithEach(given.expr, from), type, what, given.expr.span, checker, name.span);
  }
  const value =
    given.origin === "--params"
      ? fromPlain(given.value, type, name.span)
      : fromText(given.text, type, scope, name.span);
  if (value !== undefined) return value;
  const shown = given.origin === "--params" ? JSON.stringify(given.value) : given.text;
  checker.report(
    "FSL2012",
    name.span,
    { name: name.text, expected: describeType(type), value: shown },
    { help: [`it was given by ${given.origin}`, ...hint(name.text, given, type)] },
  );
  return anything(name.span);
}

/** Returns help if the text begins with the number that is meant, as in `--set shots=5shot`. */
function hint(name: string, given: Given, type: ParameterType): string[] {
  const number = "text" in given ? /^\s*\d+(?=\D)/.exec(given.text)?.[0].trim() : undefined;
  return type.kind === "count" && number !== undefined ? [`write \`${given.origin} ${name}=${number}\``] : [];
}

/** Numbers are limited like those in a file: a larger one would be stored as another number than the one written. */
const isWhole = (text: string): boolean => /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text));
const isReal = (text: string): boolean =>
  /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text));

function fromText(text: string, type: ParameterType, scope: Scope, span: ast.Span): Value | undefined {
  const word = text.trim();
  switch (type.kind) {
    case "int":
      return isWhole(word) ? int(Number(word), span) : undefined;
    case "count": {
      const [number = "", unit, ...rest] = word.split(/\s+/);
      const sameUnit =
        unit === undefined ||
        unit === type.unit ||
        unit === `${type.unit}s` ||
        (unit === "queries" && type.unit === "query");
      return isWhole(number) && sameUnit && rest.length === 0 ? int(Number(number), span, type.unit) : undefined;
    }
    case "real":
      return isReal(word) ? real(Number(word), span) : undefined;
    case "bool":
      return word === "true" || word === "false" ? { kind: "bool", value: word === "true", span } : undefined;
    case "text":
      return { kind: "text", value: text, span };
    case "choice":
      return type.choices.includes(word) ? { kind: "choice", value: word, span } : undefined;
    case "list": {
      const items = word
        .replace(/^\[|\]$/g, "")
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
      const values = items.map(
        (item): Value =>
          isWhole(item)
            ? int(Number(item), span)
            : isReal(item)
              ? real(Number(item), span)
              : { kind: "text", value: item, span },
      );
      return { kind: "list", items: values, span };
    }
    case "any":
      return undefined;
    default: {
      // A declaration by its name: `--set net=resnet12`.
      const value = scope.lookup(word);
      return value?.kind === type.kind ? value : undefined;
    }
  }
}

function fromPlain(value: ParamValue, type: ParameterType, span: ast.Span): Value | undefined {
  const whole = typeof value === "number" && Number.isSafeInteger(value);
  switch (type.kind) {
    case "int":
      return whole ? int(value, span) : undefined;
    case "count":
      return whole ? int(value, span, type.unit) : undefined;
    case "real":
      return typeof value === "number" ? real(value, span) : undefined;
    case "bool":
      return typeof value === "boolean" ? { kind: "bool", value, span } : undefined;
    case "text":
      return typeof value === "string" ? { kind: "text", value, span } : undefined;
    case "choice":
      return typeof value === "string" && type.choices.includes(value) ? { kind: "choice", value, span } : undefined;
    case "list":
      return typeof value === "object"
        ? { kind: "list", items: value.map((item) => plain(item, span)), span }
        : undefined;
    default:
      return undefined;
  }
}

function plain(value: ParamValue, span: ast.Span): Value {
  if (typeof value === "number") return Number.isInteger(value) ? int(value, span) : real(value, span);
  if (typeof value === "boolean") return { kind: "bool", value, span };
  if (typeof value === "string") return { kind: "text", value, span };
  return { kind: "list", items: value.map((item) => plain(item, span)), span };
}

/** Returns a parameter as the experiment records it, or undefined if its value is wrong. */
export function resolvedParam(decl: ast.ParamDecl, value: Value, given: Given | undefined): ResolvedParam | undefined {
  if (value.kind === "anything") return undefined;
  const named = "decl" in value ? value.decl.name.text : value.kind === "builtin" ? value.name : undefined;
  const written = plainValue(value) ?? named;
  if (written === undefined) return undefined;
  const unit = value.kind === "int" ? value.unit : undefined;
  return { name: decl.name.text, value: written, unit, origin: given?.origin ?? "default", span: decl.span };
}
