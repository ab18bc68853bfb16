/** Checks names before any types: unused names, names that hide others, and unknown names in functions. */
import type * as ast from "../../../grammar/ast.js";
import { type SyntaxNode, walkSyntax, walkSyntaxWhile } from "../../../grammar/walk.js";
import type { Checker } from "../check/core/checker.js";
import type { Scope } from "../check/core/scope.js";
import { builtinOf } from "../check/expressions/builtins/table.js";
import { reportUnknownName } from "../check/expressions/evaluate.js";
import type { Module } from "./modules.js";

/** Checks the names of a module. `own` is the scope of its declarations, or undefined if no import leads to it. */
export function checkNames(module: Module, checker: Checker, outer: Scope, own: Scope | undefined): void {
  new NameCheck(module, checker, outer, own).run();
}

/** The kinds of declarations that `--set` can choose by their names. */
const chosenByName: ReadonlySet<string> = new Set(["metric", "backbone", "block", "dataset", "episode", "fn"]);

class NameCheck {
  private readonly top = new Map<string, ast.Span>();
  /** The names of stages, which no method means: a `let` of the same name hides nothing. */
  private readonly stages = new Set<string>();

  constructor(
    private readonly module: Module,
    private readonly checker: Checker,
    private readonly outer: Scope,
    private readonly own: Scope | undefined,
  ) {}

  run(): void {
    const { tree } = this.module;
    for (const line of tree.imports)
      for (const { name, as } of line.names) this.top.set((as ?? name).text, (as ?? name).span);
    for (const decl of tree.declarations) {
      this.top.set(decl.name.text, decl.name.span);
      if (decl.kind === "stage") this.stages.add(decl.name.text);
    }
    const used = usedIn(tree);
    for (const line of tree.imports) {
      for (const { name, as } of line.names) if (!this.canBeChosen(as ?? name)) this.checkUsed(as ?? name, used);
    }
    // A file without stages is a library: others use what it declares.
    const runs = tree.declarations.some((decl) => decl.kind === "stage");
    for (const decl of tree.declarations) {
      if (runs && decl.kind !== "stage" && !this.canBeChosen(decl.name)) this.checkUsed(decl.name, used);
      this.checkDeclaration(decl);
    }
  }

  /**
   * Returns true if a parameter can take a declaration as its value. `param method = prototypes` stands for any metric of the file, and
   * `--set method=matching` chooses one that the text does not mention.
   */
  private canBeChosen(name: ast.Name): boolean {
    const kind = this.own?.lookup(name.text)?.kind;
    if (kind === undefined || !chosenByName.has(kind)) return false;
    return this.module.tree.declarations.some(
      (decl) => decl.kind === "param" && decl.value?.kind === "ref" && this.own?.lookup(decl.value.text)?.kind === kind,
    );
  }

  private checkUsed(name: ast.Name, used: ReadonlySet<string>): void {
    if (!used.has(name.text) && !name.text.startsWith("_"))
      this.checker.report("FSL2007", name.span, { name: name.text });
  }

