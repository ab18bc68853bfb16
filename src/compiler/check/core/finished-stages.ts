/** The networks of finished stages that losses and metrics call. */
import type { Span } from "../../../../grammar/ast.js";
import type { Axis, Borrowed, Network } from "../../typed/tree.js";
import type { CallableValue } from "./computed-values.js";

/** The place of a call: what the frame around it knows. */
export interface CallingPlace {
  readonly generic?: boolean;
  /** The split whose classes a loss is about. */
  readonly labels?: string | undefined;
  /** The channels, height and width of the images there. */
  readonly image?: readonly Axis[];
}

export interface FinishedStages {
  /**
   * Returns a network of a finished stage as a function, or without a slot the whole stage as a function from images to logits.
   * Returns undefined after a report: the stage lacks the slot, or was trained on other images or classes.
   */
  readonly callable: (
    stage: string,
    slot: Borrowed["slot"] | undefined,
    at: Span,
    place: CallingPlace,
  ) => CallableValue | undefined;
  /** Returns the network in a slot, or undefined if the stage has been reported as wrong. */
  readonly network: (stage: string, slot: Borrowed["slot"], at: Span) => Network | undefined;
}
