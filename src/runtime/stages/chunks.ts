/** How many images or episodes one run takes. Functions of shapes alone, never of free memory: they are part of the numerics. */
import type { Task } from "../../compiler/typed/tree.js";

/** Images of one embedding run; the last run of a split is padded. */
export const imagesPerRun = 64;
/** Most episodes of one classification. */
export const episodesPerRun = 50;
/** Most numbers in the feeds of one classification: 32 MiB of f32. */
const feedNumbers = 2 ** 23;

export const chunks = { images: imagesPerRun, episodes: episodesPerRun } as const;

/** Episodes that one classification takes, for embeddings of `width` numbers in all; never more than there are. */
export function episodesInRun(task: Task, width: number, episodes: number): number {
  return atMost(feedNumbers / (imagesIn(task) * width), episodes);
}

/** Episodes whose images one run embeds together. */
export function imageEpisodesInRun(task: Task, episodes: number): number {
  return atMost((2 * imagesPerRun) / imagesIn(task), episodes);
}

function imagesIn({ way, shot, query }: Task): number {
  return way * (shot + query);
}

function atMost(fitting: number, episodes: number): number {
  return Math.max(1, Math.min(episodesPerRun, episodes, Math.floor(fitting)));
}
