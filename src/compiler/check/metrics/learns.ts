/** The learned values of a metric: tensors, modules and one value per weight of the encoder (rule 13). */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Initializer, Learn, Network, OwnNetwork } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything, describe, printAxes } from "../core/values.js";
import { matchArguments } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { elaborateNetwork } from "../networks/network-builder.js";
import type { MetricContext } from "./parameter-types.js";

const initializers: Readonly<Record<string, readonly string[]>> = {
  normal: ["std", "mean"],
  uniform: ["low", "high"],
  constant: ["value"],
};

export class LearnedValues {
  private readonly made: (() => Learn | undefined)[] = [];

  constructor(
    private readonly scope: Scope,
    private readonly use: Pick<MetricContext, "generic">,
    /** Sizes of the axes that a layer may name, asked for when a module meets its first value. */
    private readonly axes: () => ReadonlyMap<string, number>,
  ) {}

  /** Those that an entry uses, in the order of declaration. */
  typed(): Learn[] {
    return this.made.map((make) => make()).filter((learn) => learn !== undefined);
  }

  declare(learn: ast.LearnDecl): void {
    for (const name of learn.names) {
      if (this.scope.hasOwn(name.text)) {
        const first = this.scope.lookup(name.text);
        this.scope.checker.report(
          "FSL2006",
          name.span,
          { name: name.text },
          {
            labels: first === undefined ? [] : [{ span: first.span, text: "declared here first" }],
          },
        );
      }
      const { value } = learn;
      const layers = moduleLayers(value);
      if (layers !== undefined) {
        if (learn.positive || learn.axes !== undefined || learn.like.length > 0) refuseModule(name, learn, this.scope);
        this.module(name, layers, value.span);
      } else if (learn.like.length > 0) this.like(name, learn);
      else this.tensor(name, learn);
    }
  }

  private tensor(name: ast.Name, learn: ast.LearnDecl): void {
    const { scope } = this;
    const { frame, checker } = scope;
    const axes: Axis[] = [];
    for (const axis of learn.axes ?? []) {
      const known = frame?.known(axis.text);
      if (known === undefined) {
        checker.report(
          "FSL3007",
          axis.span,
          { axis: axis.text },
          {
            help: [
              ...suggest(axis.text, frame?.knownNames() ?? []),
              "numbers along an axis of a size of its own are a layer's: `module { linear(64) }`",
            ],
          },
        );
        scope.define(name.text, anything(name.span));
        return;
      }
      axes.push({ name: axis.text, size: known.size });
    }
    const init = initializerOf(learn.value, scope);
    if (init === undefined || frame === undefined) {
      scope.define(name.text, anything(name.span));
      return;
    }
    scope.define(name.text, frame.make(name.span, "real", axes, { k: "learn", name: name.text }));
    if (!startsRight(init, learn, scope)) return;
    const typed: Learn = { kind: "tensor", name: name.text, axes, init, positive: learn.positive, span: name.span };
    this.made.push(() => typed);
  }

  private like(name: ast.Name, learn: ast.LearnDecl): void {
    const init = initializerOf(learn.value, this.scope);
    const of = learn.like.map((like) => this.network(like)).filter((network) => network !== undefined);
    // Values shaped like the weights enter where `minimize` takes its settings, as one per weight.
    const { frame } = this.scope;
    if (frame !== undefined) {
      this.scope.define(name.text, frame.make(name.span, "real", [], { k: "learn", name: name.text }));
    }
    if (init === undefined || !startsRight(init, learn, this.scope)) return;
    const typed: Learn = { kind: "like", name: name.text, of, init, positive: learn.positive, span: name.span };
    this.made.push(() => typed);
  }

  /** `encoder`, or a module of the metric declared before. */
  private network(like: ast.Expr): OwnNetwork | undefined {
    if (like.kind === "ref" && like.text === "encoder") return { kind: "slot", slot: "encoder" };
    const module = like.kind === "ref" ? this.scope.lookup(like.text) : undefined;
    if (module?.kind === "callable" && module.target.kind === "learn") return module.target;
    if (like.kind !== "error")
      this.scope.checker.report("FSL2019", like.span, {
        needed: "`encoder` or a network learned above",
        found: "something else",
      });
    return undefined;
  }

