/** The input of `elaborateNetwork` (network-builder.ts). */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";

export interface NetworkRequest {
  /** The name of the declaration, for messages and plans. */
  readonly name: string;
  readonly layers: readonly ast.Layer[];
  /** The axes of the value that enters, without batch axes: `[channel, height, width]` or `[feature]`. */
  readonly input: readonly Axis[];
  /** The scope that arguments are evaluated and blocks are looked up in. */
  readonly scope: Scope;
  /** The sizes of the axes that a layer may name beside its input's (`linear(way)`, `linear(class)`). */
  readonly axes: ReadonlyMap<string, number>;
  /** Sizes stand for unknown ones, because a declaration is checked before any use. No size may then be reported as too small. */
  readonly generic: boolean;
  readonly span: ast.Span;
}
