/** Layers that are formulas: `block scaled(start = 1.0)(x: map) { learn g = start  g * x }` is a function of one value. */
import type * as ast from "../../../../grammar/ast.js";
import { own } from "../../../common/own.js";
import { loopsIn } from "../../typed/loops.js";
import type { Axis, Block, Expr, LayerOp, LearnedTensor, WeightSpec } from "../../typed/tree.js";
import { walkBlock } from "../../typed/walk.js";
import { tensorWeight } from "../../typed/weights.js";
import { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers } from "../core/tensors.js";
import { type BlockValue, printAxes } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { isInitializer } from "../expressions/initializers.js";
import { declareTensor } from "../expressions/learned-tensors.js";

interface Request {
  readonly name: string;
  readonly formula: ast.Formula;
  /** The axes of the value that enters, without those of images. */
  readonly input: readonly Axis[];
  /** The scope of the declaration, with its parameters. */
  readonly scope: Scope;
  readonly generic: boolean;
  readonly span: ast.Span;
}
export interface BuiltFormula {
  readonly op: Extract<LayerOp, { readonly kind: "formula" }>;
  readonly output: readonly Axis[];
  readonly weights: readonly WeightSpec[];
}

/** The axes of the forms that a formula may ask for. Without a form it takes any value. */
const forms: Readonly<Record<string, readonly string[]>> = {
  map: ["channel", "height", "width"],
  vector: ["feature"],
};
/** The most rounds of the loops of a layer, which are all written out. */
const mostRounds = 256;

/** Returns the layer, or undefined after it has reported what is wrong. */
export function buildFormula({ name, formula, input, scope: outer, generic, span }: Request): BuiltFormula | undefined {
  const { checker } = outer;
  const before = checker.errors;
  if (!acceptsInput(name, formula.input, { input, generic, span }, outer)) return undefined;
  const frame = new Frame({ place: "layer", generic, transductive: false, opaque: new Set() }, []);
  frame.giveAxes(input);
  const scope = outer.child(frame);
  const { text } = formula.input.name;
  scope.define(text, frame.tensor(formula.input.name.span, "real", input, { k: "param", name: text }));
  const learns = formula.learns.flatMap((learn) => learned(learn, scope));
  const value = evaluateBlock(formula.body, scope);
  const tensor = value.kind === "anything" ? undefined : asNumbers(value, scope, formula.body.span);
  if (tensor === undefined || checker.errors > before) return undefined;
  const body: Block = { statements: frame.statements, result: tensor.expr };
  if (!isFunction(name, body, scope)) return undefined;
  const op = { kind: "formula", name, input: text, learns, body } as const;
  return { op, output: tensor.expr.type.axes, weights: learns.map(tensorWeight) };
}

/** Returns whether a value has the form that the formula asks for. Reports FSL4002 or FSL3025 otherwise. */
function acceptsInput(
  layer: string,
  { type }: ast.Parameter,
  { input, generic, span }: Pick<Request, "input" | "generic" | "span">,
  { checker }: Scope,
): boolean {
  if (type === undefined) return true;
  const form = type.name.text;
  const wanted = own(forms, form);
  if (wanted === undefined || type.axes !== undefined) {
    const help = ["the value that enters a layer is a `map`, a `vector`, or any value if no type is written: `(x)`"];
    checker.report("FSL3025", type.span, { type: form }, { help });
    return false;
  }
  if (wanted.every((axis) => input.some(({ name }) => name === axis))) return true;
  const needed = `a ${form} [${wanted.join(", ")}]`;
  checker.report("FSL4002", span, { layer, needed, found: printAxes(input, !generic) });
  return false;
}

/** Returns the tensors of a `learn` or `fixed` line. Reports FSL4012 for a network, which a formula has none of. */
function learned(learn: ast.LearnDecl, scope: Scope): LearnedTensor[] {
  const { value } = learn;
  const layer = value.kind === "call" && value.callee.kind === "ref" && !isInitializer(value.callee.text);
  if (value.kind === "module" || layer || learn.like.length > 0) {
    scope.checker.report("FSL4012", value.span, { what: "learns numbers, and this is for networks" });
    return [];
  }
  return learn.names.flatMap((name) => declareTensor(name, learn, scope, new Map()) ?? []);
}

/** Returns whether the body is a function of its value alone. Reports FSL4012 for what is none, at its first place. */
function isFunction(name: string, body: Block, { checker }: Scope): boolean {
  let found: { readonly what: string; readonly span: ast.Span } | undefined;
  const reads = (e: Expr): string | undefined => {
    if (e.k === "apply" || e.k === "weights") return "calls no network: layers stand before or after it";
    if (e.k === "dropout") return "drops nothing: `dropout` is a layer of its own";
    return undefined;
  };
  walkBlock(body, {
    expr: (e) => {
      const what = reads(e);
      if (what !== undefined) found ??= { what, span: e.span };
    },
  });
  for (const loop of loopsIn(body)) {
    if (loop.kind === "minimize") found ??= { what: "minimizes nothing: a metric does", span: loop.span };
    else if (loop.bound > mostRounds) found ??= { what: `has loops of at most ${mostRounds} rounds`, span: loop.span };
  }
  if (found === undefined) return true;
  checker.report("FSL4012", found.span, { what: found.what }, { help: [`\`${name}\` is a function of one value`] });
  return false;
}

/**
 * Checks a formula by itself. `values` has the axes of each form, with sizes that stand for unknown ones. A formula that takes any
 * value is checked where it is used.
 */
export function checkFormula({ decl, scope }: BlockValue, values: Readonly<Record<string, readonly Axis[]>>): void {
  const { formula, name } = decl;
  const form = formula?.input.type?.name.text;
  if (formula === undefined || form === undefined) return;
  const input = own(values, form) ?? [];
  const inner = withDefaults(decl, scope, name.span);
  buildFormula({ name: name.text, formula, input, scope: inner, generic: true, span: name.span });
}