  /** Reports inner names that are unused, that hide a name of the file, or that are declared twice. */
  private checkInner(names: readonly ast.Name[], where: SyntaxNode): void {
    const used = usedIn(where);
    for (const name of names) {
      this.checkUsed(name, used);
      const hidden = this.stages.has(name.text) ? undefined : this.top.get(name.text);
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

  private checkDeclaration(decl: ast.Declaration): void {
    const params = (list: readonly ast.Parameter[] | undefined): ast.Name[] => (list ?? []).map((param) => param.name);
    switch (decl.kind) {
      case "fn":
        this.checkFunction(decl, new Set());
        return;
      case "metric": {
        this.checkInner([...params(decl.params), ...decl.learns.flatMap((learn) => learn.names)], decl);
        const own = new Set(
          [
            ...params(decl.params),
            ...decl.learns.flatMap((learn) => learn.names),
            ...decl.fits.flatMap((fit) => fit.values.map((value) => value.name)),
            ...decl.fns.map((fn) => fn.name),
          ].map((name) => name.text),
        );
        for (const fn of decl.fns) this.checkFunction(fn, own);
        for (const entry of decl.entries) {
          this.checkInner(params(entry.params), entry.body);
          this.checkBlock(entry.body, new Set(params(entry.params).map((name) => name.text)));
        }
        return;
      }
      case "block": {
        const { formula } = decl;
        const own = [...params(decl.params), ...(formula?.learns.flatMap((learn) => learn.names) ?? [])];
        const names = formula === undefined ? own : [...own, formula.input.name];
        this.checkInner(names, decl);
        if (formula !== undefined) this.checkBlock(formula.body, new Set(names.map((name) => name.text)));
        return;
      }
      case "backbone":
      case "episode":
      case "dataset":
        this.checkInner(params(decl.params), decl);
        return;
      case "stage":
        for (const line of decl.lines) {
          if (line.kind !== "loss" || line.params === undefined) continue;
          this.checkInner(params(line.params), line.body);
          this.checkBlock(line.body, new Set(line.params.map((param) => param.name.text)));
        }
        return;
      case "param":
    }
  }

  private checkFunction(fn: ast.FnDecl, around: ReadonlySet<string>): void {
    const names = fn.params.map((param) => param.name);
    this.checkInner(names, fn.body);
    const known = new Set([...around, ...names.map((name) => name.text)]);
    this.checkBlock(fn.body, known);
    this.checkKnown(fn.body, known);
  }

  /** Checks the lets of a block and of the blocks in it. */
  private checkBlock(block: ast.Block, around: ReadonlySet<string>): void {
    const lets = block.statements.flatMap((statement) => (statement.kind === "let" ? [statement.name] : []));
    const used = usedIn(block);
    for (const name of lets) {
      this.checkUsed(name, used);
      const hidden = this.stages.has(name.text) ? undefined : this.top.get(name.text);
      if (hidden !== undefined || around.has(name.text)) {
        const labels = hidden === undefined ? [] : [{ span: hidden, text: "this one is hidden" }];
        this.checker.report("FSL2008", name.span, { name: name.text }, { labels });
      }
    }
    for (const inner of blocksIn(block)) this.checkBlock(inner, around);
  }

  /** Reports unknown names in a function's body. A function that nothing calls is not evaluated, so they are found only here. */
  private checkKnown(body: ast.Block, known: ReadonlySet<string>): void {
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
      reportUnknownName(ref, {
        checker: this.checker,
        names: () => [...bound, ...this.top.keys(), ...this.outer.names()],
      });
    }
  }
}

/** Returns every name that an expression, a layer or a stage line mentions. */
function usedIn(tree: SyntaxNode): Set<string> {
  const used = new Set<string>();
  walkSyntax(tree, (node) => {
    if (node.kind === "ref") used.add(node.text);
    else if (node.kind === "callLayer") used.add(node.callee.text);
    else if (node.kind === "of") used.add(node.stage.text);
    else if (node.kind === "stage" && node.like !== undefined) used.add(node.like.text);
  });
  return used;
}

/** Returns the blocks directly inside a block: those of its loops and its `if`s. */
function blocksIn(block: ast.Block): ast.Block[] {
  const found: ast.Block[] = [];
  walkSyntaxWhile(block, (node) => {
    if (node.kind !== "statementBlock" || node === block) return true;
    found.push(node);
    return false;
  });
  return found;
}

/** Returns the names that the statements of a block bind, at every depth. */
function bindingsIn(block: ast.Block): Set<string> {
  const found = new Set<string>();
  walkSyntax(block, (node) => {
    if (node.kind === "let") found.add(node.name.text);
    else if (node.kind === "repeat" || node.kind === "minimize")
      for (const { name } of node.bindings) found.add(name.text);
    if (node.kind === "minimize" && node.counter !== undefined) found.add(node.counter.text);
  });
  return found;
}

/** Returns the references that stand for values: arguments that are axes, and the words after `norm:` and `at:`, do not. */
function refsIn(block: ast.Block): ast.NameExpr[] {
  const found: ast.NameExpr[] = [];
  const enter = (node: SyntaxNode): boolean => {
    switch (node.kind) {
      case "ref":
        found.push(node);
        return false;
      case "argument":
        return node.name?.text !== "norm" && node.name?.text !== "at";
      case "minimize":
        // The method after `by` and the settings of groups have names of their own.
        for (const part of [...node.bindings.map(({ from }) => from), node.steps, node.stepsAtTest, node.loss])
          if (part !== undefined) walkSyntaxWhile(part, enter);
        return false;
      case "call": {
        const builtin = node.callee.kind === "ref" ? builtinOf(node.callee.text) : undefined;
        // A named argument among axes is the size of one: `zeros(slot: n)`.
        const sizes = node.args.flatMap(({ name, value }) => (name === undefined ? [] : [value]));
        const values = builtin?.takesAxes ? sizes : builtin?.lastIsAxes ? node.args.slice(0, -1) : node.args;
        const by = node.by === undefined ? [] : [node.by];
        for (const part of [node.callee, ...values, ...by, ...node.clauses]) walkSyntaxWhile(part, enter);
        return false;
      }
      default:
        return true;
    }
  };
  walkSyntaxWhile(block, enter);
  return found;
}
