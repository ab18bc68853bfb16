/** The contract between a training and the data of its steps. */
import type { EpisodeList } from "../data/episode-list.js";
import type { Feeds } from "./feeds.js";

/** The images and further feeds of each step. They are pure functions of the step. */
export interface Batches {
  /** Returns the images of a step as indices into the split, in the order of the `images` feed. */
  images(step: number): Int32Array;
  /** Fills the feeds other than the images: labels, orders of queries. */
  fill(feeds: Feeds, images: Int32Array, step: number): void;
  /** Returns the number of the kind of a step, if there are several. */
  readonly kindOf?: (step: number) => number;
  readonly unit: "images" | "episodes";
  /** Returns the episodes of the first steps, if the steps are made of episodes. */
  readonly list?: (steps: number) => EpisodeList;
}
