/** The one walk over the syntax tree. A new kind of node does not compile until `childrenOf` knows its parts. */
import type * as ast from "./ast.js";

/** Every node that can hold an expression, and every expression. Names, axes and types are read from their parents. */
export type SyntaxNode =
  | ast.SourceFile
  | ast.Import
  | ast.SweepLine
  | ast.Declaration
  | ast.Parameter
  | ast.DatasetLine
  | ast.AllPart
  | ast.Layer
  | ast.Formula
  | ast.LearnDecl
  | ast.FitDecl
  | ast.EntryDecl
  | ast.Block
  | ast.Statement
  | ast.Expr
  | ast.Argument
  | ast.Clause
  | ast.StageLine
  | ast.OptimizerGroup;

/** Calls `visit` on a node and on everything inside it, parents first, in source order. */
export function walkSyntax(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node);
  for (const child of childrenOf(node)) walkSyntax(child, visit);
}

/** Like `walkSyntax`, but only enters the nodes for which `enter` returns true. */
export function walkSyntaxWhile(node: SyntaxNode, enter: (node: SyntaxNode) => boolean): void {
  if (enter(node)) for (const child of childrenOf(node)) walkSyntaxWhile(child, enter);
}

/** Returns the nodes that a node holds directly, in source order. */
export function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  switch (node.kind) {
    case "file":
      return [...node.imports, ...node.sweeps, ...node.declarations];
    case "import":
      return node.with;
    case "param":
    case "parameter":
      return given(node.value);
    case "dataset":
      return [...(node.params ?? []), ...given(node.value), ...node.lines];
    case "backbone":
      return [...(node.params ?? []), ...given(node.value), ...(node.layers ?? [])];
    case "block":
      return [...node.params, ...node.layers, ...given(node.formula)];
    case "formula":
      return [node.input, ...node.learns, node.body];
    case "episode":
      return [...node.params, ...node.parts];
    case "fn":
      return [...node.params, node.body];
    case "metric":
      return [...node.params, ...node.learns, ...node.fits, ...node.fns, ...node.entries];
    case "learn":
      return [...sizesOf(node.axes ?? []), ...node.like, node.value];
    case "fit":
      return [...node.from, node.body];
    case "entry":
      return [...node.params, node.body];
    case "stage":
      return node.lines;
    case "datasetLine":
      return [...node.values, ...given(node.from)];
    case "setting":
    case "sweep":
      return node.values;
    case "callLayer":
      return node.args;
    case "repeatLayer":
      return [node.count, ...node.body];
    case "residualLayer":
      return [...node.body, ...(node.shortcut ?? [])];
    case "parallelLayer":
      return node.branches.flat();
    case "ifLayer":
      return [node.condition, ...node.then, ...(node.otherwise ?? [])];
    case "module":
      return node.layers;
    case "slot":
    case "schedule":
      return [node.value];
    case "optimizer":
      return [node.value, ...node.groups];
    case "group":
      return node.settings;
    case "data":
    case "fitFrom":
      return [node.split];
    case "episodes":
      return [node.task, node.split, ...given(node.count)];
    case "for":
      return [node.total, ...given(node.of), ...given(node.perStep), ...given(node.parts)];
    case "validate":
      return [node.task, node.split, ...given(node.count), ...given(node.every)];
    case "report":
      return node.items.flatMap((item) => [item.value, ...given(item.every)]);
    case "loss":
      return [...(node.params ?? []), node.body];
    case "init":
      return [node.file];
    case "of":
    case "allPart":
      return [];
    default:
      return partsOfCode(node);
  }
}

/** Returns what a block, a statement, an argument, a clause or an expression holds. */
function partsOfCode(
  node: ast.Block | ast.Statement | ast.Argument | ast.Clause | Exclude<ast.Expr, ast.ModuleExpr>,
): readonly SyntaxNode[] {
  switch (node.kind) {
    case "statementBlock":
      return [...node.statements, ...given(node.result)];
    case "let":
    case "argument":
      return [node.value];
    case "repeat":
      return [node.count, ...node.bindings.map(({ from }) => from), node.body, ...given(node.until)];
    case "minimize":
      return [
        ...node.bindings.map(({ from }) => from),
        node.by,
        ...node.groups,
        node.steps,
        ...given(node.stepsAtTest),
        node.loss,
      ];
    case "list":
    case "tuple":
    case "each":
      return node.items;
    case "member":
    case "index":
      return [node.object];
    case "call":
      return [node.callee, ...node.args, ...given(node.by), ...node.clauses];
    case "clause":
      return sizesOf(node.axes);
    case "unary":
      return [node.operand];
    case "binary":
      return [node.left, node.right];
    case "if":
      return [node.condition, node.then, node.otherwise];
    case "number":
    case "text":
    case "bool":
    case "ref":
    case "error":
      return [];
    default:
      return node satisfies never;
  }
}

function sizesOf(axes: readonly ast.SizedAxis[]): readonly ast.Expr[] {
  return axes.flatMap(({ size }) => given(size));
}

function given<T>(node: T | undefined): readonly T[] {
  return node === undefined ? [] : [node];
}
