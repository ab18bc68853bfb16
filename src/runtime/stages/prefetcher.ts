/** Loads the images of the next steps of a training while a step runs. */
import type { LoadedBatch, Loader } from "../data/contract.js";
import type { Batches } from "./batches.js";

/** The number of steps that are loaded while one runs. */
const stepsAhead = 3;

/** Requests the images of the next steps while a step runs. */
export class Prefetcher {
  private readonly requested: Int32Array[] = [];
  private next: number;
  private readonly steps: number;

  /** `from` is the first step that is asked for, `steps` the last. */
  constructor(
    private readonly batches: Pick<Batches, "images">,
    private readonly loader: Loader,
    { from, steps }: { readonly from: number; readonly steps: number },
  ) {
    this.next = from;
    this.steps = steps;
  }

  /** Returns the loaded batch of a step and its images. It must be called for every step from the first, in order. */
  async load(step: number): Promise<{ readonly batch: LoadedBatch; readonly images: Int32Array }> {
    for (; this.next <= Math.min(this.steps, step + stepsAhead); this.next++) {
      const images = this.batches.images(this.next);
      this.requested.push(images);
      this.loader.request(this.next, images);
    }
    const batch = await this.loader.next();
    const images = this.requested.shift();
    if (images === undefined) throw new Error(`no images were requested for step ${step}`);
    return { batch, images };
  }
}
