/** The meeting point of the checker and the layer elaborator (`layers.ts`). */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";

export interface NetworkRequest {
  /** What the declaration is called, for people. */
  readonly name: string;
  readonly layers: readonly ast.Layer[];
  /** Axes of the value that enters, batch axes left out: `[channel, height, width]` or `[feature]`. */
  readonly input: readonly Axis[];
  /**
   * Evaluate arguments with `evaluate(expr, scope)` (evaluate.ts), report with `scope.checker.report(...)`,
   * look up blocks with `scope.lookup(name)` (kind "block"; bind their arguments with `bindArguments` of arguments.ts).
   */
  readonly scope: Scope;
  /** Sizes of the axes that a layer may name beside its input's (`linear(way)`, `linear(class)`). */
  readonly axes: ReadonlyMap<string, number>;
  /** Sizes stand for unknown ones (a declaration is checked before any use): nothing may be refused for being too small. */
  readonly generic: boolean;
  readonly span: ast.Span;
}
