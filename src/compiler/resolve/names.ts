/** Names by themselves, before any types: what is never used, what hides another, what functions cannot mean. */
import type * as ast from "../../../grammar/ast.js";
import { type Checker, suggest } from "../check/core/checker.js";
import type { Scope } from "../check/core/scope.js";
import { builtinOf } from "../check/expressions/builtins/table.js";
import type { Module } from "./modules.js";

export function checkNames(module: Module, checker: Checker, outer: Scope): void {
  new NameCheck(module, checker, outer).run();
}

class NameCheck {
  private readonly top = new Map<string, ast.Span>();

  constructor(
    private readonly module: Module,
    private readonly checker: Checker,
    private readonly outer: Scope,
  ) {}

  run(): void {
    const { tree } = this.module;
    for (const line of tree.imports)
      for (const { name, as } of line.names) this.top.set((as ?? name).text, (as ?? name).span);
    for (const decl of tree.declarations) this.top.set(decl.name.text, decl.name.span);
    const used = usedIn(tree);
    for (const line of tree.imports) {
      for (const { name, as } of line.names) this.unused(as ?? name, used);
    }
    // A file without stages is a library: others use what it declares.
    const runs = tree.declarations.some((decl) => decl.kind === "stage");
    for (const decl of tree.declarations) {
      if (runs && decl.kind !== "stage") this.unused(decl.name, used);
      this.declaration(decl);
    }
  }

  private unused(name: ast.Name, used: ReadonlySet<string>): void {
    if (!used.has(name.text) && !name.text.startsWith("_"))
      this.checker.report("FSL2007", name.span, { name: name.text });
  }

  /** Inner names: each used, none hiding one of the file. */
  private inner(names: readonly ast.Name[], where: unknown): void {
    const used = usedIn(where);
    for (const name of names) {
      this.unused(name, used);
      const hidden = this.top.get(name.text);
      if (hidden !== undefined) {
        this.checker.report(
          "FSL2008",
          name.span,
          { name: name.text },
          { labels: [{ span: hidden, text: "this one is hidden" }] },
        );
      }
    }
    const seen = new Map<string, ast.Span>();
    for (const name of names) {
      const first = seen.get(name.text);
      if (first !== undefined)
        this.checker.report(
          "FSL2006",
          name.span,
          { name: name.text },
          { labels: [{ span: first, text: "declared here first" }] },
        );
      seen.set(name.text, name.span);
    }
  }

  private declaration(decl: ast.Declaration): void {
    const params = (list: readonly ast.Parameter[] | undefined): ast.Name[] => (list ?? []).map((param) => param.name);
    switch (decl.kind) {
      case "fn":
        this.fn(decl, new Set());
        return;
      case "metric": {
        this.inner([...params(decl.params), ...decl.learns.flatMap((learn) => learn.names)], decl);
        const own = new Set(
          [
            ...params(decl.params),
            ...decl.learns.flatMap((learn) => learn.names),
            ...decl.fits.map((fit) => fit.name),
            ...decl.fns.map((fn) => fn.name),
          ].map((name) => name.text),
        );
        for (const fn of decl.fns) this.fn(fn, own);
        for (const entry of decl.entries) {
          this.inner(params(entry.params), entry.body);
          this.block(entry.body, new Set(params(entry.params).map((name) => name.text)));
        }
        return;
      }
      case "backbone":
      case "block":
      case "episode":
      case "dataset":
        this.inner(params(decl.params), decl);
        return;
      case "stage":
        for (const line of decl.lines) {
          if (line.kind !== "loss" || line.params === undefined) continue;
          this.inner(params(line.params), line.body);
          this.block(line.body, new Set(line.params.map((param) => param.name.text)));
        }
        return;
      case "param":
    }
  }

  private fn(fn: ast.FnDecl, around: ReadonlySet<string>): void {
    const names = fn.params.map((param) => param.name);
    this.inner(names, fn.body);
    const known = new Set([...around, ...names.map((name) => name.text)]);
    this.block(fn.body, known);
    this.unknown(fn.body, known);
  }

