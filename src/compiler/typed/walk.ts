/** Walks over the expressions and layers of a typed stage. */
import type { Block, Callable, Expr, Layer, MinimizeChange, MinimizeTarget, Statement } from "./tree.js";

/** Calls `visit` on every expression of a block, parents first. */
export function walkExprs(block: Block, visit: (expr: Expr) => void): void {
  walkStatements(block.statements, visit);
  walkExpr(block.result, visit);
}

function walkStatements(statements: readonly Statement[], visit: (expr: Expr) => void): void {
  for (const s of statements) {
    switch (s.kind) {
      case "let":
        walkExpr(s.value, visit);
        break;
      case "repeat":
        for (const e of s.from) walkExpr(e, visit);
        walkStatements(s.body, visit);
        for (const e of s.next) walkExpr(e, visit);
        if (s.until !== undefined) walkExpr(s.until, visit);
        break;
      case "minimize":
        for (const target of s.targets) {
          if (target.kind === "tensor") walkExpr(target.from, visit);
          for (const { args } of changesOf(target)) for (const e of Object.values(args)) walkExpr(e, visit);
        }
        for (const e of Object.values(s.by.args)) walkExpr(e, visit);
        walkStatements(s.body, visit);
        walkExpr(s.loss, visit);
        break;
    }
  }
}

/** What groups change for a target of a `minimize`. */
export function changesOf(target: MinimizeTarget): readonly MinimizeChange[] {
  if (target.kind === "network") return Object.values(target.changes ?? {});
  return target.change !== undefined ? [target.change] : [];
}

export function walkExpr(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const child of children(expr)) walkExpr(child, visit);
}

function children(e: Expr): readonly Expr[] {
  switch (e.k) {
    case "number":
    case "param":
    case "learn":
    case "fit":
    case "local":
    case "index":
    case "merged_index":
    case "eye":
    case "fill":
    case "draw":
    case "weights":
    case "entry_loss":
      return [];
    case "unary":
    case "reduce":
    case "argmax":
    case "rename":
    case "merge":
    case "split":
    case "top":
    case "one_hot":
    case "softmax":
    case "log_softmax":
    case "normalize":
    case "logsumexp":
    case "dropout":
    case "rotations":
      return [e.x];
    case "binary":
    case "compare":
    case "dot":
    case "solve":
    case "squared_distance":
      return [e.a, e.b];
    case "select":
      return [e.condition, e.a, e.b];
    case "concat":
      return e.parts;
    case "cross_entropy":
      return [e.z, e.y];
    case "pick":
      return [e.x, e.at];
    case "blend":
      return [e.a, e.b, e.w];
    case "apply":
      return typeof e.norm === "object" ? [e.x, e.norm.from] : [e.x];
    default:
      return unreachable(e);
  }
}

/** The network that a `minimize`, or several one after the other, have adapted. */
export function rootOf(target: Callable): Exclude<Callable, { kind: "local" }> {
  return target.kind === "local" ? rootOf(target.of) : target;
}

/** Ids of the finished stages that a body calls. */
export function calledStages(block: Block): readonly string[] {
  const ids = new Set<string>();
  walkExprs(block, (e) => {
    if (e.k === "apply" && e.target.kind === "stage") ids.add(e.target.stage);
  });
  return [...ids];
}

function unreachable(e: never): never {
  throw new Error(`unknown expression ${JSON.stringify(e)}`);
}

/** Calls `visit` on every layer, those inside residual and parallel layers included, in order. */
export function walkLayers(layers: readonly Layer[], visit: (layer: Layer) => void): void {
  for (const layer of layers) {
    visit(layer);
    if (layer.op.kind === "residual") {
      walkLayers(layer.op.body, visit);
      walkLayers(layer.op.shortcut, visit);
    } else if (layer.op.kind === "parallel") {
      for (const branch of layer.op.branches) walkLayers(branch, visit);
    }
  }
}
