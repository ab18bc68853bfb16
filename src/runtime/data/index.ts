/** Exports what the rest of the runtime uses of this folder. */
export type * from "./contract.js";
export { loadDescription } from "./descriptions/index.js";
export { disjointEpisodes, disjointSubset } from "./disjoint-episodes.js";
export { loadEpisodeFile } from "./episode-file.js";
export { describeFindings } from "./findings.js";
export { findPack, ingest, packRequest, repairPack, unfinishedIngest } from "./ingest.js";
export { createLoader } from "./loader.js";
export { type ImageFolder, listClassFolders, listImages } from "./named-images.js";
export { openPack, type PackSummary, summarizePack, verifyRows } from "./pack.js";
export { digestsOf, splitDigest } from "./pack-digests.js";
export { DamagedPackError } from "./pack-files.js";
export { ImagePreparer, type PreparedImage } from "./prepare-images.js";
export { requirePossible, sampleEpisode, sampleWhole, shuffledImages } from "./sampler.js";
export { describeSources, requireSource, sourceFacts } from "./sources/index.js";
export type { ArgDescription, SourceDescription } from "./sources/source.js";
export { describeSteps } from "./transform-chain.js";
