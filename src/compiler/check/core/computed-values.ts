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
  /** Of probabilities: the axes over which they sum to 1, as far as that is known. */
  readonly sums?: readonly string[] | undefined;
}
/** Something with weights that can be applied: the encoder slot, the head, a learned module, a finished stage. */
export interface CallableValue extends Written {
  readonly kind: "callable";
  readonly target: Callable;
  /** Its network for an input of these inner axes; undefined where that has been reported as wrong. */
  readonly network: (input: readonly Axis[], at: Span) => Network | undefined;
  /** Its network as far as it is known: a module's is from its first call on. */
  readonly known: () => Network | undefined;
  /** `outputs`: its result is taken apart by `.vector`, `.map`; `logits`: it gives logits. */
  readonly gives: "outputs" | "logits" | "real";
  /** Batch norm outside a stage's training: `running` for finished stages, `auto` for modules, `say` where the call must say it. */
  readonly norm: "running" | "auto" | "say";
}
