/** Exports what the rest of the runtime uses of this folder. */
export type * from "./contract.js";
export { disjointEpisodes, disjointSubset } from "./disjoint-episodes.js";
export { loadEpisodeFile } from "./episode-file.js";
export { findPack, ingest } from "./ingest.js";
export { createLoader } from "./loader.js";
export { openPack, type PackSummary, summarizePack } from "./pack.js";
export { requirePossible, sampleEpisode, shuffledImages } from "./sampler.js";
export { describeSources, sourceFacts } from "./sources/index.js";
export type { ArgDescription, SourceDescription } from "./sources/source.js";
