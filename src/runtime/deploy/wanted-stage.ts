/** The stage that a command names. */
import type { Stage } from "../../compiler/typed/tree.js";
import type { PreparedRun } from "../run/preflight.js";

/** Returns the only stage that a run was prepared for. A graph has each stage after those that it needs. */
export function wantedStage({ graph }: PreparedRun): Stage {
  const wanted = graph.nodes.at(-1)?.of;
  if (wanted === undefined || wanted.kind === "ingest") throw new Error("the run wants no stage");
  return wanted.stage;
}