  /** A module's weights are known when it meets its first value: `linear(8)` has no input size of its own. */
  private module(name: ast.Name, layers: readonly ast.Layer[], span: ast.Span): void {
    const { scope, use } = this;
    let first:
      | { readonly input: readonly Axis[]; readonly network: Network | undefined; readonly at: ast.Span }
      | undefined;
    const network = (input: readonly Axis[], at: ast.Span): Network | undefined => {
      if (first === undefined) {
        const made = elaborateNetwork({
          name: name.text,
          layers,
          input,
          scope,
          axes: this.axes(),
          generic: use.generic,
          span,
        });
        first = { input, network: made, at };
        return made;
      }
      const same =
        first.input.length === input.length &&
        input.every((axis) => first?.input.some((other) => other.name === axis.name && other.size === axis.size));
      if (!same && first.network !== undefined) {
        scope.checker.report(
          "FSL3009",
          at,
          {
            what: `the input of \`${name.text}\``,
            expected: `${printAxes(first.input, !use.generic)}, as at its first use`,
            found: printAxes(input, !use.generic),
          },
          { labels: [{ span: first.at, text: "its first use" }] },
        );
        return undefined;
      }
      return first.network;
    };
    scope.define(name.text, {
      kind: "callable",
      target: { kind: "learn", name: name.text },
      network,
      known: () => first?.network,
      gives: "real",
      norm: "auto",
      span: name.span,
    });
    this.made.push(() =>
      first?.network === undefined
        ? undefined
        : { kind: "module", name: name.text, network: first.network, span: name.span },
    );
  }
}

/** Axes that a layer of a metric may name; `feature` is that of the encoder's vector. */
export function axisSizes(use: MetricContext): Map<string, number> {
  const { way, shot, query } = use.task;
  const feature = use.encoder.outputs["vector"]?.find((axis) => axis.name === "feature");
  return new Map([
    ["way", way],
    ["shot", shot],
    ["query", query],
    ...(feature === undefined ? [] : [["feature", feature.size] as const]),
  ]);
}

/** `module { … }` or one layer, `linear(way)`; undefined where the value is an initial value. */
function moduleLayers(value: ast.Expr): readonly ast.Layer[] | undefined {
  if (value.kind === "module") return value.layers;
  if (value.kind !== "call" || value.callee.kind !== "ref" || Object.hasOwn(initializers, value.callee.text))
    return undefined;
  return [callAsLayer(value, value.callee)];
}

/** A call in the place of a layer: `head linear(class)`, `learn v = linear(feature)`. */
export function callAsLayer(call: ast.CallExpr, callee: ast.NameExpr): ast.Layer {
  return {
    kind: "callLayer",
    callee: { kind: "name", text: callee.text, span: callee.span },
    args: call.args,
    label: undefined,
    output: undefined,
    span: call.span,
  };
}

/** Signs, axes and weights to be like belong to numbers: a network has those of its layers. */
function refuseModule(name: ast.Name, { positive, axes, value }: ast.LearnDecl, { checker }: Scope): void {
  const has = positive ? "is positive" : axes !== undefined ? "has axes of its own" : "is like weights";
  const what = `\`${name.text}\`, which ${has},`;
  checker.report("FSL3009", value.span, { what, expected: "a number or a draw of numbers", found: "a network" });
}

/** A positive value is stored as its logarithm, which a given start must have. */
function startsRight(init: Initializer, { positive, value, names }: ast.LearnDecl, { checker }: Scope): boolean {
  if (!positive || init.kind !== "constant" || init.value > 0) return true;
  const what = `the start of \`${names.map(({ text }) => text).join(", ")}\`, which is positive,`;
  checker.report("FSL5008", value.span, { what, range: "above 0", found: init.value });
  return false;
}

function initializerOf(expr: ast.Expr, scope: Scope): Initializer | undefined {
  const { checker } = scope;
  if (expr.kind === "call" && expr.callee.kind === "ref" && Object.hasOwn(initializers, expr.callee.text)) {
    const name = expr.callee.text;
    const given = matchArguments(initializers[name] ?? [], expr.args, `\`${name}\``, scope);
    const numbers: Record<string, number> = {};
    for (const [param, value] of given) {
      const number = numberOf(value, scope);
      if (number === undefined) return undefined;
      numbers[param] = number;
    }
    if (name === "normal") return { kind: "normal", mean: numbers["mean"] ?? 0, std: numbers["std"] ?? 1 };
    if (name === "uniform") return { kind: "uniform", low: numbers["low"] ?? 0, high: numbers["high"] ?? 1 };
    return { kind: "constant", value: numbers["value"] ?? 0 };
  }
  const value = evaluate(expr, scope);
  if (value.kind === "int" || value.kind === "real") return { kind: "constant", value: value.value };
  if (value.kind !== "anything") {
    checker.report("FSL3009", expr.span, {
      what: "an initial value",
      expected: "a number, `normal(std)`, `uniform(low, high)` or a module",
      found: describe(value),
    });
  }
  return undefined;
}

function numberOf(expr: ast.Expr, scope: Scope): number | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "int" || value.kind === "real") return value.value;
  if (value.kind !== "anything") {
    scope.checker.report("FSL3008", expr.span, { what: "an argument of an initial value", found: describe(value) });
  }
  return undefined;
}
