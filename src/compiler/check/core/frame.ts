/** A frame is the place where tensor expressions are built: it has the statements so far, the known axes, and what is allowed there. */
import type { Name, Span } from "../../../../grammar/ast.js";
import type { Axis, Expr, ExprNode, Statement, ValueType } from "../../typed/tree.js";
import type { TensorValue } from "./computed-values.js";

export interface KnownAxis {
  readonly size: number;
  /** The axes that a `merge` has merged into it, outermost first. */
  readonly merged: readonly Axis[] | undefined;
  /** True if the episode, the data or the encoder gives the size, so that no body may write another one. */
  readonly given?: boolean;
}

/** A value whose batch statistics a call uses, and the place of the argument that says so. */
export interface BatchStatistics {
  readonly x: Expr;
  readonly at: Span;
}

export interface FrameOptions {
  readonly place: "metric" | "loss" | "fit" | "layer";
  /** True if sizes stand for unknown ones. Both branches of a static `if` are then checked, and messages show no sizes. */
  readonly generic: boolean;
  readonly transductive: boolean;
  /** The axes of the queries of a transductive entry. They have no labels and cannot be split or renamed. */
  readonly opaque: ReadonlySet<string>;
  /** The split whose classes a loss is about. */
  readonly labels?: string | undefined;
  /** True if random draws are allowed: only training computes what is built here, or the entry is `random`. */
  readonly draws?: boolean;
  /** The channels, height and width of the input images. */
  readonly image?: readonly Axis[];
}

export class Frame {
  private readonly axes = new Map<string, KnownAxis>();

  constructor(
    readonly options: FrameOptions,
    /** The list that `let`s, loops and `minimize` statements are added to. */
    readonly statements: Statement[],
    readonly parent: Frame | undefined = undefined,
    /** The axis that each axis parameter of the inlined function stands for. */
    readonly axisNames: ReadonlyMap<string, string> = new Map(),
    private readonly locals: {
      next: number;
      readonly adapted: Map<number, Name>;
      readonly batchStatistics: BatchStatistics[];
      readonly hidden: Set<string>;
    } = parent?.locals ?? { next: 0, adapted: new Map(), batchStatistics: [], hidden: new Set() },
  ) {}

  /** Returns a frame inside this one, with its own list of statements or the axis names of a function. */
  inner(statements: Statement[], axisNames = this.axisNames): Frame {
    return new Frame(this.options, statements, this, axisNames);
  }

  get generic(): boolean {
    return this.options.generic;
  }

  newLocal(): number {
    return this.locals.next++;
  }

  /** Returns a new local for what a `minimize` adapts under this name. */
  newAdaptedLocal(name: Name): number {
    const local = this.newLocal();
    this.locals.adapted.set(local, name);
    return local;
  }
  /** The values whose batch statistics calls use, in this frame and in all frames inside it. */
  get batchStatistics(): BatchStatistics[] {
    return this.locals.batchStatistics;
  }
  /** Returns what takes back the locals and statistics that have been added since now. */
  mark(): () => void {
    const { locals } = this;
    const statistics = locals.batchStatistics.length;
    const adapted = new Set(locals.adapted.keys());
    return () => {
      locals.batchStatistics.length = statistics;
      for (const local of [...locals.adapted.keys()]) if (!adapted.has(local)) locals.adapted.delete(local);
    };
  }
  /** Returns the name of an adapted local. */
  adaptedName(local: number): Name | undefined {
    return this.locals.adapted.get(local);
  }

  /** Returns the axis that a name stands for here: an axis parameter is replaced, and primes are kept. */
  resolveAxis(text: string): string {
    const direct = this.axisNames.get(text);
    if (direct !== undefined) return direct;
    const base = unprimed(text);
    const mapped = this.axisNames.get(base);
    return mapped === undefined ? text : mapped + text.slice(base.length);
  }

  defineAxis(name: string, size: number, merged?: readonly Axis[]): void {
    const known = this.axes.get(name);
    if (known?.size === size && merged === undefined) return;
    this.axes.set(name, { size, merged });
  }

  /** Makes axes known whose sizes no body may write. */
  giveAxes(axes: readonly Axis[]): void {
    for (const { name, size } of axes) this.axes.set(name, { size, merged: undefined, given: true });
  }

  isGiven(name: string): boolean {
    return this.find(name)?.given === true;
  }

  /** Returns what is known of an axis, under its own name or under the name without primes. */
  known(name: string): KnownAxis | undefined {
    return this.find(name) ?? this.find(unprimed(name));
  }

  private find(name: string): KnownAxis | undefined {
    const own = this.axes.get(name);
    return own ?? (this.parent === undefined ? undefined : this.parent.find(name));
  }

  axisNamesInScope(): string[] {
    return [...new Set([...this.axes.keys(), ...(this.parent?.axisNamesInScope() ?? [])])];
  }

  /** Tells whether an axis holds queries without labels, alone or together with other images. */
  isOpaque(axis: string): boolean {
    const name = unprimed(axis);
    return this.options.opaque.has(name) || this.locals.hidden.has(name);
  }

  /** Marks an axis that queries without labels stand on from now on. */
  hideAxis(axis: string): void {
    this.locals.hidden.add(unprimed(axis));
  }

  /** Makes a tensor with a node of the typed tree. Its axes become known. */
  tensor(span: Span, kind: ValueType["kind"], axes: readonly Axis[], node: ExprNode, of?: Axis): TensorValue {
    for (const axis of axes) if (this.find(axis.name)?.size !== axis.size) this.defineAxis(axis.name, axis.size);
    const type: ValueType = of === undefined ? { kind, axes } : { kind, axes, of };
    return { kind: "tensor", span, expr: { type, span, ...node } as Expr };
  }

  /** Binds a computation to a local, so that it is computed once even if it is used twice. */
  bind(value: TensorValue): TensorValue {
    const { expr } = value;
    if (expr.k === "local" || expr.k === "param" || expr.k === "number" || expr.k === "learn" || expr.k === "fit") {
      return value;
    }
    const local = this.newLocal();
    this.statements.push({ kind: "let", local, value: expr });
    return { ...this.readLocal(local, expr.type, value.span), sums: value.sums };
  }

  /** Returns the statements before this place, of the frames around this one first. */
  statementsSoFar(): readonly Statement[] {
    const outer = this.parent;
    // Frames of functions add to the list of the frame around them.
    const own = outer?.statements === this.statements ? [] : this.statements;
    return [...(outer?.statementsSoFar() ?? []), ...own];
  }

  /** Returns the value that a `let` of this frame or of one around it has bound to a local. */
  boundTo(local: number): Expr | undefined {
    const found = this.statements.find((statement) => statement.kind === "let" && statement.local === local);
    return found?.kind === "let" ? found.value : this.parent?.boundTo(local);
  }

  readLocal(local: number, type: ValueType, span: Span): TensorValue {
    return { kind: "tensor", span, expr: { type, span, k: "local", local } };
  }
}

export function unprimed(name: string): string {
  return name.replace(/'+$/, "");
}
