/** The types of parameters: supports and queries have the form of an encoder's output, and axes of the task. */

import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import { own } from "../../../common/own.js";
import { findDescription, seenForm } from "../../typed/described.js";
import type { Axis, Description, EntryParam, Network, ValueType } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import type { CallableValue } from "../core/values.js";
import type { MetricContext } from "./metric-context.js";

export interface ParamType {
  /** The name in the type: `vector`, `map` or another output of the encoder, `image`, `class`, or a description of classes. */
  readonly form: string;
  readonly type: ValueType;
  readonly description?: NonNullable<EntryParam["description"]>;
  /** The axes that are written in the type: `[way, shot]`. */
  readonly outer: readonly Axis[];
}

/** The place of a parameter: an entry, whose classes are the ways of an episode, or a fit or loss over the classes of a split. */
export interface ParamPlace {
  /** The sizes of the axes that may stand in brackets. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The axis that labels index and that descriptions have. */
  readonly classes: Axis;
  readonly descriptions: readonly Description[];
}

/**
 * Returns the type of a parameter with the size of every axis, or undefined after a report: the encoder lacks the form
 * (FSL5013, FSL3025), an axis is unknown (FSL3007) or stands twice (FSL3003), or a description has other axes (FSL5071).
 */
export function resolveParamType(
  type: ast.TypeExpr,
  context: MetricContext,
  place: ParamPlace,
  scope: Scope,
): ParamType | undefined {
  const outer = outerAxes(type.axes ?? [], place.sizes, scope);
  if (outer === undefined) return undefined;
  const form = type.name.text;
  const { encoder } = context;
  if (form === "image") return { form, type: { kind: "image", axes: outer }, outer };
  if (form === "class") {
    return { form, type: { kind: "class", axes: outer, of: place.classes }, outer };
  }
  if (isDescription(type, place)) return describedType(type, place, scope);
  const inner = own(encoder.outputs, form);
  if (inner !== undefined) return { form, type: { kind: "real", axes: [...outer, ...inner] }, outer };
  reportMissingForm(type, context, scope);
  return undefined;
}

/** Returns true if a type names what the data tell of classes. */
export function isDescription(
  { name }: ast.TypeExpr,
  { descriptions = [] }: { readonly descriptions?: readonly Description[] },
): boolean {
  return name.text === seenForm || findDescription(name.text, descriptions) !== undefined;
}

/**
 * Returns the type of a description, which belongs to classes and so has their axis alone. Along a query's axes it would tell the
 * query's class.
 */
export function describedType(
  { name, axes }: ast.TypeExpr,
  { sizes, classes, descriptions }: ParamPlace,
  scope: Scope,
): ParamType | undefined {
  const { checker } = scope;
  const outer = outerAxes(axes ?? [], sizes, scope);
  if (outer === undefined) return undefined;
  const form = name.text;
  const described = findDescription(form, descriptions);
  if (outer.length !== 1 || outer[0]?.name !== classes.name) {
    const found = outer.length === 0 ? "no axis" : `[${outer.map((axis) => axis.name).join(", ")}]`;
    checker.report(
      "FSL5071",
      name.span,
      { form, axis: classes.name, found },
      {
        help: [`write \`${form} [${classes.name}]\``],
      },
    );
    return undefined;
  }
  if (described === undefined)
    return { form, type: { kind: "bool", axes: outer }, description: { digest: undefined }, outer };
  const { name: own, size, digest } = described;
  const axis = { name: form, size };
  return { form: own, type: { kind: "real", axes: [...outer, axis] }, description: { digest }, outer };
}

/** Returns the axes that a type lists with their sizes, or undefined after a report. */
function outerAxes(names: readonly ast.AxisRef[], sizes: ReadonlyMap<string, number>, { checker }: Scope) {
  const outer: Axis[] = [];
  for (const { text, span } of names) {
    const size = sizes.get(text);
    if (size === undefined) {
      checker.report("FSL3007", span, { axis: text }, { help: suggest(text, sizes.keys()) });
      return undefined;
    }
    if (outer.some(({ name }) => name === text)) {
      checker.report("FSL3003", span, { axis: text });
      return undefined;
    }
    outer.push({ name: text, size });
  }
  return outer;
}

/** Reports that the encoder has no output of this name. A generic encoder may have it later, so only misspelt names are wrong there. */
function reportMissingForm({ name }: ast.TypeExpr, { encoder, generic }: MetricContext, scope: Scope): void {
  const { checker } = scope;
  const form = name.text;
  if (generic) {
    const help = suggestNearest(form, ["vector", "map", "image", "class"]);
    if (help.length > 0) checker.report("FSL3025", name.span, { type: form }, { help });
    return;
  }
  const outputs = Object.keys(encoder.outputs).map((output) => `\`${output}\``);
  checker.report(
    "FSL5013",
    name.span,
    {
      metric: scope.names()[0] === undefined ? "metric" : "this metric",
      form,
      encoder: encoder.name,
      outputs: outputs.length === 0 ? "none" : `only ${outputs.join(" and ")}`,
    },
    { help: [`name it in the backbone: \`… as ${form}\` after the layer that gives it`] },
  );
}

/** Returns the encoder of the stage as a value that methods and losses call. */
export function encoderCallable(encoder: Network, span: ast.Span): CallableValue {
  return {
    kind: "callable",
    target: { kind: "slot", slot: "encoder" },
    network: () => encoder,
    known: () => encoder,
    gives: "outputs",
    norm: "say",
    span,
  };
}