  /** The lets of a block and of the blocks in it. */
  private block(block: ast.Block, around: ReadonlySet<string>): void {
    const lets = block.statements.flatMap((statement) => (statement.kind === "let" ? [statement.name] : []));
    const used = usedIn(block);
    for (const name of lets) {
      this.unused(name, used);
      const hidden = this.top.get(name.text);
      if (hidden !== undefined || around.has(name.text)) {
        const labels = hidden === undefined ? [] : [{ span: hidden, text: "this one is hidden" }];
        this.checker.report("FSL2008", name.span, { name: name.text }, { labels });
      }
    }
    for (const inner of blocksIn(block)) this.block(inner, around);
  }

  /** Names in a function's body that nothing declares: functions have no types until they are used. */
  private unknown(body: ast.Block, known: ReadonlySet<string>): void {
    const bound = new Set(known);
    for (const name of bindingsIn(body)) bound.add(name);
    for (const ref of refsIn(body)) {
      const name = ref.text;
      if (
        bound.has(name) ||
        this.top.has(name) ||
        this.outer.lookup(name) !== undefined ||
        builtinOf(name) !== undefined
      )
        continue;
      this.checker.report(
        "FSL2001",
        ref.span,
        { name },
        {
          help: suggest(name, [...bound, ...this.top.keys(), ...this.outer.names()]).filter((help) =>
            help.startsWith("did"),
          ),
        },
      );
    }
  }
}

function isNode(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What a node holds; where things stand is skipped. */
function eachInside(node: Record<string, unknown>, visit: (inner: unknown) => void): void {
  for (const key in node) if (key !== "span" && isNode(node[key])) visit(node[key]);
}

/** Every name that an expression, a layer, a path or a stage line mentions. */
function usedIn(tree: unknown): Set<string> {
  const used = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (!isNode(node)) return;
    if (node["kind"] === "ref" && typeof node["text"] === "string") used.add(node["text"]);
    for (const key of ["callee", "like", "stage"]) {
      const name = node[key];
      if (isNode(name) && name["kind"] === "name" && typeof name["text"] === "string") used.add(name["text"]);
    }
    eachInside(node, visit);
  };
  visit(tree);
  return used;
}

function blocksIn(block: ast.Block): ast.Block[] {
  const found: ast.Block[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    else if (isNode(node)) {
      if (node["kind"] === "block_") found.push(node as unknown as ast.Block);
      else eachInside(node, visit);
    }
  };
  for (const part of [block.statements, block.result]) visit(part);
  return found;
}

function bindingsIn(tree: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    else if (isNode(node)) {
      const { name } = node as { name?: unknown };
      const binds = node["kind"] === "let" || (node["from"] !== undefined && node["kind"] === undefined);
      if (binds && isNode(name) && typeof name["text"] === "string") found.add(name["text"]);
      eachInside(node, visit);
    }
  };
  visit(tree);
  return found;
}

/** References in value position: arguments that are axes, and the words after `norm:` and `at:`, are none. */
function refsIn(tree: unknown): ast.NameExpr[] {
  const found: ast.NameExpr[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (!isNode(node)) return;
    if (node["kind"] === "ref") {
      found.push(node as unknown as ast.NameExpr);
      return;
    }
    if (node["kind"] === "argument" && isNode(node["name"]) && ["norm", "at"].includes(String(node["name"]["text"])))
      return;
    if (node["kind"] === "minimize") {
      for (const key of ["bindings", "steps", "stepsAtTest", "loss"]) visit(node[key]);
      return;
    }
    if (node["kind"] === "call") {
      const call = node as unknown as ast.CallExpr;
      const builtin = call.callee.kind === "ref" ? builtinOf(call.callee.text) : undefined;
      if (builtin?.takesAxes) return;
      visit(call.callee);
      visit(builtin?.lastIsAxes ? call.args.slice(0, -1) : call.args);
      return;
    }
    eachInside(node, visit);
  };
  visit(tree);
  return found;
}
