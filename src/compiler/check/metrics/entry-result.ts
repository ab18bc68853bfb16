/** The result of an entry: what its head declares, and whether its body gives that. */
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Entry, Expr } from "../../typed/tree.js";
import { asNumbers, show } from "../core/tensors.js";
import { printAxes, type TensorValue, type Value } from "../core/values.js";
import { scalarLoss } from "../expressions/minimize.js";
import { type EntryScope, isClassify } from "./entry-scope.js";

/** Returns the declared result, or undefined after it has reported that this entry cannot have it. */
export function declaredResult({ decl, sizes, scope }: EntryScope): Entry["result"] | undefined {
  const { checker } = scope;
  const { result } = decl;
  const kind = result.name.text;
  if (kind !== "logits" && kind !== "probabilities" && kind !== "loss") {
    const help = suggest(kind, ["logits", "probabilities", "loss"]);
    checker.report("FSL3025", result.name.span, { type: kind }, { help });
    return undefined;
  }
  if (isClassify(decl) === (kind === "loss")) {
    const what = isClassify(decl)
      ? "`classify` gives logits or probabilities, not a loss"
      : `\`${decl.name.text}\` is not \`classify\`, so it gives a \`loss\``;
    checker.report("FSL3024", result.span, { what });
    return undefined;
  }
  if (kind === "loss") return { kind, axes: [] };
  const wanted = decl.transductive ? ["n", "way"] : ["way"];
  const names = (result.axes ?? []).map((axis) => axis.text);
  if (names.length !== wanted.length || wanted.some((name) => !names.includes(name))) {
    const which = decl.transductive ? "a transductive" : "an inductive";
    const what = `${which} \`classify\` gives \`${kind} [${wanted.join(", ")}]\``;
    checker.report("FSL3023", result.span, { what });
    return undefined;
  }
  return { kind, axes: names.map((name) => ({ name, size: sizes.get(name) ?? 0 })) };
}

/** Returns the body's value if it is the declared result, or undefined after a report. */
export function checkResult(value: Value, promised: Entry["result"], entry: EntryScope): Expr | undefined {
  const { decl, scope } = entry;
  const at = decl.body.result?.span ?? decl.body.span;
  if (promised.kind === "loss") return scalarLoss(value, scope, at);
  const tensor = asNumbers(value, scope, at);
  if (tensor === undefined) return undefined;
  return checkAxes(tensor, promised, entry) && checkKind(tensor, promised.kind, entry) ? tensor.expr : undefined;
}

/** Returns whether the value has exactly the declared axes. Reports FSL3005 if it has not. */
function checkAxes(
  { expr }: TensorValue,
  promised: Entry["result"],
  { decl, context, scope, frame }: EntryScope,
): boolean {
  const { axes } = expr.type;
  const extra = namesBeyond(axes, promised.axes);
  const missing = namesBeyond(promised.axes, axes);
  const isResized = axes.some(({ name, size }) =>
    promised.axes.some((other) => other.name === name && other.size !== size),
  );
  if (extra.length === 0 && missing.length === 0 && !isResized) return true;
  const text = `\`${promised.kind} ${printAxes(promised.axes, !context.generic)}\``;
  scope.checker.report(
    "FSL3005",
    decl.body.result?.span ?? decl.body.span,
    { entry: decl.name.text, promised: text, found: show(expr.type, frame) },
    {
      labels: [{ span: decl.result.span, text: "promised here" }],
      help: [
        ...extra.map((axis) => `\`${axis}\` is left over: reduce it, for example \`mean(… over ${axis})\``),
        ...missing.map((axis) => `\`${axis}\` is gone: it was reduced, or the value never had it`),
      ],
    },
  );
  return false;
}

/** Returns whether the value can stand for logits, or for probabilities over `way`. Reports FSL3016 if it cannot. */
function checkKind(
  { expr, sums }: TensorValue,
  kind: Exclude<Entry["result"]["kind"], "loss">,
  { decl, scope }: EntryScope,
): boolean {
  const at = decl.body.result?.span ?? decl.body.span;
  const entry = decl.name.text;
  const labels = [{ span: decl.result.span, text: "promised here" }];
  if (kind === "logits" && expr.type.kind === "probabilities") {
    const help = ["write `-> probabilities` after the parameters, or leave the softmax out"];
    scope.checker.report("FSL3016", at, { entry, promised: "logits", found: "probabilities" }, { labels, help });
    return false;
  }
  if (kind === "probabilities" && sums !== undefined && !sums.includes("way")) {
    const over = sums.map((axis) => `\`${axis}\``).join(" and ");
    const found = over === "" ? "values that no longer sum to 1" : `probabilities over ${over}`;
    scope.checker.report("FSL3016", at, { entry, promised: "probabilities over `way`", found }, { labels });
    return false;
  }
  return true;
}

function namesBeyond(axes: readonly Axis[], others: readonly Axis[]): string[] {
  return axes.map(({ name }) => name).filter((name) => !others.some((other) => other.name === name));
}
