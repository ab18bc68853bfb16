/** Arranges images that a user brings as episodes: the supports of every class, and some of the queries in each episode. */
import type { Task } from "../../compiler/typed/tree.js";
import type { Episode } from "../data/contract.js";

/** The most queries of one episode, unless a metric has to see all of them together. */
const queriesPerEpisode = 64;

/** The supports and queries of a pack: how many images each class has, and how many queries follow them. */
export interface BroughtImages {
  readonly shots: readonly number[];
  readonly queries: number;
}

/**
 * Returns the task of the episodes. Its shots are those of the class with the most images. A transductive metric sees all
 * queries in one episode, whose number must be a multiple of the classes: then the task is undefined for any other number.
 */
export function taskOf({ shots, queries }: BroughtImages, transductive: boolean): Task | undefined {
  const way = shots.length;
  const shot = Math.max(...shots);
  if (!transductive) return { way, shot, query: Math.ceil(Math.min(queries, queriesPerEpisode) / way) };
  return queries % way === 0 ? { way, shot, query: queries / way } : undefined;
}

/**
 * Returns the episodes. Images are numbered class by class, and the queries come last. A class with fewer images repeats them
 * up to the shots of the task, and the last episode repeats its last query.
 */
export function episodesOf({ shots, queries }: BroughtImages, { way, shot, query }: Task): Episode[] {
  const support = new Int32Array(way * shot);
  let first = 0;
  for (const [c, count] of shots.entries()) {
    for (let k = 0; k < shot; k++) support[c * shot + k] = first + (k % count);
    first += count;
  }
  const classes = Int32Array.from(shots.keys());
  const perEpisode = way * query;
  return Array.from({ length: Math.ceil(queries / perEpisode) }, (_, e) => ({
    classes,
    support,
    query: Int32Array.from({ length: perEpisode }, (_, q) => first + Math.min(e * perEpisode + q, queries - 1)),
  }));
}
