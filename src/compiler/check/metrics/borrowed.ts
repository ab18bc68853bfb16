/** The networks of finished stages that a body uses. */
import type { Span } from "../../../../grammar/ast.js";
import type { Block, Borrowed } from "../../typed/tree.js";
import { borrowedSlots } from "../../typed/walk.js";
import type { Scope } from "../core/scope.js";

/** Returns the networks of finished stages that a body calls or reads. A body that is checked by itself has none: no stage is known there. */
export function borrowedBy(body: Block, { checker, frame }: Scope, at: Span): Borrowed[] {
  if (frame?.generic === true) return [];
  return borrowedSlots(body).flatMap(({ stage, slot }) => {
    const network = checker.finished.network(stage, slot, at);
    return network === undefined ? [] : [{ stage, slot, network }];
  });
}
