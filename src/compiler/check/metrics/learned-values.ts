/** Declares the values that `learn` lines of a metric or a loss train: tensors, networks, and one value per weight of a network. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Initializer, Learn, OwnNetwork } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything } from "../core/values.js";
import { ownsSize, writtenSize } from "../expressions/axis-sizes.js";
import { evaluate } from "../expressions/evaluate.js";
import { elaborateInitializer, isInitializer } from "./initializers.js";
import { LearnedModule } from "./learned-module.js";

export class LearnedValues {
  private readonly declared: (() => Learn | undefined)[] = [];
  /** The axes that learned tensors declare with sizes of their own. Layers may name them too. */
  private readonly sized = new Map<string, number>();

  /** `axes` returns the sizes of the axes that a layer may name. It is asked when a network is first called. */
  constructor(
    private readonly scope: Scope,
    private readonly options: { readonly generic: boolean },
    private readonly axes: () => ReadonlyMap<string, number>,
  ) {}

  /** Returns the learned values in the order of declaration, without networks that nothing calls. */
  typed(): Learn[] {
    return this.declared.flatMap((typed) => typed() ?? []);
  }

  /** Defines every name of a `learn` line in the scope. */
  declare(learn: ast.LearnDecl): void {
    const { scope } = this;
    for (const name of learn.names) {
      if (scope.hasOwn(name.text)) reportDuplicate(name, scope);
      const layers = moduleLayers(learn.value);
      if (layers !== undefined) this.declareModule(name, learn, layers);
      else if (learn.like.length > 0) this.declareLike(name, learn);
      else this.declareTensor(name, learn);
    }
  }

  private declareTensor(name: ast.Name, learn: ast.LearnDecl): void {
    const { scope } = this;
    const axes = this.tensorAxes(learn);
    const start = axes === undefined ? undefined : elaborateInitializer(learn.value, scope);
    if (axes === undefined || start === undefined || scope.frame === undefined) {
      scope.define(name.text, anything(name.span));
      return;
    }
    const { init, of } = start;
    const kind = of === undefined ? "real" : "class";
    scope.define(name.text, scope.frame.tensor(name.span, kind, axes, { k: "learn", name: name.text }, of));
    if (!checkStart(init, learn, scope)) return;
    const { positive } = learn;
    const fixed = learn.fixed ? { fixed: true as const } : {};
    const labels = of === undefined ? {} : { of };
    const { span } = name;
    this.declared.push(() => ({ kind: "tensor", name: name.text, axes, init, positive, ...fixed, ...labels, span }));
  }

  /** Returns the axes of a tensor with their sizes. Reports FSL3007 if one is not known here. */
  private tensorAxes({ axes }: ast.LearnDecl): readonly Axis[] | undefined {
    const { frame, checker } = this.scope;
    const sized: Axis[] = [];
    for (const { text, span, size } of axes ?? []) {
      if (size !== undefined && frame !== undefined) {
        const written = writtenSize(text, evaluate(size, this.scope), size.span, this.scope);
        if (!ownsSize(text, span, frame, this.scope) || written === undefined) return undefined;
        frame.defineAxis(text, written);
        this.sized.set(text, written);
        sized.push({ name: text, size: written });
        continue;
      }
      const known = frame?.known(text);
      if (known === undefined) {
        const ownSize = `an axis of its own has its size beside it: \`[${text}: 64]\``;
        const help = [...suggest(text, frame?.axisNamesInScope() ?? []), ownSize];
        checker.report("FSL3007", span, { axis: text }, { help });
        return undefined;
      }
      sized.push({ name: text, size: known.size });
    }
    return sized;
  }

  /** Declares one value per weight of networks, such as the learning rates of Meta-SGD. */
  private declareLike(name: ast.Name, learn: ast.LearnDecl): void {
    const { scope } = this;
    const init = elaborateInitializer(learn.value, scope)?.init;
    const of = learn.like.flatMap((like) => this.networkOf(like) ?? []);
    // It is typed as a scalar: only the settings of a `minimize` may read it, and there it is one number per weight.
    const value = scope.frame?.tensor(name.span, "real", [], { k: "learn", name: name.text });
    if (value !== undefined) scope.define(name.text, value);
    if (init === undefined || !checkStart(init, learn, scope)) return;
    const { positive } = learn;
    this.declared.push(() => ({ kind: "like", name: name.text, of, init, positive, span: name.span }));
  }

  /** Returns the network that values are shaped like: `encoder`, or a network that is learned above. Reports FSL2019 otherwise. */
  private networkOf(like: ast.Expr): OwnNetwork | undefined {
    if (like.kind === "ref" && like.text === "encoder") return { kind: "slot", slot: "encoder" };
    const value = like.kind === "ref" ? this.scope.lookup(like.text) : undefined;
    if (value?.kind === "callable" && value.target.kind === "learn") return value.target;
    if (like.kind !== "error") {
      const holes = { needed: "`encoder` or a network learned above", found: "something else" };
      this.scope.checker.report("FSL2019", like.span, holes);
    }
    return undefined;
  }

  private declareModule(name: ast.Name, learn: ast.LearnDecl, layers: readonly ast.Layer[]): void {
    const { scope } = this;
    const axes = (): ReadonlyMap<string, number> => new Map([...this.axes(), ...this.sized]);
    if (learn.positive || learn.axes !== undefined || learn.like.length > 0 || learn.fixed)
      reportModule(name, learn, scope);
    const { span } = learn.value;
    const module = new LearnedModule({ name, layers, span, scope, axes, generic: this.options.generic });
    scope.define(name.text, module.callable());
    this.declared.push(() => module.typed());
  }
}

