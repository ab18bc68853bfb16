/** Notes parts of a text for which the tree has no place, such as a second `drop last`. They would be lost without a word. */
import type { CstNode, IToken } from "chevrotain";
import type { Builder } from "./cst.js";

/** Notes every part after the first `most`. A part is a token, or a node that begins with one. */
export function noteRepeats(b: Builder, parts: readonly (CstNode | IToken)[], most = 1): void {
  for (const part of parts.slice(most)) {
    const first = firstToken(part);
    if (first !== undefined) b.note("unexpected", b.spanOf(first), first.image, "");
  }
}

function firstToken(part: CstNode | IToken): IToken | undefined {
  if (!("children" in part)) return part.isInsertedInRecovery === true ? undefined : part;
  const tokens = Object.values(part.children).flatMap((inside) => inside.flatMap((one) => firstToken(one) ?? []));
  return tokens.sort((one, other) => one.startOffset - other.startOffset)[0];
}
