/** A metric for one task and one encoder: its learned values, fits and entries, every axis with its size. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest, suggestNearest } from "../../../common/did-you-mean.js";
import type { Axis, Entry, EntryParam, Fit, Learn, Metric, Network, Task } from "../../typed/tree.js";
import { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers, show } from "../core/tensors.js";
import { anything, type MetricValue, printAxes } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluateBlock, scalarLoss, unusedAdaptations } from "../expressions/blocks.js";
import { elaborateFit } from "./fits.js";
import { axisSizes, LearnedValues } from "./learns.js";
import { checkLikeUses } from "./like-uses.js";
import { encoderCallable, type MetricContext, metricFrame, resolveParamType } from "./parameter-types.js";
import { checkQueryStatistics } from "./query-statistics.js";

const step = (name: string, size: number): Axis => ({ name, size });
/** Different primes, so that two axes are equal only where they are the same axis. */
export const genericTask: Task = { way: 7, shot: 3, query: 11 };
const genericEncoder: Network = {
  name: "encoder",
  input: [],
  layers: [],
  outputs: {
    vector: [step("feature", 1597)],
    map: [step("channel", 61), step("height", 23), step("width", 29)],
  },
  weights: [],
};
export const genericContext: MetricContext = { task: genericTask, encoder: genericEncoder, generic: true };

export function elaborateMetric(value: MetricValue, use: MetricContext, at: ast.Span): Metric | undefined {
  const { decl } = value;
  const { checker } = value.scope;
  const before = checker.errors;
  const bound = withDefaults(decl, value.scope, at);
  const frame = metricFrame(use, "metric", []);
  const scope = bound.child(frame);
  for (const fn of decl.fns) scope.define(fn.name.text, { kind: "fn", decl: fn, scope, span: fn.name.span });
  const learned = new LearnedValues(scope, use, () => axisSizes(use));
  for (const learn of decl.learns) learned.declare(learn);
  const fits: Fit[] = [];
  for (const fit of decl.fits) {
    const typed = elaborateFit(fit, scope, use);
    if (typed !== undefined) fits.push(typed);
  }
  const entries: Record<string, Entry> = {};
  for (const entry of decl.entries) {
    const typed = elaborateEntry(entry, scope, use);
    if (typed !== undefined) entries[entry.name.text] = typed;
  }
  if (!decl.entries.some((entry) => entry.name.text === "classify")) {
    checker.report(
      "FSL3024",
      decl.name.span,
      { what: `the metric \`${decl.name.text}\` has no \`classify\` entry` },
      {
        help: suggestNearest(
          "classify",
          decl.entries.map((entry) => entry.name.text),
        ),
      },
    );
  }
  if (checker.errors > before) return undefined;
  const learns: readonly Learn[] = learned.typed();
  checkLikeUses(Object.values(entries), learns, checker);
  if (checker.errors > before) return undefined;
  return { name: decl.name.text, learns, fits, entries };
}

