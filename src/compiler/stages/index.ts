/** The stage graph, the keys of stages, and the plan. */

export { type Canonical, canonicalText } from "./canonical/value.js";
export { canonicalStage } from "./canonical.js";
export { ingestId, type StageGraph, type StageNode, stageDatasets, stageGraph, stageNeeds } from "./graph.js";
export { differencesInBrief, keyContent, keyDifferences, type StageInputs, stageKey } from "./key.js";
export { embeddedForms } from "./plan/cost.js";
export type { PlanOptions, StoredStage } from "./plan/options.js";
export type * from "./plan/report.js";
export { buildPlan } from "./plan.js";
