/** Trainings whose steps are of several kinds: other tasks, or other data sets. Each step is of one kind, drawn at random. */
import type { LoadedBatch, Loader } from "../data/contract.js";
import { kindOfStep } from "../data/sampler.js";
import type { Batches } from "./batches.js";

/** Returns the batches of all steps, from those of each kind. Each kind is equally likely at each step. */
export function batchesOfKinds(kinds: readonly Batches[], seed: number): Batches {
  const [first] = kinds;
  if (first === undefined) throw new Error("a training has at least one kind of steps");
  if (kinds.length === 1) return first;
  const kindOf = (step: number): number => kindOfStep(seed, step, kinds.length);
  const at = (step: number): Batches => kinds[kindOf(step)] ?? first;
  return {
    unit: first.unit,
    kindOf,
    images: (step) => at(step).images(step),
    fill: (feeds, images, step) => at(step).fill(feeds, images, step),
  };
}

/** Loads the images of each step from the loader of its kind, in the order of the requests. */
export class KindLoader implements Loader {
  private readonly asked: Loader[] = [];

  constructor(
    /** The loaders by kind. Kinds of one split share theirs. */
    private readonly loaders: readonly Loader[],
    private readonly kindOf: (step: number) => number,
  ) {}

  request(step: number, images: Int32Array): void {
    const loader = this.loaders[this.kindOf(step)];
    if (loader === undefined) throw new Error(`no loader has the images of step ${step}`);
    this.asked.push(loader);
    loader.request(step, images);
  }

  next(): Promise<LoadedBatch> {
    const loader = this.asked.shift();
    if (loader === undefined) throw new Error("no batch was asked for");
    return loader.next();
  }

  async close(): Promise<void> {
    for (const loader of new Set(this.loaders)) await loader.close();
  }
}
