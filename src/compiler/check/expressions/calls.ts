/** Calls: functions inlined, built-ins typed, networks applied, declarations given their arguments. */
import type * as ast from "../../../../grammar/ast.js";
import { listed, suggest } from "../../../common/did-you-mean.js";
import { tailOf } from "../../typed/tail.js";
import type { Expr, Network } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import { layersOf } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asTensor, requireFrame, show, showValue } from "../core/tensors.js";
import { anything, type CallableValue, type FnValue, printAxes, type TensorValue, type Value } from "../core/values.js";
import { bindArguments, matchArguments } from "./arguments.js";
import { axisMeanings } from "./axis-names.js";
import { evaluateBlock } from "./blocks.js";
import { callBuiltin } from "./builtin-calls.js";
import { isBuiltin } from "./builtins/table.js";
import { clauseOf, refuseClauses } from "./clauses.js";
import { evaluate, unknownName } from "./evaluate.js";

export function evaluateCall(expr: ast.CallExpr, scope: Scope): Value {
  const callee = calleeOf(expr.callee, scope);
  switch (callee.kind) {
    case "fn":
      return inlineFn(callee, expr, scope);
    case "builtin":
      return callBuiltin(callee.name, expr, scope);
    case "callable":
      return applyNetwork(callee, expr, scope);
    case "stage": {
      const stage = scope.checker.callStage(callee.id, expr.callee.span, scope.frame?.options ?? {});
      return stage === undefined ? anything(expr.span) : applyNetwork(stage, expr, scope);
    }
    case "metric":
    case "backbone":
    case "dataset":
    case "episode":
      return withArguments(callee, expr, scope);
    case "anything":
      for (const arg of expr.args) evaluate(arg.value, scope);
      return anything(expr.span);
    default:
      scope.checker.report("FSL3012", expr.callee.span, { found: showValue(callee, scope.frame) });
      return anything(expr.span);
  }
}

function calleeOf(callee: ast.Expr, scope: Scope): Value {
  if (callee.kind !== "ref") return evaluate(callee, scope);
  const declared = scope.lookup(callee.text);
  if (declared !== undefined) return declared;
  if (isBuiltin(callee.text)) return { kind: "builtin", name: callee.text, span: callee.span };
  scope.checker.report("FSL2001", callee.span, { name: callee.text }, { help: unknownName(callee.text, scope) });
  return anything(callee.span);
}

function inlineFn(fn: FnValue, expr: ast.CallExpr, scope: Scope): Value {
  const { checker } = scope;
  const { decl } = fn;
  const callee = `\`${decl.name.text}\``;
  const { span } = expr;
  const frame = requireFrame(scope, span, `a call of ${callee}`);
  if (frame === undefined) return anything(span);
  refuseClauses(expr, ["over"], callee, scope);
  if (checker.isInlining(decl)) {
    checker.report("FSL2018", decl.name.span, { name: decl.name.text });
    return anything(span);
  }
  const over = clauseOf(expr, "over")?.axes ?? [];
  if (over.length !== decl.axes.length) {
    const shape = decl.axes.map((axis) => axis.text).join(", ");
    const clause =
      decl.axes.length === 0
        ? "no `over`"
        : `\`over\` and ${decl.axes.length} ${decl.axes.length === 1 ? "axis" : "axes"}`;
    checker.report(
      "FSL3013",
      clauseOf(expr, "over")?.span ?? span,
      { callee, clause },
      {
        labels: [{ span: decl.name.span, text: "declared here" }],
        help: decl.axes.length === 0 ? [] : [`write \`${decl.name.text}(… over ${shape})\``],
      },
    );
    for (const arg of expr.args) evaluate(arg.value, scope);
    return anything(span);
  }
  const meanings = axisMeanings(
    decl,
    over.map((axis) => frame.resolveAxis(axis.text)),
  );
  const body = fn.scope.child(frame.inner(frame.statements, meanings.names));
  const bound = bindArguments(decl.params, expr.args, body, scope, { callee, span, typed: false });
  if (!bound) return anything(span);
  for (const param of decl.params) {
    const value = body.lookup(param.name.text);
    if (value?.kind === "tensor") body.define(param.name.text, frame.bind(value));
    else if (value?.kind === "outputs") {
      const tensor = asTensor(value, scope, span);
      body.define(param.name.text, tensor ?? anything(span));
    }
  }
  const result = checker.inCall(decl, span, () => evaluateBlock(decl.body, body));
  return result.kind === "tensor" ? { ...underWrittenNames(result, meanings.own, frame), span } : result;
}

/** A function's value with its own axes called as its body calls them, where nothing else in it is called so. */
function underWrittenNames(value: TensorValue, own: ReadonlyMap<string, string>, frame: Frame): TensorValue {
  const { type } = value.expr;
  const renames = type.axes.flatMap(({ name: from }) => {
    const to = own.get(from);
    return to === undefined || type.axes.some((axis) => axis.name === to) ? [] : [{ from, to }];
  });
  if (renames.length === 0) return value;
  const called = (name: string): string => renames.find(({ from }) => from === name)?.to ?? name;
  const axes = type.axes.map(({ name, size }) => ({ name: called(name), size }));
  const renamed = frame.tensor(value.span, type.kind, axes, { k: "rename", x: value.expr, renames }, type.of);
  return { ...renamed, sums: value.sums?.map(called) };
}

