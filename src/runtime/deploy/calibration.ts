/**
 * Calibrates a classifier on validation episodes: a temperature makes its probabilities as large as they are right (Guo et al. 2017), and
 * the probabilities that it gives to images of known classes say from which one on an image is taken for none of them.
 */
import type { Task } from "../../compiler/typed/tree.js";
import type { PackedSplit } from "../data/contract.js";
import { createLoader, findPack, sampleEpisode } from "../data/index.js";
import type { PreparedRun } from "../run/preflight.js";
import { projectPaths } from "../system/project.js";
import type { OpenClassifier, ReadyImage } from "./open-classifier.js";
import { isTransductive } from "./posed-metric.js";
import { probabilitiesOf } from "./probabilities.js";

export interface Calibration {
  readonly temperature: number;
  readonly task: Task;
  readonly episodes: number;
  /** The largest probability of each validation query after the temperature, in ascending order. */
  readonly confidences: readonly number[];
}

/** The most validation classes, and the images of each beside the supports of one episode. */
const mostClasses = 20;
const sparePerClass = 8;
const mostShots = 10;
/** The number of episodes. A metric that adapts to each of them gets fewer. */
const episodes = { embedded: 60, adapted: 10 } as const;

/** The images of a few validation classes, with a split in which they are numbered. */
interface Pool {
  readonly images: readonly ReadyImage[];
  readonly split: PackedSplit;
}

/**
 * Calibrates a classifier for classes with these numbers of supports. Returns the reason if there is nothing to calibrate it with.
 */
export async function calibrate(
  classifier: OpenClassifier,
  prepared: PreparedRun,
  shots: readonly number[],
): Promise<Calibration | { readonly why: string }> {
  if (isTransductive(classifier.classifier)) return { why: "its metric sees all images together" };
  const { project, seed } = prepared;
  const { dataset, metric } = classifier.classifier;
  const pack = await findPack(dataset, { cacheDir: projectPaths.data(project), projectDir: project.dir });
  const val = pack?.splits.val;
  if (pack === undefined || val === undefined) return { why: `\`${dataset.name}\` has no validation images here` };
  const sizes = val.classes.map((_, c) => (val.offsets[c + 1] ?? 0) - (val.offsets[c] ?? 0));
  const shot = Math.min(median(shots), mostShots);
  const query = Math.min(5, Math.max(...sizes) - shot);
  const usable = sizes.flatMap((size, c) => (size >= shot + query ? [c] : [])).slice(0, mostClasses);
  const way = Math.min(shots.length, usable.length);
  if (query < 1 || way < 2) return { why: `the validation classes of \`${dataset.name}\` have too few images` };
  const task = { way, shot, query };
  const taken = usable.map((c) => ({
    first: val.offsets[c] ?? 0,
    count: Math.min(sizes[c] ?? 0, shot + sparePerClass),
  }));
  const numbers = Int32Array.from(
    taken.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
  );
  const loader = await createLoader({
    pack,
    split: "val",
    transforms: dataset.eval,
    output: dataset.image,
    maxBatch: numbers.length,
    seed,
    purpose: "evaluate",
    threads: 1,
  });
  let pool: Pool;
  try {
    loader.request(0, numbers);
    const batch = await loader.next();
    const bytes = batch.images.length / numbers.length;
    const raw = Array.from(numbers, (_, i) => ({
      pixels: batch.images.slice(i * bytes, (i + 1) * bytes),
      content: "",
    }));
    batch.release();
    let end = 0;
    const ends = taken.map(({ count }) => (end += count));
    const split = { ...val, classes: usable.map((c) => val.classes[c] ?? ""), offsets: Int32Array.from([0, ...ends]) };
    pool = { images: await classifier.makeReady(raw), split };
  } finally {
    await loader.close();
  }
  const count = classifier.embedsOnce ? episodes.embedded : episodes.adapted;
  const scored = await scoreEpisodes(classifier, pool, { task, seed, count });
  const temperature = bestTemperature((t) =>
    scored.reduce((sum, { scores, right }) => {
      return sum - Math.log(Math.max(probabilitiesOf(metric.value, scores, t)[right] ?? 0, Number.MIN_VALUE));
    }, 0),
  );
  const confidences = scored.map(({ scores }) => Math.max(...probabilitiesOf(metric.value, scores, temperature)));
  return { temperature, task, episodes: count, confidences: confidences.sort((a, b) => a - b) };
}

/** Returns the probability below which an image counts as one of no class, so that this share of images of known classes is lost. */
export function unknownBelow({ confidences }: Calibration, share: number): number {
  return confidences[Math.floor(share * confidences.length)] ?? 0;
}

/** Returns the scores of all queries with the place of their own class. */
async function scoreEpisodes(
  classifier: OpenClassifier,
  { images, split }: Pool,
  { task, seed, count }: { readonly task: Task; readonly seed: number; readonly count: number },
): Promise<{ readonly scores: readonly number[]; readonly right: number }[]> {
  const at = (numbers: Int32Array): ReadyImage[] => [...numbers].flatMap((i) => images[i] ?? []);
  const scored: { scores: readonly number[]; right: number }[] = [];
  for (let e = 0; e < count; e++) {
    const { support, query } = sampleEpisode(seed, "calibrate", split, task, e);
    const supports = Array.from({ length: task.way }, (_, c) =>
      at(support.subarray(c * task.shot, (c + 1) * task.shot)),
    );
    const all = await classifier.score(supports, at(query));
    for (const [q, scores] of all.entries()) scored.push({ scores, right: Math.floor(q / task.query) });
  }
  return scored;
}

/** Returns the temperature with the least loss, by golden sections of its logarithm. The loss has one minimum (Guo et al. 2017). */
export function bestTemperature(loss: (temperature: number) => number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.01), Math.log(1000)];
  for (let step = 0; step < 40; step++) {
    const left = high - ratio * (high - low);
    const right = low + ratio * (high - low);
    if (loss(Math.exp(left)) <= loss(Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;
}
