/** Declares the values that `learn` lines of a metric or a loss train: tensors, networks, and one value per weight of a network. */
import type * as ast from "../../../../grammar/ast.js";
import type { Learn, OwnNetwork } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { elaborateInitializer, isInitializer } from "../expressions/initializers.js";
import { checkStart, declareTensor } from "../expressions/learned-tensors.js";
import { LearnedModule } from "./learned-module.js";

export class LearnedValues {
  private readonly declared: (() => Learn | undefined)[] = [];
  /** The axes that learned tensors declare with sizes of their own. Layers and entries may name them too. */
  readonly sized = new Map<string, number>();

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
      else {
        const tensor = declareTensor(name, learn, scope, this.sized);
        if (tensor !== undefined) this.declared.push(() => tensor);
      }
    }
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
