/** Axes that a function's body names by itself, kept apart from those that it is called over. */
import type * as ast from "../../../../grammar/ast.js";
import { unprimed } from "../core/frame.js";
import { builtinOf } from "./builtins/table.js";

export interface Meanings {
  readonly names: ReadonlyMap<string, string>;
  /** Names of the body's own that were replaced: by what, and what they would have been. */
  readonly own: ReadonlyMap<string, string>;
}

/**
 * What each axis name of a function means in one call: its axis parameters what they are called over, and a name that the
 * body makes, where it would mean one of these, a name of its own. Called over `way` and `way'`, the `i'` of
 * `fn f(x over i, j) { … x[i'] … }` is not `j`.
 */
export function axisMeanings(decl: ast.FnDecl, over: readonly string[]): Meanings {
  const meanings = new Map(decl.axes.map((axis, at) => [axis.text, over[at] ?? axis.text]));
  const given = new Set(meanings.values());
  const taken = new Set(given);
  const meaning = (name: string): string => {
    const base = unprimed(name);
    return (meanings.get(base) ?? base) + name.slice(base.length);
  };
  const clashing: string[] = [];
  for (const name of madeAxes(decl)) {
    if (meanings.has(name)) continue;
    if (given.has(meaning(name))) clashing.push(name);
    taken.add(meaning(name));
  }
  const own = new Map<string, string>();
  for (const name of clashing) {
    const written = meaning(name);
    let free = written;
    while (taken.has(free)) free += "'";
    taken.add(free);
    own.set(free, written);
    meanings.set(name, free);
  }
  return { names: meanings, own };
}

const made = new WeakMap<ast.FnDecl, ReadonlySet<string>>();

/** Names of axes that a body makes: by `x[a as b]`, `as`, and functions that name the axes of their value. */
function madeAxes(decl: ast.FnDecl): ReadonlySet<string> {
  const known = made.get(decl);
  if (known !== undefined) return known;
  const found = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    else if (typeof node === "object" && node !== null) {
      if ("kind" in node && node.kind === "index")
        for (const { to } of (node as ast.IndexExpr).renames) found.add(to.text);
      if ("kind" in node && node.kind === "call") {
        const { callee, args, clauses } = node as ast.CallExpr;
        for (const { word, axes } of clauses) if (word === "as") for (const axis of axes) found.add(axis.text);
        if (callee.kind === "ref" && builtinOf(callee.text)?.takesAxes)
          for (const { value } of args) if (value.kind === "ref") found.add(value.text);
      }
      for (const value of Object.values(node)) visit(value);
    }
  };
  visit(decl.body);
  made.set(decl, found);
  return found;
}
