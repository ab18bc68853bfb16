/** What parameters of entries are: the forms of supports and queries, with every axis and its size (rule 12). */
import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import type { Axis, Network, Task, ValueType } from "../../typed/tree.js";
import { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import type { CallableValue } from "../core/values.js";

export interface MetricContext {
  readonly task: Task;
  readonly encoder: Network;
  /** Sizes only stand for unknown ones: the declaration is checked before any use. */
  readonly generic: boolean;
  /** Images that a `fit` sees, where that is known. */
  readonly items?: number | undefined;
}

export function metricFrame(
  use: MetricContext,
  place: "metric" | "loss" | "fit",
  opaque: readonly string[],
  transductive = false,
): Frame {
  const frame = new Frame(
    {
      place,
      generic: use.generic,
      transductive,
      opaque: new Set(opaque),
      ...(use.generic ? {} : { image: use.encoder.input }),
    },
    [],
  );
  const { way, shot, query } = use.task;
  for (const [name, size] of [
    ["way", way],
    ["shot", shot],
    ["query", query],
  ] as const)
    frame.know(name, size);
  for (const axes of Object.values(use.encoder.outputs)) for (const axis of axes) frame.know(axis.name, axis.size);
  return frame;
}

/** Axes of a value of an entry, or why there are none. */
export function resolveParamType(
  type: ast.TypeExpr,
  use: MetricContext,
  sizes: ReadonlyMap<string, number>,
  scope: Scope,
): { form: string; type: ValueType; outer: readonly Axis[] } | undefined {
  const { checker } = scope;
  const form = type.name.text;
  const outer: Axis[] = [];
  for (const axis of type.axes ?? []) {
    const size = sizes.get(axis.text);
    if (size === undefined) {
      checker.report("FSL3007", axis.span, { axis: axis.text }, { help: suggest(axis.text, sizes.keys()) });
      return undefined;
    }
    if (outer.some((other) => other.name === axis.text)) {
      checker.report("FSL3003", axis.span, { axis: axis.text });
      return undefined;
    }
    outer.push({ name: axis.text, size });
  }
  if (form === "image") return { form, type: { kind: "image", axes: outer }, outer };
  if (form === "class")
    return { form, type: { kind: "class", axes: outer, of: { name: "way", size: use.task.way } }, outer };
  const inner = use.encoder.outputs[form];
  if (inner !== undefined) return { form, type: { kind: "real", axes: [...outer, ...inner] }, outer };
  const outputs = Object.keys(use.encoder.outputs);
  if (use.generic) {
    // Another output than the usual ones: known when a stage brings a backbone that has it.
    const near = suggestNearest(form, ["vector", "map", "image", "class"]);
    if (near.length > 0) checker.report("FSL3025", type.name.span, { type: form }, { help: near });
    return undefined;
  }
  checker.report(
    "FSL5013",
    type.name.span,
    {
      metric: scope.names()[0] === undefined ? "metric" : "this metric",
      form,
      encoder: use.encoder.name,
      outputs: outputs.length === 0 ? "none" : `only ${outputs.map((name) => `\`${name}\``).join(" and ")}`,
    },
    { help: [`name it in the backbone: \`… as ${form}\` after the layer that gives it`] },
  );
  return undefined;
}

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