/** Returns the layers of `module { … }` or of one layer, `linear(way)`, or undefined if the value is an initial value. */
function moduleLayers(value: ast.Expr): readonly ast.Layer[] | undefined {
  if (value.kind === "module") return value.layers;
  if (value.kind !== "call" || value.callee.kind !== "ref" || isInitializer(value.callee.text)) return undefined;
  return [callAsLayer(value, value.callee)];
}

/** Returns a call that is written in the place of a layer as that layer: `head linear(class)`, `learn v = linear(feature)`. */
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

function reportDuplicate(name: ast.Name, scope: Scope): void {
  const first = scope.lookup(name.text);
  const labels = first === undefined ? [] : [{ span: first.span, text: "declared here first" }];
  scope.checker.report("FSL2006", name.span, { name: name.text }, { labels });
}

/** Reports a network with a sign, with axes or with `like`, which belong to numbers. */
function reportModule(name: ast.Name, { positive, fixed, axes, value }: ast.LearnDecl, { checker }: Scope): void {
  const has = positive
    ? "is positive"
    : fixed
      ? "is fixed"
      : axes !== undefined
        ? "has axes of its own"
        : "is like weights";
  const what = `\`${name.text}\`, which ${has},`;
  checker.report("FSL3009", value.span, { what, expected: "a number or a draw of numbers", found: "a network" });
}

/**
 * Returns whether a value can start there. A positive value is stored as its logarithm: reports FSL5008 if its start has none.
 * Reports FSL3053 for labels that are to be trained, and for a fixed value with a word that only trained ones have.
 */
function checkStart(init: Initializer, learn: ast.LearnDecl, { checker }: Scope): boolean {
  const { positive, value, names, fixed, like } = learn;
  const name = names.map(({ text }) => text).join(", ");
  const why =
    init.kind === "labels" && !fixed
      ? "labels are whole numbers, which no step can change a little: write `fixed` in place of `learn`"
      : fixed && positive
        ? "`positive` says how a value is trained, and a fixed one is not"
        : fixed && like.length > 0
          ? "`like` gives each weight of a network a number to train"
          : undefined;
  if (why !== undefined) {
    checker.report("FSL3053", value.span, { name, why });
    return false;
  }
  if (!positive || init.kind !== "constant" || init.value > 0) return true;
  const what = `the start of \`${name}\`, which is positive,`;
  checker.report("FSL5008", value.span, { what, range: "above 0", found: init.value });
  return false;
}
