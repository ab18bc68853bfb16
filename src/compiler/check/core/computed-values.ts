/** Values that only a run computes: tensors, and networks that are applied to tensors. The checker knows their types. */
import type { Span } from "../../../../grammar/ast.js";
import type { Axis, Callable, Expr, Network } from "../../typed/tree.js";

/** The place where a value was written: a message about the value shows it as a second place. */
export interface Written {
  readonly span: Span;
}
export interface TensorValue extends Written {
  readonly kind: "tensor";
  readonly expr: Expr;
  /** The axes over which probabilities sum to 1, as far as that is known. */
  readonly sums?: readonly string[] | undefined;
}
/** A network that can be applied: the encoder slot, the head, a learned module or a finished stage. */
export interface CallableValue extends Written {
  readonly kind: "callable";
  readonly target: Callable;
  /** Returns its network for an input with these inner axes, or undefined if the input is wrong, which is reported. */
  readonly network: (input: readonly Axis[], at: Span) => Network | undefined;
  /** Returns its network if that is known. The network of a module is known from its first call on. */
  readonly known: () => Network | undefined;
  /** The kind of its result. `outputs` are read by name: `.vector`, `.map`. */
  readonly gives: "outputs" | "logits" | "real";
  /** The mode of batch norms in a call without `norm`: `running` for finished stages, `auto` for modules, `say` if a call must state it. */
  readonly norm: "running" | "auto" | "say";
}
