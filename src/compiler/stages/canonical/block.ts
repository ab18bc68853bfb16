/** The canonical form of a block: statements and expressions with locals, parameters and axes renamed. */
import type { Block, Callable, Expr, ExprNode, MinimizeChange, MinimizeTarget, Statement } from "../../typed/tree.js";
import type { AxisNames } from "./axes.js";
import { type Canonical, type CanonicalFields, plain, plainFields } from "./value.js";

/** The fields of an expression that hold axes. */
const axisFields: { readonly [K in ExprNode["k"]]?: readonly string[] } = {
  reduce: ["over"],
  argmax: ["over"],
  sum_by: ["over", "axis"],
  dot: ["over"],
  rename: ["renames"],
  merge: ["axes", "as"],
  split: ["axis", "as"],
  concat: ["along"],
  top: ["over", "as"],
  slice: ["over", "as"],
  index: ["axis"],
  merged_index: ["merged", "as", "axis"],
  one_hot: ["axis"],
  eye: ["a", "b"],
  solve: ["over"],
  softmax: ["over"],
  log_softmax: ["over"],
  normalize: ["over"],
  logsumexp: ["over"],
  squared_distance: ["over"],
  rotations: ["as"],
  weights: ["as"],
  pick: ["over"],
};

/** The meanings of the names in a block. */
export interface BlockNames {
  readonly axes: AxisNames;
  /** The parameters by position. A parameter that is not among them keeps its name. */
  readonly params: readonly string[];
  /** Returns the digest of another stage's weights. */
  readonly output: (stage: string) => string;
}

export function canonicalBlock({ statements, result }: Block, names: BlockNames): Canonical {
  const form = new BlockForm(names);
  return { statements: form.statements(statements), result: form.expr(result) };
}

/** The canonical form of statements with several results. */
export function canonicalValues(
  { statements, results }: { readonly statements: readonly Statement[]; readonly results: readonly Expr[] },
  names: BlockNames,
): Canonical {
  const form = new BlockForm(names);
  return { statements: form.statements(statements), results: results.map((result) => form.expr(result)) };
}

/** Renames the locals of one block in the order in which it meets them, so the order of calls here is part of the key. */
class BlockForm {
  private readonly locals = new Map<number, number>();

  constructor(private readonly names: BlockNames) {}

  statements(statements: readonly Statement[]): readonly Canonical[] {
    return statements.map((s) => this.statement(s));
  }

  expr(e: Expr): Canonical {
    if (e.k === "param") {
      const place = this.names.params.indexOf(e.name);
      return { k: e.k, param: place < 0 ? e.name : place };
    }
    if (e.k === "local") return { k: e.k, local: this.local(e.local) };
    const fields = axisFields[e.k] ?? [];
    const own = Object.entries(e)
      .filter(([key, v]) => key !== "type" && key !== "span" && v !== undefined)
      .map(([key, v]): [string, Canonical] => [key, fields.includes(key) ? this.axes(v) : this.field(key, v)]);
    return { ...Object.fromEntries(own), ...this.type(e) };
  }

  private statement(s: Statement): Canonical {
    switch (s.kind) {
      case "let": {
        const value = this.expr(s.value);
        return { kind: s.kind, local: this.local(s.local), value };
      }
      case "repeat":
        return {
          kind: s.kind,
          bound: s.bound,
          from: this.exprs(s.from),
          locals: s.locals.map((id) => this.local(id)),
          before: s.before.map((id) => this.local(id)),
          body: this.statements(s.body),
          next: this.exprs(s.next),
          until: s.until !== undefined ? this.expr(s.until) : null,
        };
      case "minimize":
        return {
          kind: s.kind,
          targets: s.targets.map((target) => this.target(target)),
          method: s.by.method,
          args: this.args(s.by.args),
          steps: s.steps,
          stepsAtTest: s.stepsAtTest,
          // A key that was made before there were counters stays as it is.
          ...(s.counter === undefined
            ? {}
            : { counter: { local: this.local(s.counter.local), settings: s.counter.settings } }),
          firstOrder: s.firstOrder,
          body: this.statements(s.body),
          loss: this.expr(s.loss),
        };
    }
  }

  private target(target: MinimizeTarget): Canonical {
    switch (target.kind) {
      case "tensor": {
        const { change } = target;
        const from = this.expr(target.from);
        const local = this.local(target.local);
        return { from, local, ...(change === undefined ? {} : { change: this.change(change) }) };
      }
      case "network": {
        const from = this.callable(target.from);
        const local = this.local(target.local);
        if (target.changes === undefined) return { from, local };
        const changes = Object.entries(target.changes).map(([path, change]) => [path, this.change(change)]);
        return { from, local, changes: Object.fromEntries(changes) };
      }
    }
  }

  private change({ frozen, args, share }: MinimizeChange): Canonical {
    return { frozen, share, args: this.args(args) };
  }

  private callable(c: Callable): Canonical {
    if (c.kind === "stage") {
      const { stage, ...used } = c;
      return { ...plainFields(used), output: this.names.output(stage) };
    }
    if (c.kind === "local") return { kind: c.kind, local: this.local(c.local), of: this.callable(c.of) };
    return plain(c);
  }

  private exprs(list: readonly Expr[]): readonly Canonical[] {
    return list.map((e) => this.expr(e));
  }

  private args(args: Readonly<Record<string, Expr>>): CanonicalFields {
    return Object.fromEntries(Object.entries(args).map(([name, e]) => [name, this.expr(e)]));
  }

  private local(id: number): number {
    const known = this.locals.get(id) ?? this.locals.size;
    this.locals.set(id, known);
    return known;
  }

  /** A field of an expression that holds no axes: another expression, a callable, or plain data around them. */
  private field(key: string, value: unknown): Canonical {
    if (key === "target") return this.callable(value as Callable);
    if (Array.isArray(value)) return value.map((v) => this.field(key, v));
    if (value !== null && typeof value === "object") {
      if ("k" in value) return this.expr(value as Expr);
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, this.field(k, v)]));
    }
    return plain(value);
  }

  private axes(value: unknown): Canonical {
    if (typeof value === "string") return this.names.axes.rename(value);
    if (Array.isArray(value)) return value.map((v) => this.axes(v));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([k, v]) => [k, typeof v === "string" ? this.names.axes.rename(v) : plain(v)]),
      );
    }
    return plain(value);
  }

  /**
   * The part of a type that does not follow from the node: the axes of `fill` and of draws, the axis that a label
   * indexes, and that a number is a truth value.
   */
  private type(e: Expr): CanonicalFields {
    const { axes } = this.names;
    return {
      ...(e.k === "fill" || e.k === "draw" ? { axes: axes.axes(e.type.axes) } : {}),
      ...(e.type.of !== undefined ? { of: axes.rename(e.type.of.name) } : {}),
      ...(e.k === "number" && e.type.kind === "bool" ? { bool: true } : {}),
    };
  }
}
