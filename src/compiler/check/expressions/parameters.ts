/** The types of parameters, and whether a value is of one. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Unit } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import { anything, describe, real, unitOf, type Value } from "../core/values.js";
import { arityOf } from "./builtins/table.js";

export type ParameterType =
  | { readonly kind: "int" | "real" | "bool" | "text" | "list" | "backbone" | "metric" | "dataset" | "episode" }
  | { readonly kind: "count"; readonly unit: Unit }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "fn"; readonly params: number | undefined; readonly axes: number }
  | { readonly kind: "any" };

const plain = ["int", "real", "bool", "text", "list", "backbone", "metric", "dataset", "episode"] as const;
const named = [...plain, "one_of", "fn"];

/** From the annotation, else from the default: `5` int, `5.0` real, `5 shot` a count of shots. */
export function parameterType(
  param: { readonly type: ast.TypeExpr | undefined },
  defaultValue: Value | undefined,
  checker: Checker,
): ParameterType {
  if (param.type !== undefined) return annotation(param.type, checker);
  const value = defaultValue;
  switch (value?.kind) {
    case "int":
      return value.unit === undefined ? { kind: "int" } : { kind: "count", unit: value.unit };
    case "real":
    case "bool":
    case "text":
    case "list":
    case "backbone":
    case "metric":
    case "dataset":
    case "episode":
      return { kind: value.kind };
    case "fn":
      return { kind: "fn", params: value.decl.params.length, axes: value.decl.axes.length };
    default:
      return { kind: "any" };
  }
}

function annotation(type: ast.TypeExpr, checker: Checker): ParameterType {
  const name = type.name.text;
  if (name === "one_of") return { kind: "choice", choices: (type.choices ?? []).map((choice) => choice.text) };
  if (name === "fn") return { kind: "fn", params: type.fn?.params.length, axes: type.fn?.axes.length ?? 0 };
  const unit = unitOf(name);
  if (unit !== undefined) return { kind: "count", unit };
  const found = plain.find((kind) => kind === name);
  if (found !== undefined) return { kind: found };
  checker.report(
    "FSL3025",
    type.name.span,
    { type: name },
    { help: suggest(name, [...named, "way", "shot", "query", "epoch", "step"]) },
  );
  return { kind: "any" };
}

export function describeType(type: ParameterType): string {
  switch (type.kind) {
    case "int":
      return "a whole number";
    case "real":
      return "a number";
    case "bool":
      return "true or false";
    case "count":
      return type.unit === "query"
        ? "a count of queries"
        : type.unit === "way"
          ? "a count of ways"
          : `a count of ${type.unit}s`;
    case "choice":
      return `one of ${type.choices.map((choice) => `\`${choice}\``).join(", ")}`;
    case "fn":
      return "a function";
    case "any":
      return "anything";
    case "text":
    case "list":
    case "backbone":
    case "metric":
    case "dataset":
      return `a ${type.kind}`;
    case "episode":
      return "an episode";
  }
}

/** The value as one of this type (an int becomes a real where a real is wanted); reports and gives anything otherwise. */
export function coerce(
  value: Value,
  type: ParameterType,
  what: string,
  span: ast.Span,
  checker: Checker,
  declared?: ast.Span,
): Value {
  const labels = declared === undefined ? [] : [{ span: declared, text: "declared here" }];
  if (value.kind === "anything" || type.kind === "any" || value.kind === "each") return value;
  switch (type.kind) {
    case "real":
      if (value.kind === "real") return value;
      if (value.kind === "int" && value.unit === undefined) return real(value.value, value.span);
      break;
    case "int":
      if (value.kind === "int" && value.unit === undefined) return value;
      break;
    case "count":
      if (value.kind === "int" && value.unit === type.unit) return value;
      if (value.kind === "int" || value.kind === "real") {
        const help =
          value.kind === "int" && value.unit === undefined
            ? [`write \`${value.value} ${type.unit}${value.value === 1 ? "" : plural(type.unit)}\``]
            : [];
        checker.report(
          "FSL3010",
          span,
          { what, expected: type.unit === "query" ? "queries" : `${type.unit}s`, found: describe(value) },
          { labels, help },
        );
        return anything(span);
      }
      break;
    case "choice":
      if ((value.kind === "choice" || value.kind === "text") && type.choices.includes(value.value)) {
        return { kind: "choice", value: value.value, span: value.span };
      }
      break;
    case "fn":
      if (value.kind === "fn") {
        const fits =
          (type.params === undefined ||
            (value.decl.params.filter((param) => param.value === undefined).length <= type.params &&
              value.decl.params.length >= type.params)) &&
          value.decl.axes.length === type.axes;
        if (fits) return value;
      }
      if (value.kind === "builtin") {
        const arity = arityOf(value.name);
        if (
          arity !== undefined &&
          (type.params === undefined || arity.params === type.params) &&
          arity.axes === type.axes > 0
        )
          return value;
      }
      break;
    default:
      if (value.kind === type.kind) return value;
  }
  checker.report("FSL3009", span, { what, expected: describeType(type), found: describe(value) }, { labels });
  return anything(span);
}

function plural(unit: Unit): string {
  return unit === "way" || unit === "shot" || unit === "query" ? "" : "s";
}
