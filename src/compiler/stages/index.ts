/** The stage graph, the keys of stages, and the plan. */
export { type Canonical, canonicalStage, canonicalText } from "./canonical.js";
export { ingestId, type StageGraph, type StageNode, stageDatasets, stageGraph, stageNeeds } from "./graph.js";
export { differencesInBrief, keyContent, keyDifferences, type StageInputs, stageKey } from "./key.js";
export { buildPlan, embeddedForms, type PlanOptions, type StoredStage } from "./plan.js";
export type * from "./report.js";
