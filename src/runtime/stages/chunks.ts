/** Decides how many images or episodes one run takes, from shapes alone and never from free memory: the sizes are part of the numerics. */
import { imagesIn } from "../../compiler/typed/tasks.js";
import type { Task } from "../../compiler/typed/tree.js";

/** The number of images of one embedding run. The last run of a split is padded. */
export const imagesPerRun = 64;
/** The most episodes of one classification. */
export const episodesPerRun = 50;
/** The most numbers in the feeds of one classification: 32 MiB of f32. */
const feedNumbers = 2 ** 23;

export const chunks = { images: imagesPerRun, episodes: episodesPerRun } as const;

/** Returns the number of episodes of one classification, for embeddings of `width` numbers per image. It is at most `episodes`. */
export function episodesInRun(task: Task, width: number, episodes: number): number {
  return clampToRun(feedNumbers / (imagesIn(task) * width), episodes);
}

/** Returns the number of episodes whose images one run embeds together. It is at most `episodes`. */
export function imageEpisodesInRun(task: Task, episodes: number): number {
  return clampToRun((2 * imagesPerRun) / imagesIn(task), episodes);
}

function clampToRun(limit: number, episodes: number): number {
  return Math.max(1, Math.min(episodesPerRun, episodes, Math.floor(limit)));
}
