/** The types of parameters: supports and queries have the form of an encoder's output, and axes of the task. */

import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import { own } from "../../../common/own.js";
import type { Axis, Network, ValueType } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import type { CallableValue } from "../core/values.js";
import type { MetricContext } from "./metric-context.js";

export interface ParamType {
  /** The name in the type: `vector`, `map` or another output of the encoder, `image` or `class`. */
  readonly form: string;
  readonly type: ValueType;
  /** The axes that are written in the type: `[way, shot]`. */
  readonly outer: readonly Axis[];
}

/**
 * Returns the type of a parameter with the size of every axis, or undefined after a report: the encoder lacks the form
 * (FSL5013, FSL3025), or an axis is unknown (FSL3007) or stands twice (FSL3003).
 */
export function resolveParamType(
  type: ast.TypeExpr,
  context: MetricContext,
  sizes: ReadonlyMap<string, number>,
  scope: Scope,
): ParamType | undefined {
  const outer = outerAxes(type.axes ?? [], sizes, scope);
  if (outer === undefined) return undefined;
  const form = type.name.text;
  const { task, encoder } = context;
  if (form === "image") return { form, type: { kind: "image", axes: outer }, outer };
  if (form === "class") {
    return { form, type: { kind: "class", axes: outer, of: { name: "way", size: task.way } }, outer };
  }
  const inner = own(encoder.outputs, form);
  if (inner !== undefined) return { form, type: { kind: "real", axes: [...outer, ...inner] }, outer };
  reportMissingForm(type, context, scope);
  return undefined;
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
