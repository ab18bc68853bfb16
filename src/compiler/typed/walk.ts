/** The one walk over the typed tree: over blocks, statements, expressions and networks that are called, and over layers. */
import type {
  Block,
  Borrowed,
  Callable,
  Expr,
  Layer,
  LayerOp,
  MinimizeChange,
  MinimizeTarget,
  Network,
  Statement,
} from "./tree.js";

/** Functions that a walk calls with each node of their kind, parents first, in the order of the fields of the tree. */
export interface TypedVisitor {
  readonly statement?: (statement: Statement) => void;
  readonly expr?: (expr: Expr) => void;
  /** Receives every network that is applied, read as weights or adapted, and then the network that it was adapted from. */
  readonly callable?: (callable: Callable) => void;
}

export function walkBlock(block: Block, visitor: TypedVisitor): void {
  walkStatements(block.statements, visitor);
  walkExpr(block.result, visitor);
}

export function walkStatements(statements: readonly Statement[], visitor: TypedVisitor): void {
  for (const s of statements) {
    visitor.statement?.(s);
    switch (s.kind) {
      case "let":
        walkExpr(s.value, visitor);
        break;
      case "repeat":
        for (const e of s.from) walkExpr(e, visitor);
        walkStatements(s.body, visitor);
        for (const e of s.next) walkExpr(e, visitor);
        if (s.until !== undefined) walkExpr(s.until, visitor);
        break;
      case "minimize":
        for (const target of s.targets) walkTarget(target, visitor);
        for (const e of Object.values(s.by.args)) walkExpr(e, visitor);
        walkStatements(s.body, visitor);
        walkExpr(s.loss, visitor);
        break;
      default:
        s satisfies never;
    }
  }
}

/** Walks what a target of a `minimize` starts from and what groups change for it. */
export function walkTarget(target: MinimizeTarget, visitor: TypedVisitor): void {
  if (target.kind === "tensor") walkExpr(target.from, visitor);
  else walkCallable(target.from, visitor);
  for (const { args } of changesOf(target)) for (const e of Object.values(args)) walkExpr(e, visitor);
}

export function walkExpr(expr: Expr, visitor: TypedVisitor): void {
  visitor.expr?.(expr);
  if (visitor.callable !== undefined && (expr.k === "apply" || expr.k === "weights"))
    walkCallable(expr.target, visitor);
  for (const child of operandsOf(expr)) walkExpr(child, visitor);
}

function walkCallable(callable: Callable, visitor: TypedVisitor): void {
  visitor.callable?.(callable);
  if (callable.kind === "local") walkCallable(callable.of, visitor);
}

/** Calls `visit` on every expression of a block, parents first. */
export function walkExprs(block: Block, visit: (expr: Expr) => void): void {
  walkBlock(block, { expr: visit });
}

/** Returns the changes that groups make for a target of a `minimize`. */
export function changesOf(target: MinimizeTarget): readonly MinimizeChange[] {
  if (target.kind === "network") return Object.values(target.changes ?? {});
  return target.change !== undefined ? [target.change] : [];
}

/** Returns the operands of an expression. A new kind of expression does not compile until it stands here. */
export function operandsOf(e: Expr): readonly Expr[] {
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
    case "slice":
    case "one_hot":
    case "softmax":
    case "log_softmax":
    case "normalize":
    case "logsumexp":
    case "dropout":
    case "rotations":
    case "nearest":
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
    case "slope":
      return [e.f, e.x];
    case "sum_by":
      return [e.x, e.y];
    case "cross_entropy":
      return [e.z, e.y];
    case "pick":
      return [e.x, e.at];
    case "blend":
      return [e.a, e.b, e.w];
    case "apply":
      return typeof e.norm === "object" ? [e.x, e.norm.from] : [e.x];
    default:
      return e satisfies never;
  }
}