function elaborateEntry(entry: ast.EntryDecl, metric: Scope, use: MetricContext): Entry | undefined {
  const { checker } = metric;
  const isClassify = entry.name.text === "classify";
  const { way, shot, query } = use.task;
  const sizes = new Map([
    ["way", way],
    ["shot", shot],
    ["query", query],
    ["n", way * query],
  ]);
  const queries = new Set<string>();
  const opaque = entry.transductive ? ["n"] : [];
  const base = metricFrame(use, "metric", opaque, entry.transductive);
  const frame = new Frame({ ...base.options, training: entry.result.name.text === "loss" }, base.statements, base);
  frame.know("n", way * query);
  const scope = metric.child(frame);
  const params: EntryParam[] = [];
  let complete = true;
  let support = false;
  for (const param of entry.params) {
    const name = param.name.text;
    if (param.type === undefined) {
      if (name === "encoder") {
        scope.define(name, encoderCallable(use.encoder, param.span));
        params.push({ name, form: "encoder", axes: [] });
        continue;
      }
      checker.report(
        "FSL3024",
        param.span,
        { what: `the parameter \`${name}\` has no type` },
        {
          help: [`write \`${name}: vector\`, \`${name}: map\` or \`${name}: image\` with its axes`],
        },
      );
      complete = false;
      scope.define(name, anything(param.span));
      continue;
    }
    const typed = resolveParamType(param.type, use, sizes, scope);
    if (typed === undefined) {
      complete = false;
      scope.define(name, anything(param.span));
      continue;
    }
    const outer = typed.outer.map((axis) => axis.name);
    if (typed.form === "class" && !outer.includes("way")) {
      const what = `\`${name}\` holds labels, which go along \`way\`, and has no such axis`;
      const help = [`write \`${name}: class [way, ${isClassify || outer.includes("shot") ? "shot" : "query"}]\``];
      checker.report("FSL3024", param.span, { what }, { help });
      complete = false;
    }
    if (outer.includes("way") && outer.includes("shot")) support = true;
    if (!outer.includes("shot")) queries.add(name);
    if (isClassify) complete = checkForm(entry, param, outer, scope) && complete;
    params.push({ name, form: typed.form, axes: typed.type.axes });
    const made = frame.make(param.name.span, typed.type.kind, typed.type.axes, { k: "param", name }, typed.type.of);
    scope.define(name, made);
  }
  if (isClassify && complete) complete = checkClassify(entry, support, queries.size > 0, scope) && complete;
  for (const assumption of entry.assumes) {
    if (assumption.text !== "balanced") {
      checker.report(
        "FSL5025",
        assumption.span,
        { what: `\`${assumption.text}\` is not an assumption that can be checked` },
        {
          help: suggest(assumption.text, ["balanced"]),
        },
      );
    }
  }
  const result = complete ? resultOf(entry, sizes, scope) : undefined;
  const value = evaluateBlock(entry.body, scope);
  // Where the head is wrong, the body is looked at for its own mistakes only.
  if (value.kind === "anything" || result === undefined) return undefined;
  const at = entry.body.result?.span ?? entry.body.span;
  if (value.kind === "tensor") unusedAdaptations(frame, value.expr, scope);
  if (!entry.transductive) checkQueryStatistics(frame, queries, scope);
  if (result.kind === "loss") {
    const loss = scalarLoss(value, scope, at);
    if (loss === undefined) return undefined;
    return finished(entry, params, result, { statements: frame.statements, result: loss });
  }
  const tensor = asNumbers(value, scope, at);
  if (tensor === undefined) return undefined;
  const { axes, kind } = tensor.expr.type;
  const promised = `${result.kind} ${printAxes(result.axes, !use.generic)}`;
  const extra = axes.filter((axis) => !result.axes.some((other) => other.name === axis.name)).map((axis) => axis.name);
  const missing = result.axes
    .filter((axis) => !axes.some((other) => other.name === axis.name))
    .map((axis) => axis.name);
  const wrong = axes.some((axis) => result.axes.some((other) => other.name === axis.name && other.size !== axis.size));
  if (extra.length > 0 || missing.length > 0 || wrong) {
    const help = [
      ...extra.map((axis) => `\`${axis}\` is left over: reduce it, for example \`mean(… over ${axis})\``),
      ...missing.map((axis) => `\`${axis}\` is gone: it was reduced, or the value never had it`),
    ];
    checker.report(
      "FSL3005",
      at,
      { entry: entry.name.text, promised: `\`${promised}\``, found: show(tensor.expr.type, frame) },
      {
        labels: [{ span: entry.result.span, text: "promised here" }],
        help,
      },
    );
    return undefined;
  }
  if (result.kind === "logits" && kind === "probabilities") {
    checker.report(
      "FSL3016",
      at,
      { entry: entry.name.text, promised: "logits", found: "probabilities" },
      {
        labels: [{ span: entry.result.span, text: "promised here" }],
        help: ["write `-> probabilities` after the parameters, or leave the softmax out"],
      },
    );
    return undefined;
  }
  const { sums } = tensor;
  if (result.kind === "probabilities" && sums !== undefined && !sums.includes("way")) {
    const over = sums.map((axis) => `\`${axis}\``).join(" and ");
    const found = over === "" ? "values that no longer sum to 1" : `probabilities over ${over}`;
    checker.report(
      "FSL3016",
      at,
      { entry: entry.name.text, promised: "probabilities over `way`", found },
      { labels: [{ span: entry.result.span, text: "promised here" }] },
    );
    return undefined;
  }
  return finished(entry, params, result, { statements: frame.statements, result: tensor.expr });
}

