/** Samples episodes and orders of images as pure functions of the arguments. */

import { fold, type Key, rootKey, Stream, unshuffle } from "../../common/random/stream.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { classesIn, imagesOfClass, unlabeledIn } from "../../compiler/typed/tasks.js";
import type { Task } from "../../compiler/typed/tree.js";
import type { Episode, PackedSplit, SampleEpisode } from "./contract.js";
import { unevenCounts } from "./uneven-queries.js";

/** The parts of a split that the sampler needs. */
export type SampledSplit = Pick<PackedSplit, "split" | "classes" | "offsets">;

/** The numbers 0, 1, 2, … between calls. A draw swaps numbers and swaps them back, so drawing k of n costs k and not n. */
let identity = new Int32Array(0);
let swapped = new Int32Array(0);
const stream = new Stream([0, 0]);
const checked = new WeakMap<Int32Array, number>();
let root: { seed: number; purpose: string; key: Key } | undefined;

function grow(count: number, drawn: number): void {
  if (identity.length < count)
    identity = Int32Array.from({ length: Math.max(count, 2 * identity.length) }, (_, i) => i);
  if (swapped.length < drawn) swapped = new Int32Array(Math.max(drawn, 2 * swapped.length));
}

/** Returns the size of the smallest class. It is cached by the offsets, which never change. */
function smallestClassSize(offsets: Int32Array): number {
  const known = checked.get(offsets);
  if (known !== undefined) return known;
  let least = Number.POSITIVE_INFINITY;
  for (let c = 0; c + 1 < offsets.length; c++) {
    least = Math.min(least, (offsets[c + 1] as number) - (offsets[c] as number));
  }
  checked.set(offsets, least);
  return least;
}

/**
 * Checks that a split has enough classes and images for a task.
 *
 * @throws DiagnosticError FSL6011 if it has fewer classes than ways, FSL6012 if a class has fewer than shot + query images,
 * FSL6013 if the task is not made of whole numbers.
 */
export function requirePossible(split: SampledSplit, task: Task): void {
  const counts = [task.way, task.shot, task.query];
  if (!counts.every(Number.isInteger) || task.way < 1 || task.shot < 0 || task.query < 0) {
    throw new DiagnosticError(diagnostic("FSL6013", undefined, { way: task.way, shot: task.shot, query: task.query }));
  }
  const needed = classesIn(task);
  if (split.classes.length < needed) {
    throw new DiagnosticError(
      diagnostic("FSL6011", undefined, { split: split.split, way: needed, classes: split.classes.length }),
    );
  }
  const images = imagesOfClass(task);
  if (smallestClassSize(split.offsets) >= images) return;
  let name = "";
  let has = Number.POSITIVE_INFINITY;
  for (const [c, label] of split.classes.entries()) {
    const size = (split.offsets[c + 1] as number) - (split.offsets[c] as number);
    if (size < has) {
      has = size;
      name = label;
    }
  }
  throw new DiagnosticError(
    diagnostic("FSL6012", undefined, {
      split: split.split,
      images,
      class: name,
      has,
      shot: task.shot,
      query: task.query,
    }),
  );
}

/**
 * Returns episode `index` of a seed and purpose: `way` classes without replacement, and `shot + query` images of each without
 * replacement, all uniform. The task is not part of the key, so 1-shot and 5-shot episodes of one index have the same classes.
 * Images without labels have a key of their own: supports and queries are the same with and without them.
 *
 * @throws DiagnosticError FSL6011 or FSL6012 if the split has too few classes or images for the task.
 */
export const sampleEpisode: SampleEpisode = (seed, purpose, split, task, index) =>
  sample(seed, purpose, split, task, index);

function sample(seed: number, purpose: string, split: SampledSplit, task: Task, index: number): Episode {
  requirePossible(split, task);
  if (root === undefined || root.seed !== seed || root.purpose !== purpose) {
    root = { seed, purpose, key: rootKey(seed, purpose) };
  }
  stream.reset(fold(root.key, index));
  const { way, shot, query } = task;
  const { offsets } = split;
  const images = shot + query;
  const classes = new Int32Array(way);
  const supports = new Int32Array(way * shot);
  const queries = new Int32Array(way * query);
  const extra = task.unlabeled === undefined ? undefined : new UnlabeledDraw(task, fold(root.key, index));
  grow(split.classes.length, Math.max(classesIn(task), imagesOfClass(task)));
  stream.shuffle(identity, swapped, split.classes.length, way);
  classes.set(identity.subarray(0, way));
  extra?.drawDistractors(split);
  unshuffle(identity, swapped, way);
  const uneven = task.dirichlet === undefined ? undefined : new Stream(fold(fold(root.key, index), "dirichlet"));
  const room = (label: number): number => (offsets[label + 1] as number) - (offsets[label] as number) - shot;
  const counts = uneven && unevenCounts(uneven, task.dirichlet ?? 1, way * query, Array.from(classes, room));
  let s = 0;
  let q = 0;
  for (let c = 0; c < way; c++) {
    const label = classes[c] as number;
    const first = offsets[label] as number;
    const size = (offsets[label + 1] as number) - first;
    if (identity.length < size) grow(size, images);
    stream.shuffle(identity, swapped, size, images);
    extra?.drawOfClass(first, size);
    for (let i = 0; i < shot; i++) supports[s++] = first + (identity[i] as number);
    const wanted = counts?.[c] ?? query;
    // Further images of a class are drawn with a key of their own, so the supports are those of balanced episodes.
    const further = Math.max(0, wanted - query);
    const rest = identity.subarray(images, size);
    const swaps = new Int32Array(further);
    uneven?.shuffle(rest, swaps, rest.length, further);
    for (let i = shot; i < shot + wanted; i++) queries[q++] = first + (identity[i] as number);
    unshuffle(rest, swaps, further);
    unshuffle(identity, swapped, images);
  }
  const labels = counts && Int32Array.from(counts.flatMap((count, c) => Array.from({ length: count }, () => c)));
  return {
    classes,
    support: supports,
    query: queries,
    ...(labels === undefined ? {} : { labels }),
    ...(extra === undefined ? {} : { unlabeled: extra.finish() }),
  };
}

