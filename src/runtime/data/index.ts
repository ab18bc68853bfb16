/** What the data room gives to the rest of the runtime. */
export type * from "./contract.js";
export { requirePossible, sampleEpisode, shuffledImages } from "./sampler.js";
