/** Where tensor expressions are being built: the statements so far, the axes that are known, what the place allows. */
import type { Name, Span } from "../../../../grammar/ast.js";
import type { Axis, Expr, ExprNode, Statement, ValueType } from "../../typed/tree.js";
import type { TensorValue } from "./computed-values.js";

export interface KnownAxis {
  readonly size: number;
  /** The axes that a `merge` made it of, outermost first. */
  readonly merged: readonly Axis[] | undefined;
}

/** A value whose batch statistics a call normalizes by, and where that is written. */
export interface BatchStatistics {
  readonly x: Expr;
  readonly at: Span;
}

export interface FrameOptions {
  readonly place: "metric" | "loss" | "fit";
  /** Sizes stand for unknown ones: both branches of static `if`s are checked, and types are printed without sizes. */
  readonly generic: boolean;
  readonly transductive: boolean;
  /** Axes of the queries of a transductive entry: no labels, no taking apart. */
  readonly opaque: ReadonlySet<string>;
  /** In a loss over classes: the split whose classes they are. */
  readonly labels?: string | undefined;
  /** Only training computes what stands here, so it may draw. */
  readonly training?: boolean;
  /** Channels, height and width of the images that come in. */
  readonly image?: readonly Axis[];
}

export class Frame {
  private readonly axes = new Map<string, KnownAxis>();

  constructor(
    readonly options: FrameOptions,
    /** Where `let`s, loops and minimisations go. */
    readonly statements: Statement[],
    readonly parent: Frame | undefined = undefined,
    /** Axis parameters of the function being inlined: what each stands for. */
    readonly axisNames: ReadonlyMap<string, string> = new Map(),
    private readonly locals: {
      next: number;
      readonly adapted: Map<number, Name>;
      readonly batched: BatchStatistics[];
    } = parent?.locals ?? { next: 0, adapted: new Map(), batched: [] },
  ) {}

  /** A frame inside this one: another list of statements, or a function's axis names. */
  inner(statements: Statement[], axisNames = this.axisNames): Frame {
    return new Frame(this.options, statements, this, axisNames);
  }

  get generic(): boolean {
    return this.options.generic;
  }

  newLocal(): number {
    return this.locals.next++;
  }

  /** A local for what a `minimize` adapts under this name. */
  adapted(name: Name): number {
    const local = this.newLocal();
    this.locals.adapted.set(local, name);
    return local;
  }
  /** What calls normalize by the batch statistics of, in this frame and those inside it. */
  get batched(): BatchStatistics[] {
    return this.locals.batched;
  }
  /** Where the adapted local was named. */
  nameOf(local: number): Name | undefined {
    return this.locals.adapted.get(local);
  }

  /** The axis that a name stands for here: axis parameters replaced, primes kept. */
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

  /** What is known of an axis, under its own name or without its primes. */
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

  isOpaque(axis: string): boolean {
    return this.options.opaque.has(unprimed(axis));
  }

  /** A typed node; its axes become known. */
  tensor(span: Span, kind: ValueType["kind"], axes: readonly Axis[], node: ExprNode, of?: Axis): TensorValue {
    for (const axis of axes) if (this.find(axis.name)?.size !== axis.size) this.defineAxis(axis.name, axis.size);
    const type: ValueType = of === undefined ? { kind, axes } : { kind, axes, of };
    return { kind: "tensor", span, expr: { type, span, ...node } as Expr };
  }

  /** Binds a computation to a local, so that using it twice computes it once. */
  bind(value: TensorValue): TensorValue {
    const { expr } = value;
    if (expr.k === "local" || expr.k === "param" || expr.k === "number" || expr.k === "learn" || expr.k === "fit") {
      return value;
    }
    const local = this.newLocal();
    this.statements.push({ kind: "let", local, value: expr });
    return { ...this.readLocal(local, expr.type, value.span), sums: value.sums };
  }

  readLocal(local: number, type: ValueType, span: Span): TensorValue {
    return { kind: "tensor", span, expr: { type, span, k: "local", local } };
  }
}

export function unprimed(name: string): string {
  return name.replace(/'+$/, "");
}
