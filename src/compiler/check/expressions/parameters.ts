/** The types of parameters, and the conversion of values to them. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import { countText } from "../../typed/describe.js";
import type { Unit } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import { anything, describe, real, unitOf, type Value } from "../core/values.js";
import { arityOf } from "./builtins/table.js";

export type ParameterType =
  | { readonly kind: "int" | "real" | "bool" | "text" | "list" | "backbone" | "metric" | "dataset" | "episode" }
  /** A network of a finished stage: `base.encoder`. */
  | { readonly kind: "encoder" | "head" }
  | { readonly kind: "count"; readonly unit: Unit }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "fn"; readonly params: number | undefined; readonly axes: number }
  | { readonly kind: "any" };

const plain = ["int", "real", "bool", "text", "list", "backbone", "metric", "dataset", "episode"] as const;
const networks = ["encoder", "head"] as const;
const named = [...plain, ...networks, "one_of", "fn"];

/** Returns the type in the annotation, or else that of the default: `5` is an int, `5.0` a real, `5 shot` a count of shots. */
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
  const network = networks.find((kind) => kind === name);
  if (network !== undefined) return { kind: network };
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
    case "encoder":
      return "the encoder of a stage";
    case "head":
      return "the head of a stage";
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

/** Returns the value as one of this type: an int becomes a real if a real is expected. Any other value is reported. */
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
  const converted = convert(value, type);
  if (converted !== undefined) return converted;
  if (type.kind === "count" && (value.kind === "int" || value.kind === "real")) {
    const help =
      value.kind === "int" && value.unit === undefined ? [`write \`${countText(value.value, type.unit)}\``] : [];
    const expected = type.unit === "query" ? "queries" : `${type.unit}s`;
    checker.report("FSL3010", span, { what, expected, found: describe(value) }, { labels, help });
  } else checker.report("FSL3009", span, { what, expected: describeType(type), found: describe(value) }, { labels });
  return anything(span);
}

/** Returns the value as one of this type, or undefined if it is none. */
function convert(value: Value, type: Exclude<ParameterType, { readonly kind: "any" }>): Value | undefined {
  switch (type.kind) {
    case "real":
      if (value.kind === "int" && value.unit === undefined) return real(value.value, value.span);
      return value.kind === "real" ? value : undefined;
    case "int":
      return value.kind === "int" && value.unit === undefined ? value : undefined;
    case "count":
      return value.kind === "int" && value.unit === type.unit ? value : undefined;
    case "choice":
      return (value.kind === "choice" || value.kind === "text") && type.choices.includes(value.value)
        ? { kind: "choice", value: value.value, span: value.span }
        : undefined;
    case "fn":
      return canBeCalled(value, type) ? value : undefined;
    case "encoder":
    case "head":
      return value.kind === "stageSlot" && value.slot === type.kind ? value : undefined;
    default:
      return value.kind === type.kind ? value : undefined;
  }
}

/** Returns true if a function can be called with as many values and axes as the parameter that it is for. */
function canBeCalled(value: Value, { params, axes }: Extract<ParameterType, { readonly kind: "fn" }>): boolean {
  if (value.kind === "fn") {
    const { decl } = value;
    const needed = decl.params.filter((param) => param.value === undefined).length;
    return (params === undefined || (needed <= params && decl.params.length >= params)) && decl.axes.length === axes;
  }
  const arity = value.kind === "builtin" ? arityOf(value.name) : undefined;
  return arity !== undefined && (params === undefined || arity.params === params) && arity.axes === axes > 0;
}
