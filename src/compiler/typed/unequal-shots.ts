/**
 * Lets a metric take a different number of supports of each class. The supports are padded to the largest number, and the
 * metric is changed so that the padding has no effect: sums and means over the shots count each real support once and no other.
 */
import type { Span } from "../../../grammar/ast.js";
import type { Axis, Block, Expr, Metric, Statement, ValueType } from "./tree.js";
import { operandsOf, walkStatements, withOperands } from "./walk.js";

/** The place of a metric at which it needs the same number of supports of each class, and the reason. */
export interface NeedsEqualShots {
  readonly span: Span;
  readonly why: string;
}

/** Thrown where a metric mixes supports in a way that padding would change. */
class Mixes extends Error {
  constructor(
    readonly span: Span,
    readonly why: string,
  ) {
    super(why);
  }
}

/**
 * Returns the metric for classes with these numbers of supports, where the supports of each class are repeated up to the
 * largest number. `larger` is the same metric, elaborated for one shot more: it shows whether the number itself is read.
 */
export function withShots(metric: Metric, larger: Metric, shots: readonly number[]): Metric | NeedsEqualShots {
  const classify = metric.entries["classify"];
  const other = larger.entries["classify"];
  if (classify === undefined || other === undefined) throw new Error(`${metric.name} has no classify`);
  const span = classify.body.result.span;
  const own = classify.params.find(({ form }) => form === "image" || form === "encoder");
  if (own !== undefined) return { span, why: `it takes \`${own.name}\` and adapts to all supports together` };
  if (withoutSizes(classify.body) !== withoutSizes(other.body))
    return { span, why: "its formula has the number of shots" };
  try {
    const body = changeBlock(classify.body, shots);
    return { ...metric, entries: { ...metric.entries, classify: { ...classify, body } } };
  } catch (error) {
    if (error instanceof Mixes) return { span: error.span, why: error.why };
    throw error;
  }
}

/** Returns a block as text without the sizes of axes, which differ between tasks even if nothing reads them. */
function withoutSizes(block: Block): string {
  return JSON.stringify(block, (name, part: unknown) => (name === "size" || name === "span" ? undefined : part));
}

function changeBlock({ statements, result }: Block, shots: readonly number[]): Block {
  return { statements: statements.map((one) => changeStatement(one, shots)), result: change(result, shots) };
}

function changeStatement(statement: Statement, shots: readonly number[]): Statement {
  if (statement.kind === "let") return { ...statement, value: change(statement.value, shots) };
  walkStatements([statement], {
    expr: (e) => {
      if (hasShots(e)) throw new Mixes(statement.span, "a loop reads the supports");
    },
  });
  return statement;
}

const hasShots = (e: Expr): boolean => has(e.type.axes, "shot");
const has = (axes: readonly Axis[], name: string): boolean => axes.some((axis) => axis.name === name);

/** Changes an expression and its operands. @throws Mixes if padding would change its value. */
function change(e: Expr, shots: readonly number[]): Expr {
  const operands = operandsOf(e);
  const changed = withOperands(e, (operand) => change(operand, shots));
  if (operands.length === 0) {
    if (hasShots(e) && !["param", "local", "fill", "learn"].includes(e.k))
      throw new Mixes(e.span, "it numbers the supports");
    return changed;
  }
  if (!operands.some(hasShots)) return changed;
  if (changed.k === "reduce" && changed.over.includes("shot")) return reduceShots(changed, shots);
  const why = mixing(e);
  if (why !== undefined) throw new Mixes(e.span, why);
  return changed;
}

/** Returns how an expression mixes the supports of a class, or undefined if it handles each of them by itself. */
function mixing(e: Expr): string | undefined {
  switch (e.k) {
    case "unary":
    case "binary":
    case "compare":
    case "select":
    case "blend":
    case "dropout":
    case "rotations":
    case "nearest":
    case "one_hot":
    case "reduce":
      return undefined;
    case "dot":
    case "squared_distance":
    case "softmax":
    case "log_softmax":
    case "normalize":
    case "logsumexp":
      return e.over.includes("shot") ? `\`${e.k}\` goes over all supports` : undefined;
    case "argmax":
    case "pick":
    case "top":
    case "slice":
      return e.over === "shot" ? `\`${e.k}\` chooses among the supports` : undefined;
    case "concat":
      return e.along === "shot" ? "it adds to the supports" : undefined;
    case "split":
      return e.axis === "shot" ? "it divides the supports" : undefined;
    case "merge":
      return e.axes.includes("shot") ? "`merge` puts several supports on one axis" : undefined;
    case "apply":
      return e.norm === "running" || e.norm === "phase" ? undefined : "it normalizes over a batch of supports";
    case "rename":
      return e.renames.some(({ from }) => from === "shot") ? "it compares the supports with each other" : undefined;
    case "solve":
    case "cross_entropy":
      return `\`${e.k}\` takes all supports together`;
    default:
      return "it reads the supports";
  }
}

/** Returns a reduction over the shots that leaves the padding out. The largest and the smallest value need no change. */
function reduceShots(e: Extract<Expr, { readonly k: "reduce" }>, shots: readonly number[]): Expr {
  const { op, x, over, span } = e;
  if (op === "max" || op === "min") return e;
  if (over.includes("way") || !has(x.type.axes, "way"))
    throw new Mixes(span, `\`${op}\` goes over several classes at once`);
  const rest = over.filter((axis) => axis !== "shot");
  const axes = x.type.axes.filter(({ name }) => !rest.includes(name));
  const each: Expr =
    rest.length === 0 ? x : { k: "reduce", op, x, over: rest, span, type: { ...x.type, kind: "real", axes } };
  const share = shares(axes, op === "mean" ? (count) => 1 / count : () => 1, shots, span);
  const weighted: Expr = { k: "binary", op: "mul", a: each, b: share, span, type: each.type };
  return { ...e, op: "sum", x: weighted, over: ["shot"] };
}

/** Returns the weight of each support [way, shot]: that of its class for a real one, and 0 for padding. */
function shares(axes: readonly Axis[], of: (count: number) => number, shots: readonly number[], span: Span): Expr {
  const axis = (name: string): Axis => axes.find((one) => one.name === name) ?? { name, size: shots.length };
  const [way, shot] = [axis("way"), axis("shot")];
  const type = (kind: ValueType["kind"], ...over: Axis[]): ValueType => ({ kind, axes: over });
  const number = (value: number): Expr => ({ k: "number", value, span, type: type("real") });
  const place = (one: Axis): Expr => {
    const index: Expr = { k: "index", axis: one, span, type: type("int", one) };
    return { k: "binary", op: "mul", a: index, b: number(1), span, type: type("real", one) };
  };
  const compare = (op: "eq" | "lt", a: Expr, value: number): Expr => {
    return { k: "compare", op, a, b: number(value), span, type: type("bool", ...a.type.axes) };
  };
  const choose = (condition: Expr, a: Expr): Expr => {
    return { k: "select", condition, a, b: number(0), span, type: type("real", ...condition.type.axes) };
  };
  const ofClass = shots.map((count, c): Expr => {
    const real = choose(compare("lt", place(shot), count), number(of(count)));
    const own = choose(compare("eq", place(way), c), number(1));
    return { k: "binary", op: "mul", a: own, b: real, span, type: type("real", way, shot) };
  });
  return ofClass.reduce((a, b) => ({ k: "binary", op: "add", a, b, span, type: a.type }));
}
