/** What the plan of a run is made from, beside the experiment. */
import type { Node } from "../../tensor/ir.js";
import type { Canonical } from "../canonical/value.js";

/** A finished stage in the store. */
export interface StoredStage {
  /** Digest of its output. */
  readonly output: string;
  /** What computed it, for people: engine, version, device. */
  readonly by: string;
}
export interface PlanOptions {
  readonly seed: number;
  readonly wanted?: readonly string[];
  /** What the store holds under a key. */
  readonly lookup: (key: string) => StoredStage | undefined;
  /** Stages that are to run although the store has them. */
  readonly force?: ReadonlySet<string>;
  /** Digests of the datasets that are packed already, by dataset id. */
  readonly data: Readonly<Record<string, string | undefined>>;
  /** What was hashed for each stored stage: lets the plan say what changed. */
  readonly stored?: readonly Canonical[];
  /** The engine's peak memory over the graph's liveness: the least and the most that its bench saw. */
  readonly engine: {
    readonly name: string;
    readonly device: string;
    readonly adapter?: string;
    readonly why?: string;
    readonly peakFactor: readonly [number, number];
    /** How a device with kernels of its own computes a use of an op; undefined on the processor. */
    readonly support?: (node: Pick<Node, "op" | "dtype">) => "native" | "decomposed" | "processor";
  };
  /** False leaves out `cost`, for which every stage has to be lowered. */
  readonly costs?: boolean;
}
