/** The call that a typing rule of a built-in receives, and what rules read from it. */
import type * as ast from "../../../../../grammar/ast.js";
import { suggest } from "../../../../common/did-you-mean.js";
import type { Axis } from "../../../typed/tree.js";
import type { Frame } from "../../core/frame.js";
import type { Scope } from "../../core/scope.js";
import { asNumbers, asTensor, reportMissingAxis, requireFrame } from "../../core/tensors.js";
import type { TensorValue, Value } from "../../core/values.js";

/** An axis that a call names. The axis parameters of a function around it are already replaced. */
export interface NamedAxis {
  readonly name: string;
  readonly span: ast.Span;
  /** The size that is written for it: `slot: 8`. */
  readonly size?: number | undefined;
}

export interface BuiltinCall {
  readonly name: string;
  readonly span: ast.Span;
  readonly scope: Scope;
  /** Undefined outside methods and losses, where only static values exist. */
  readonly frame: Frame | undefined;
  readonly args: readonly { readonly value: Value; readonly span: ast.Span }[];
  /** The labels after `by`. */
  readonly by: { readonly value: Value; readonly span: ast.Span } | undefined;
  /** The axes that are arguments: `way` of `size(way)`. */
  readonly axes: readonly NamedAxis[];
  readonly over: readonly NamedAxis[];
  readonly overSpan: ast.Span;
  readonly along: readonly NamedAxis[];
  readonly as: readonly NamedAxis[];
}

/** Returns an argument as a tensor of numbers, or undefined if it is none, which is reported. */
export function numbersArgument(call: BuiltinCall, at: number): TensorValue | undefined {
  const arg = call.args[at];
  return arg === undefined ? undefined : asNumbers(arg.value, call.scope, arg.span);
}
/** Returns an argument as a tensor, or undefined if it is none, which is reported. */
export function tensorArgument(call: BuiltinCall, at: number): TensorValue | undefined {
  const arg = call.args[at];
  return arg === undefined ? undefined : asTensor(arg.value, call.scope, arg.span);
}
/** Returns the place where the call builds expressions, or undefined outside methods, which is reported. */
export function requireCallFrame(call: BuiltinCall): Frame | undefined {
  return requireFrame(call.scope, call.span, `a call of \`${call.name}\``);
}

/** Returns a named axis with its size, or undefined if nothing has fixed the size, which is reported. */
export function knownAxis(call: BuiltinCall, { name, span, size }: NamedAxis, frame: Frame): Axis | undefined {
  const known = size === undefined ? frame.known(name) : { size };
  if (known === undefined) reportUnknownAxis(call, { name, span }, frame);
  return known && { name, size: known.size };
}

/** Returns the named axes with their sizes, or undefined at the first without a size, which is reported. */
export function knownAxes(call: BuiltinCall, named: readonly NamedAxis[], frame: Frame): Axis[] | undefined {
  const axes: Axis[] = [];
  for (const one of named) {
    const axis = knownAxis(call, one, frame);
    if (axis === undefined) return undefined;
    axes.push(axis);
  }
  return axes;
}

export function reportUnknownAxis({ scope }: BuiltinCall, { name, span }: NamedAxis, frame: Frame): void {
  scope.checker.report("FSL3007", span, { axis: name }, { help: suggest(name, frame.axisNamesInScope()) });
}

/** Returns the axes after `over`, with `all` as every axis of the value, or undefined if the value lacks one, which is reported. */
export function reducedAxes(call: BuiltinCall, value: TensorValue, frame: Frame): string[] | undefined {
  const names: string[] = [];
  for (const axis of call.over) {
    if (axis.name === "all") return value.expr.type.axes.map((known) => known.name);
    if (!value.expr.type.axes.some((known) => known.name === axis.name)) {
      reportMissingAxis(axis.name, value, axis.span, call.scope, frame);
      return undefined;
    }
    names.push(axis.name);
  }
  return names;
}
