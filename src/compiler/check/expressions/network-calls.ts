/** Calls of networks: encoders, heads, learned modules and finished stages applied to a value. */

import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import { own } from "../../../common/own.js";
import { tailOf } from "../../typed/tail.js";
import { sameAxes } from "../../typed/values.js";
import type { Scope } from "../core/scope.js";
import { asTensor, requireFrame, show } from "../core/tensors.js";
import { anything, type CallableValue, printAxes, type Value } from "../core/values.js";
import { matchArguments } from "./arguments.js";
import { refuseClauses } from "./clauses.js";
import { evaluate } from "./evaluate.js";
import { normMode } from "./norm-modes.js";

/** The axes that a network takes, in the order in which its layers have them. */
const networkAxes = ["channel", "height", "width", "feature"];

export function applyNetwork(callee: CallableValue, expr: ast.CallExpr, scope: Scope): Value {
  const { checker } = scope;
  const { span } = expr;
  const frame = requireFrame(scope, span, "a call of a network");
  if (frame === undefined) return anything(span);
  refuseClauses(expr, [], "a network", scope);
  const normArg = expr.args.find((arg) => arg.name?.text === "norm");
  const atArg = expr.args.find((arg) => arg.name?.text === "at");
  const others = expr.args.filter((arg) => arg !== normArg && arg !== atArg);
  const given = matchArguments(["x"], others, "a network", scope).get("x");
  if (given === undefined) {
    checker.report("FSL2015", span, { callee: "a network", expected: "one value", found: "none is" });
    return anything(span);
  }
  const x = asTensor(evaluate(given, scope), scope, given.span);
  if (x === undefined) return anything(span);
  const { type } = x.expr;
  if (type.kind === "class" || type.kind === "bool") {
    checker.report("FSL3004", given.span, { what: type.kind === "class" ? "a label" : "a truth value" });
    return anything(span);
  }
  const callable = atArg === undefined ? callee : startingAt(atArg, callee, scope);
  if (callable === undefined) return anything(span);
  const wholeStage = callee.target.kind === "stage" && callee.target.slot === undefined;
  const wantsImage = atArg === undefined && (callee.gives === "outputs" || wholeStage);
  if (wantsImage !== (type.kind === "image")) {
    checker.report("FSL3009", given.span, {
      what: "what is embedded",
      expected: wantsImage ? "an image" : "a vector or map",
      found: show(type, frame),
    });
    return anything(span);
  }
  // The order of the value's own axes means nothing: `concat(a, b along channel)` lists its channels last.
  const taken = type.kind === "image" ? [] : networkAxes;
  const inner = taken.flatMap((name) => type.axes.filter((axis) => axis.name === name));
  const network = callable.network(inner, span);
  if (network === undefined) return anything(span);
  if (!wantsImage && !sameAxes(inner, network.input)) {
    checker.report("FSL3009", given.span, {
      what: atArg === undefined ? "what this network takes" : "what enters there",
      expected: `a value with the axes ${printAxes(network.input, !frame.generic)}`,
      found: show(type, frame),
    });
    return anything(span);
  }
  const norm = normMode(normArg, { callee, network, x }, scope, span);
  if (norm === undefined) return anything(span);
  const outer = type.axes.filter((axis) => !inner.includes(axis));
  const shared = frame.bind(x);
  const apply = (output: string, at: ast.Span): Value => {
    const axes = [...outer, ...(own(network.outputs, output) ?? [])];
    const kind = callee.gives === "logits" ? "logits" : "real";
    return frame.tensor(at, kind, axes, { k: "apply", target: callable.target, x: shared.expr, output, norm });
  };
  if (callee.gives === "outputs") return { kind: "outputs", network, open: frame.generic, apply, span };
  return apply(Object.keys(network.outputs)[0] ?? "out", span);
}

/** Returns the encoder from the layer after the named one on: `at: block1`. A wrong name or another network is reported. */
function startingAt(arg: ast.Argument, callee: CallableValue, scope: Scope): CallableValue | undefined {
  const { checker } = scope;
  const { target } = callee;
  if ((target.kind !== "slot" && target.kind !== "stage") || target.slot !== "encoder") {
    const help = ["an encoder can be entered at a layer: `encoder`, or `base.encoder` of a stage `base`"];
    checker.report("FSL2014", arg.span, { callee: "this network", name: "at" }, { help });
    return undefined;
  }
  // A declaration by itself knows no layers. The stages that use it do.
  if (scope.frame?.generic === true) return undefined;
  const whole = callee.network([], arg.span);
  if (whole === undefined) return undefined;
  const name = arg.value.kind === "ref" ? arg.value.text : undefined;
  const network = name === undefined ? undefined : tailOf(whole, name);
  if (name !== undefined && network !== undefined) {
    return { ...callee, target: { ...target, at: name }, network: () => network };
  }
  const names = whole.layers.map(({ outputName, path }) => outputName ?? path).filter((each) => /^\w+$/.test(each));
  const member = name ?? "such a layer";
  checker.report(
    "FSL2017",
    arg.value.span,
    { object: `the encoder \`${whole.name}\``, member },
    { help: [...suggest(member, names), "a layer has a name before it (`NAME: conv(3, 64)`) or after it (`as NAME`)"] },
  );
  return undefined;
}
