/** Keeps the axes that a function's body names apart from the axes that the function is called over, even if the names agree. */
import type * as ast from "../../../../grammar/ast.js";
import { walkSyntax } from "../../../../grammar/walk.js";
import { unprimed } from "../core/frame.js";
import { builtinOf } from "./builtins/table.js";

export interface AxisMeanings {
  readonly names: ReadonlyMap<string, string>;
  /** Maps each replacement for a name of the body to the name that it replaces. */
  readonly own: ReadonlyMap<string, string>;
}

/**
 * Returns what each axis name of a function means in one call. An axis parameter means the axis after `over`. A name that
 * the body makes gets a replacement if it would mean one of these axes too: called over `way` and `way'`, the `i'` of
 * `fn f(x over i, j) { … x[i'] … }` must not be `j`.
 */
export function axisMeanings(decl: ast.FnDecl, over: readonly string[]): AxisMeanings {
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

/** Returns the axes that a body makes: by `x[a as b]`, by `as`, and by functions that name the axes of their value. */
function madeAxes(decl: ast.FnDecl): ReadonlySet<string> {
  const known = made.get(decl);
  if (known !== undefined) return known;
  const found = new Set<string>();
  walkSyntax(decl.body, (node) => {
    if (node.kind === "index") for (const { to } of node.renames) found.add(to.text);
    if (node.kind !== "call") return;
    for (const { word, axes } of node.clauses) if (word === "as") for (const axis of axes) found.add(axis.text);
    if (node.callee.kind === "ref" && builtinOf(node.callee.text)?.takesAxes)
      for (const { name, value } of node.args) {
        // A name stands before the size of an axis: `zeros(slot: 8)`.
        if (name !== undefined) found.add(name.text);
        else if (value.kind === "ref") found.add(value.text);
      }
  });
  made.set(decl, found);
  return found;
}