/** Returns an expression of the same kind with other operands. `change` gives the new one for each. */
export function withOperands(e: Expr, change: (operand: Expr) => Expr): Expr {
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
      return e;
    case "unary":
    case "reduce":
    case "argmax":
    case "rename":
    case "merge":
    case "split":
    case "top":
    case "slice":
    case "one_hot":
    case "softmax":
    case "log_softmax":
    case "normalize":
    case "logsumexp":
    case "dropout":
    case "rotations":
    case "nearest":
      return { ...e, x: change(e.x) };
    case "binary":
    case "compare":
    case "dot":
    case "solve":
    case "squared_distance":
      return { ...e, a: change(e.a), b: change(e.b) };
    case "select":
      return { ...e, condition: change(e.condition), a: change(e.a), b: change(e.b) };
    case "concat":
      return { ...e, parts: e.parts.map(change) };
    case "slope":
      return { ...e, f: change(e.f), x: change(e.x) };
    case "sum_by":
      return { ...e, x: change(e.x), y: change(e.y) };
    case "cross_entropy":
      return { ...e, z: change(e.z), y: change(e.y) };
    case "pick":
      return { ...e, x: change(e.x), at: change(e.at) };
    case "blend":
      return { ...e, a: change(e.a), b: change(e.b), w: change(e.w) };
    case "apply": {
      const norm = typeof e.norm === "object" ? { from: change(e.norm.from) } : e.norm;
      return { ...e, x: change(e.x), norm };
    }
    default:
      return e satisfies never;
  }
}

/** Returns the network that one `minimize`, or several in a row, started from. */
export function rootOf(target: Callable): Exclude<Callable, { kind: "local" }> {
  return target.kind === "local" ? rootOf(target.of) : target;
}

/** Returns the name of the learned value that an expression itself reads, or of the learned network that it or an adapted copy stands for. */
export function learnedName(expr: Expr): string | undefined {
  if (expr.k === "learn") return expr.name;
  if (expr.k !== "apply" && expr.k !== "weights") return undefined;
  const root = rootOf(expr.target);
  return root.kind === "learn" ? root.name : undefined;
}

/** Returns the name of the network of a finished stage that an expression itself calls or reads. */
export function finishedName(expr: Expr): string | undefined {
  if (expr.k !== "apply" && expr.k !== "weights") return undefined;
  const root = rootOf(expr.target);
  if (root.kind !== "stage") return undefined;
  return root.slot === undefined ? root.stage : `${root.stage}.${root.slot}`;
}

/** Returns the networks of finished stages that a block calls or reads, each once, in the order of their first uses. */
export function borrowedSlots(block: Block): readonly Pick<Borrowed, "stage" | "slot">[] {
  const found = new Map<string, Pick<Borrowed, "stage" | "slot">>();
  walkBlock(block, {
    callable: (callable) => {
      if (callable.kind !== "stage") return;
      const { stage, slot } = callable;
      for (const own of slot === undefined ? (["encoder", "head"] as const) : [slot])
        found.set(`${own} ${stage}`, { stage, slot: own });
    },
  });
  return [...found.values()];
}

/** A layer of a network, and how many residual or parallel layers it is inside of. */
export interface NestedLayer {
  readonly layer: Layer;
  readonly depth: number;
}

/** Returns every layer of a network in order, parents first: the layers inside residual and parallel layers too. */
export function layersOf({ layers }: Network): readonly NestedLayer[] {
  return nestedLayers(layers, 0);
}

function nestedLayers(layers: readonly Layer[], depth: number): NestedLayer[] {
  return layers.flatMap((layer) => [
    { layer, depth },
    ...innerLayers(layer.op).flatMap((inner) => nestedLayers(inner, depth + 1)),
  ]);
}

/** Returns the runs of layers that a layer is made of: none for a plain layer. */
function innerLayers(op: LayerOp): readonly (readonly Layer[])[] {
  switch (op.kind) {
    case "residual":
      return [op.body, op.shortcut];
    case "parallel":
      return op.branches;
    case "conv":
    case "batch_norm":
    case "layer_norm":
    case "group_norm":
    case "layer_scale":
    case "linear":
    case "cosine_linear":
    case "activation":
    case "max_pool":
    case "avg_pool":
    case "global_avg_pool":
    case "upsample":
    case "flatten":
    case "tokens":
    case "class_token":
    case "position_table":
    case "first":
    case "attention":
    case "dropout":
    case "drop_block":
    case "formula":
      return [];
    default:
      return op satisfies never;
  }
}