/** `prototypes(distance: cosine)`: the declaration with these parameters bound. */
function withArguments(
  value: Extract<Value, { kind: "metric" | "backbone" | "dataset" | "episode" }>,
  expr: ast.CallExpr,
  scope: Scope,
): Value {
  const callee = `\`${value.decl.name.text}\``;
  refuseClauses(expr, [], callee, scope);
  const into = value.scope.child();
  const call = { callee, span: expr.span, typed: true };
  if (!bindArguments(value.decl.params ?? [], expr.args, into, scope, call)) return anything(expr.span);
  if (value.kind !== "episode") return { ...value, scope: into, span: expr.span };
  const each = (value.decl.params ?? []).flatMap((param) => {
    const given = into.lookup(param.name.text);
    return given?.kind === "each" ? [{ name: param.name.text, values: given.items }] : [];
  });
  return { ...value, scope: into, span: expr.span, each };
}

/** Axes that a network takes, in the order in which its layers have them. */
const networkAxes = ["channel", "height", "width", "feature"];

function applyNetwork(callee: CallableValue, expr: ast.CallExpr, scope: Scope): Value {
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
  const wantsImage = atArg === undefined && (callee.gives === "outputs" || callee.target.kind === "stage");
  if (wantsImage !== (type.kind === "image")) {
    checker.report("FSL3009", given.span, {
      what: "what is embedded",
      expected: wantsImage ? "an image" : "a vector or map",
      found: show(type, frame),
    });
    return anything(span);
  }
  // The value's own order means nothing: `concat(a, b along channel)` lists its channels last.
  const own = type.kind === "image" ? [] : networkAxes;
  const inner = own.flatMap((name) => type.axes.filter((axis) => axis.name === name));
  const network = callable.network(inner, span);
  if (network === undefined) return anything(span);
  if (atArg !== undefined && !sameAxes(inner, network.input)) {
    checker.report("FSL3009", given.span, {
      what: "what enters there",
      expected: `a value with the axes ${printAxes(network.input, !frame.generic)}`,
      found: show(type, frame),
    });
    return anything(span);
  }
  const norm = normOf(normArg, callee, hasBatchNorm(network), x, scope, span);
  if (norm === undefined) return anything(span);
  const outer = type.axes.filter((axis) => !inner.includes(axis));
  const shared = frame.bind(x);
  const apply = (output: string, at: ast.Span): Value => {
    const axes = [...outer, ...(network.outputs[output] ?? [])];
    const kind = callee.gives === "logits" ? "logits" : "real";
    return frame.tensor(at, kind, axes, { k: "apply", target: callable.target, x: shared.expr, output, norm });
  };
  if (callee.gives === "outputs") return { kind: "outputs", network, apply, span };
  return apply(Object.keys(network.outputs)[0] ?? "out", span);
}

/** `at: block1`: the encoder from behind that layer on. */
function startingAt(arg: ast.Argument, callee: CallableValue, scope: Scope): CallableValue | undefined {
  const { checker } = scope;
  const { target } = callee;
  const anyEncoder = scope.frame?.options.place === "metric";
  if (target.kind !== "slot" || target.slot !== "encoder" || anyEncoder) {
    const help = [
      anyEncoder
        ? "a method works with any encoder, whose layers it cannot know: it reads outputs"
        : "only the stage's own encoder can be entered at a layer",
    ];
    checker.report("FSL2014", arg.span, { callee: "this network", name: "at" }, { help });
    return undefined;
  }
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

function hasBatchNorm(network: Network): boolean {
  return layersOf(network).some(({ layer }) => layer.op.kind === "batch_norm");
}

type Norm = "phase" | "batch" | "running" | { readonly from: Expr };

function normOf(
  arg: ast.Argument | undefined,
  callee: CallableValue,
  needed: boolean,
  x: TensorValue,
  scope: Scope,
  span: ast.Span,
): Norm | undefined {
  const { checker, frame } = scope;
  if (frame === undefined) return undefined;
  if (arg === undefined) {
    if (callee.norm === "running") return "running";
    if (callee.norm === "say" && needed) {
      checker.report("FSL3021", span, {}, { help: ["add `norm: batch`, `norm: running` or `norm: from(y)`"] });
      return undefined;
    }
    return "phase";
  }
  const { value } = arg;
  if (callee.norm === "running") {
    checker.report(
      "FSL2014",
      arg.span,
      { callee: "a finished stage", name: "norm" },
      {
        help: ["finished stages are frozen: they use their running statistics"],
      },
    );
    return undefined;
  }
  if (value.kind === "ref" && value.text === "running") return "running";
  if (value.kind === "ref" && value.text === "batch") {
    frame.batched.push({ x: x.expr, at: arg.span });
    return "batch";
  }
  if (value.kind === "call" && value.callee.kind === "ref" && value.callee.text === "from" && value.args.length === 1) {
    const from = value.args[0];
    const tensor = from === undefined ? undefined : asTensor(evaluate(from.value, scope), scope, from.span);
    if (tensor === undefined || from === undefined) return undefined;
    if ((tensor.expr.type.kind === "image") !== (x.expr.type.kind === "image")) {
      const expected = `what the network takes, ${show(x.expr.type, frame)} without its batch axes`;
      checker.report("FSL3009", from.span, {
        what: "the value of `norm: from`",
        expected,
        found: show(tensor.expr.type, frame),
      });
      return undefined;
    }
    const bound = frame.bind(tensor).expr;
    frame.batched.push({ x: bound, at: arg.span });
    return { from: bound };
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