/**
 * Returns episode `index` in which all images that are no supports are queries. Classes are drawn as by `sampleEpisode`; if they are
 * all classes of the split, they stand in its order. Each class has the `query` images of the task: its own, and then the first of
 * them again.
 *
 * @throws DiagnosticError FSL6011 or FSL6012 if the split has too few classes, or a class has only supports.
 */
export function sampleWhole(seed: number, split: PackedSplit, task: Task, index: number): Episode {
  const { way, shot, query } = task;
  const drawn = sample(seed, "evaluate", split, { way, shot, query: 1 }, index);
  const classes = way === split.classes.length ? Int32Array.from({ length: way }, (_, c) => c) : drawn.classes;
  const counts = new Int32Array(way);
  const supports = new Int32Array(way * shot);
  const queries = new Int32Array(way * query);
  for (const [c, label] of classes.entries()) {
    const place = drawn.classes.indexOf(label);
    const own = drawn.support.subarray(place * shot, (place + 1) * shot);
    supports.set(own, c * shot);
    const rest: number[] = [];
    const [from = 0, to = 0] = split.offsets.subarray(label, label + 2);
    for (let image = from; image < to; image++) if (!own.includes(image)) rest.push(image);
    counts[c] = rest.length;
    for (let q = 0; q < query; q++) queries[c * query + q] = rest[q % rest.length] as number;
  }
  return { classes, support: supports, query: queries, counts };
}

/**
 * Draws the images without labels of one episode. It works on the same numbers as the draw of supports and queries, behind
 * those that are taken, and leaves them as they were.
 */
class UnlabeledDraw {
  private readonly stream: Stream;
  private readonly images: Int32Array;
  private drawn = 0;

  constructor(
    private readonly task: Task,
    key: Key,
  ) {
    this.stream = new Stream(fold(key, "unlabeled"));
    this.images = new Int32Array(unlabeledIn(task));
  }

  /** Draws the distractor classes among those behind the ways, and the images of each. */
  drawDistractors({ classes, offsets }: SampledSplit): void {
    const { way, distractor = 0 } = this.task;
    const swaps = new Int32Array(distractor);
    const rest = identity.subarray(way, classes.length);
    this.stream.shuffle(rest, swaps, rest.length, distractor);
    for (const label of rest.slice(0, distractor)) {
      const first = offsets[label] ?? 0;
      this.draw(
        Int32Array.from({ length: (offsets[label + 1] ?? first) - first }, (_, i) => i),
        first,
      );
    }
    unshuffle(rest, swaps, distractor);
  }

  /** Draws images of the class that starts at `first`, among those behind its supports and queries. */
  drawOfClass(first: number, size: number): void {
    this.draw(identity.subarray(this.task.shot + this.task.query, size), first);
  }

  private draw(rest: Int32Array, first: number): void {
    const { unlabeled = 0 } = this.task;
    const swaps = new Int32Array(unlabeled);
    this.stream.shuffle(rest, swaps, rest.length, unlabeled);
    for (const image of rest.subarray(0, unlabeled)) this.images[this.drawn++] = first + image;
    unshuffle(rest, swaps, unlabeled);
  }

  /** Returns the images in a random order, in which no class can be told by the place. */
  finish(): Int32Array {
    this.stream.shuffle(this.images, new Int32Array(this.images.length), this.images.length, this.images.length);
    return this.images;
  }
}

/** Returns the kind of a training step, from 0: each of `count` kinds is equally likely. It is a pure function of its arguments. */
export function kindOfStep(seed: number, step: number, count: number): number {
  return new Stream(fold(rootKey(seed, "kind"), step)).below(count);
}

/** Returns a uniform order of `count` images for an epoch of pretraining. It is a pure function of its arguments. */
export function shuffledImages(seed: number, purpose: string, count: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const random = new Stream(fold(rootKey(seed, purpose), epoch));
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const value = order[i] as number;
    order[i] = order[j] as number;
    order[j] = value;
  }
  return order;
}
