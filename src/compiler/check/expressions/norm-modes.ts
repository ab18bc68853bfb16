/** The argument `norm` of a call of a network. See "Batch normalization" in docs/language.md. */
import type * as ast from "../../../../grammar/ast.js";
import { listed, suggest } from "../../../common/did-you-mean.js";
import type { Expr, Network } from "../../typed/tree.js";
import { layersOf } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asTensor, show } from "../core/tensors.js";
import type { CallableValue, TensorValue } from "../core/values.js";
import { evaluate } from "./evaluate.js";

type NormMode = Extract<Expr, { readonly k: "apply" }>["norm"];

interface NetworkCall {
  readonly callee: CallableValue;
  readonly network: Network;
  readonly x: TensorValue;
}

/** Returns the statistics that a call normalizes by, or undefined if the argument is wrong or missing, which is reported. */
export function normMode(
  arg: ast.Argument | undefined,
  { callee, network, x }: NetworkCall,
  scope: Scope,
  span: ast.Span,
): NormMode | undefined {
  const { checker, frame } = scope;
  if (frame === undefined) return undefined;
  if (arg === undefined) return unstatedMode(callee, network, scope, span);
  const { value } = arg;
  if (callee.norm === "running") {
    const help = ["finished stages are frozen: they use their running statistics"];
    checker.report("FSL2014", arg.span, { callee: "a finished stage", name: "norm" }, { help });
    return undefined;
  }
  if (value.kind === "ref" && value.text === "running") return "running";
  if (value.kind === "ref" && value.text === "batch") {
    frame.batchStatistics.push({ x: x.expr, at: arg.span });
    return "batch";
  }
  if (value.kind === "call" && value.callee.kind === "ref" && value.callee.text === "from") {
    const [from, more] = value.args;
    if (from !== undefined && more === undefined) return statisticsOf(from, arg, x, scope, frame);
  }
  checker.report(
    "FSL3009",
    value.span,
    {
      what: "`norm`",
      expected: listed(["batch", "running", "from(y)"]).replace(" and ", " or "),
      found: value.kind === "ref" ? `\`${value.text}\`` : "something else",
    },
    { help: value.kind === "ref" ? suggest(value.text, ["batch", "running"]) : [] },
  );
  return undefined;
}

/** Returns the mode of a call without `norm`, or reports that this call must state it. */
function unstatedMode(
  callee: CallableValue,
  network: Network,
  { checker }: Scope,
  span: ast.Span,
): NormMode | undefined {
  if (callee.norm === "running") return "running";
  if (callee.norm === "auto" || !hasBatchNorm(network)) return "phase";
  checker.report("FSL3021", span, {}, { help: ["add `norm: batch`, `norm: running` or `norm: from(y)`"] });
  return undefined;
}

/** Returns the mode of `norm: from(y)`: the batch statistics of `y`. */
function statisticsOf(
  from: ast.Argument,
  norm: ast.Argument,
  x: TensorValue,
  scope: Scope,
  frame: Frame,
): NormMode | undefined {
  const tensor = asTensor(evaluate(from.value, scope), scope, from.span);
  if (tensor === undefined) return undefined;
  if ((tensor.expr.type.kind === "image") !== (x.expr.type.kind === "image")) {
    const expected = `what the network takes, ${show(x.expr.type, frame)} without its batch axes`;
    const found = show(tensor.expr.type, frame);
    scope.checker.report("FSL3009", from.span, { what: "the value of `norm: from`", expected, found });
    return undefined;
  }
  const bound = frame.bind(tensor).expr;
  frame.batchStatistics.push({ x: bound, at: norm.span });
  return { from: bound };
}

function hasBatchNorm(network: Network): boolean {
  return layersOf(network).some(({ layer }) => layer.op.kind === "batch_norm");
}
