/** A network that a metric or a loss learns. Its first call fixes the axes of its input, and so the shapes of its weights. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, Learn, Network } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import type { Scope } from "../core/scope.js";
import { type CallableValue, printAxes } from "../core/values.js";
import { elaborateNetwork } from "../networks/network-builder.js";

export interface ModuleDeclaration {
  readonly name: ast.Name;
  readonly layers: readonly ast.Layer[];
  readonly span: ast.Span;
  /** The scope that the layers are evaluated in. */
  readonly scope: Scope;
  /** Returns the sizes of the axes that a layer may name. It is asked at the first call. */
  readonly axes: () => ReadonlyMap<string, number>;
  /** Sizes stand for unknown ones. */
  readonly generic: boolean;
}

interface FirstCall {
  readonly input: readonly Axis[];
  readonly network: Network | undefined;
  readonly at: ast.Span;
}

export class LearnedModule {
  private first: FirstCall | undefined;

  constructor(private readonly decl: ModuleDeclaration) {}

  /** Returns the module as a value that can be called. */
  callable(): CallableValue {
    const { name } = this.decl;
    return {
      kind: "callable",
      target: { kind: "learn", name: name.text },
      network: (input, at) => this.networkFor(input, at),
      known: () => this.first?.network,
      gives: "real",
      norm: "auto",
      span: name.span,
    };
  }

  /** Returns the learned network, or undefined if nothing has called it. */
  typed(): Learn | undefined {
    const { name } = this.decl;
    const network = this.first?.network;
    return network === undefined ? undefined : { kind: "module", name: name.text, network, span: name.span };
  }

  /** Returns the network for an input of these axes. Reports FSL3009 if they differ from those of the first call. */
  private networkFor(input: readonly Axis[], at: ast.Span): Network | undefined {
    const { name, layers, span, scope, axes, generic } = this.decl;
    if (this.first === undefined) {
      const network = elaborateNetwork({ name: name.text, layers, input, scope, axes: axes(), generic, span });
      this.first = { input, network, at };
      scope.checker.undo(() => {
        this.first = undefined;
      });
      return network;
    }
    const { first } = this;
    if (first.network === undefined || sameAxes(first.input, input)) return first.network;
    const holes = {
      what: `the input of \`${name.text}\``,
      expected: `${printAxes(first.input, !generic)}, as at its first use`,
      found: printAxes(input, !generic),
    };
    scope.checker.report("FSL3009", at, holes, { labels: [{ span: first.at, text: "its first use" }] });
    return undefined;
  }
}
