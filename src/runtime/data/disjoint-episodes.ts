/** Draws episodes that share no image, for an interval about new images. */

import { fold, type Key, rootKey, Stream } from "../../common/random/stream.js";
import { classesIn, imagesOfClass } from "../../compiler/typed/tasks.js";
import type { Task } from "../../compiler/typed/tree.js";
import type { Episode } from "./contract.js";
import { requirePossible, type SampledSplit } from "./sampler.js";

/**
 * Draws episodes until no more can be drawn. Each episode has `way` classes, uniform among those with enough images
 * left, and the next images of these classes in a seeded order. This is sampling without replacement; Lafon et al. 2024 call
 * the interval over such episodes open. It is a pure function of its arguments.
 *
 * @throws DiagnosticError FSL6011–FSL6013 if no episode can be drawn.
 */
export function disjointEpisodes(seed: number, split: SampledSplit, task: Task): Episode[] {
  requirePossible(split, task);
  const { way, shot, query, unlabeled = 0 } = task;
  const each = imagesOfClass(task);
  const needed = classesIn(task);
  const { offsets } = split;
  const root = rootKey(seed, "disjoint");
  const orders = split.classes.map((_, c) => {
    const images = Int32Array.from(
      { length: (offsets[c + 1] ?? 0) - (offsets[c] ?? 0) },
      (_, i) => (offsets[c] ?? 0) + i,
    );
    new Stream(fold(fold(root, "class"), c)).shuffle(
      images,
      new Int32Array(images.length),
      images.length,
      images.length,
    );
    return { class: c, images, used: 0 };
  });
  const episodes: Episode[] = [];
  for (;;) {
    const able = orders.filter(({ images, used }) => images.length - used >= each);
    if (able.length < needed) return episodes;
    const picks = Int32Array.from(able, (_, i) => i);
    new Stream(fold(root, episodes.length)).shuffle(picks, new Int32Array(needed), able.length, needed);
    const chosen = Array.from(picks.subarray(0, needed)).flatMap((i) => able[i] ?? []);
    const ways = chosen.slice(0, way);
    const take = (from: number, count: number, orders = ways): Int32Array =>
      Int32Array.from(orders.flatMap(({ images, used }) => [...images.subarray(used + from, used + from + count)]));
    episodes.push({
      classes: Int32Array.from(ways, (order) => order.class),
      support: take(0, shot),
      query: take(shot, query),
      ...(unlabeled === 0
        ? {}
        : { unlabeled: shuffled(take(shot + query, unlabeled, chosen), fold(root, episodes.length)) }),
    });
    for (const order of chosen) order.used += each;
  }
}

function shuffled(images: Int32Array, key: Key): Int32Array {
  new Stream(fold(key, "unlabeled")).shuffle(images, new Int32Array(images.length), images.length, images.length);
  return images;
}

/** Returns the episodes of a list, in its order, that share no image with an episode that was taken before. */
export function disjointSubset(episodes: readonly Episode[]): Episode[] {
  const used = new Set<number>();
  return episodes.filter(({ support, query }) => {
    const images = [...support, ...query];
    if (images.some((image) => used.has(image))) return false;
    for (const image of images) used.add(image);
    return true;
  });
}
