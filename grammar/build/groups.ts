/** Builds the groups after an optimizer: `{ encoder.** lr: 0.1; **.bias frozen }`. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { type Builder, type Cst, keyword, node, nodes, tokens } from "./cst.js";
import { buildArgument } from "./expressions.js";

export function buildGroups(b: Builder, cst: Cst): ast.OptimizerGroup[] {
  return nodes(node(cst, "groups"), "group").map((group) => buildGroup(b, group));
}

function buildGroup(b: Builder, cst: CstNode): ast.OptimizerGroup {
  const span = b.span(cst, 0);
  const path = node(cst, "path");
  const pathSpan = b.span(path, span.start);
  return {
    kind: "group",
    path: pathText(path),
    pathSpan,
    frozen: keyword(cst, t.words.frozen) !== undefined,
    settings: nodes(cst, "argument").map((argument) => buildArgument(b, argument)),
    span,
  };
}

/** Returns the path as written, without spaces. */
function pathText(path: CstNode | undefined): string {
  const parts = [
    ...nodes(path, "pathPart").flatMap((part) =>
      [t.Identifier, t.Star, t.StarStar].flatMap((type) => tokens(part, type.name)),
    ),
    ...[t.Dot, t.LBracket, t.NumberToken, t.RBracket].flatMap((type) => tokens(path, type.name)),
  ];
  return parts
    .sort((x, y) => x.startOffset - y.startOffset)
    .map((part) => part.image)
    .join("");
}
