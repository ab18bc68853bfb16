/** Lowering: typed stages become tensor programs. */
export { type ClassifyOptions, lowerClassifier, lowerClassify, lowerEpisodes } from "./classify.js";
export { type DescribedAxis, describedFeed, describedForm } from "./described.js";
export { type EmbedOptions, lowerEmbed } from "./embed.js";
export { embeddedFeed, fitLabels, lowerFits } from "./fit.js";
export type { LoopSegment, Segment, SegmentedProgram } from "./loops/segments.js";
export { episodeFeed, fitInput, isTransductive, labelFeed, orderFeed } from "./metric.js";
export { nextName } from "./program.js";
export { scheduleFactor } from "./training/learning-rate.js";
export { type ExtraState, lowerTraining, type TrainingOptions, type TrainingProgram } from "./training/training.js";
export { gradientName } from "./training/update.js";
export { type HostWeight, initialWeights } from "./weights.js";
