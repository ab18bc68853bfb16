/** One entry of a metric while it is elaborated. */
import type * as ast from "../../../../grammar/ast.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import type { MetricContext } from "./metric-context.js";

export interface EntryScope {
  readonly decl: ast.EntryDecl;
  readonly context: MetricContext;
  /** The sizes of the axes that parameters and results may have. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The scope of the body. */
  readonly scope: Scope;
  readonly frame: Frame;
}

/** Returns whether an entry is `classify`, which scores queries. Every other entry is a loss. */
export function isClassify({ name }: ast.EntryDecl): boolean {
  return name.text === "classify";
}
