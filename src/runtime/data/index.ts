/** What the data room gives to the rest of the runtime. */
export type * from "./contract.js";
export { disjointEpisodes, withoutSharing } from "./disjoint.js";
export { givenEpisodes } from "./given-episodes.js";
export { findPack, ingest } from "./ingest.js";
export { createLoader } from "./loader.js";
export { inspect, openPack, type PackSummary } from "./pack.js";
export { requirePossible, sampleEpisode, shuffledImages } from "./sampler.js";
export { describeSources, sourceFacts } from "./sources/index.js";
export type { ArgDescription, SourceDescription } from "./sources/source.js";