function finished(
  entry: ast.EntryDecl,
  params: readonly EntryParam[],
  result: Entry["result"],
  body: Entry["body"],
): Entry {
  return {
    name: entry.name.text,
    params,
    transductive: entry.transductive,
    assumes: entry.assumes.map((assumption) => assumption.text),
    result,
    body,
  };
}

/** What each parameter of `classify` may look at (rule 11). */
function checkForm(entry: ast.EntryDecl, param: ast.Parameter, outer: readonly string[], scope: Scope): boolean {
  const { checker } = scope;
  const name = param.name.text;
  const axes = [...outer].sort().join(",");
  if (axes === "shot,way" || axes === "") return true;
  if (axes === "n" && entry.transductive) return true;
  if (axes === "n") {
    checker.report(
      "FSL3023",
      param.span,
      { what: `\`${name}\` holds all queries, and \`classify\` does not say \`transductive\`` },
      {
        help: ["write `) transductive -> logits [n, way]`, or take one query: `query: vector`"],
      },
    );
    return false;
  }
  checker.report(
    "FSL3024",
    param.type?.span ?? param.span,
    {
      what: `\`classify\` cannot have \`${name}\` with the axes [${outer.join(", ")}]`,
    },
    { help: ["supports are `[way, shot]`, the query has no axes of its own, transductive queries are `[n]`"] },
  );
  return false;
}

function checkClassify(entry: ast.EntryDecl, support: boolean, query: boolean, scope: Scope): boolean {
  const { checker } = scope;
  if (!support || !query) {
    const lacks = !support ? "supports (`support: vector [way, shot]`)" : "a query (`query: vector`)";
    checker.report("FSL3024", entry.name.span, { what: `\`classify\` takes no ${lacks}` });
    return false;
  }
  const single = entry.params.find((param) => param.type !== undefined && (param.type.axes ?? []).length === 0);
  if (entry.transductive && single !== undefined && single.name.text !== "encoder") {
    checker.report(
      "FSL3023",
      single.span,
      { what: `\`classify\` says \`transductive\`, and \`${single.name.text}\` is one query` },
      {
        help: ["drop `transductive`, or take them all: `queries: vector [n]`"],
      },
    );
    return false;
  }
  return true;
}

function resultOf(entry: ast.EntryDecl, sizes: ReadonlyMap<string, number>, scope: Scope): Entry["result"] | undefined {
  const { checker } = scope;
  const { result } = entry;
  const kind = result.name.text;
  if (kind !== "logits" && kind !== "probabilities" && kind !== "loss") {
    checker.report(
      "FSL3025",
      result.name.span,
      { type: kind },
      { help: suggest(kind, ["logits", "probabilities", "loss"]) },
    );
    return undefined;
  }
  const isClassify = entry.name.text === "classify";
  if (isClassify === (kind === "loss")) {
    const what = isClassify
      ? "`classify` gives logits or probabilities, not a loss"
      : `\`${entry.name.text}\` is not \`classify\`, so it gives a \`loss\``;
    checker.report("FSL3024", result.span, { what });
    return undefined;
  }
  if (kind === "loss") return { kind, axes: [] };
  const wanted = entry.transductive ? ["n", "way"] : ["way"];
  const names = (result.axes ?? []).map((axis) => axis.text);
  if (names.length !== wanted.length || wanted.some((name) => !names.includes(name))) {
    checker.report("FSL3023", result.span, {
      what: `${entry.transductive ? "a transductive" : "an inductive"} \`classify\` gives \`${kind} [${wanted.join(", ")}]\``,
    });
    return undefined;
  }
  return { kind, axes: names.map((name) => ({ name, size: sizes.get(name) ?? 0 })) };
}
