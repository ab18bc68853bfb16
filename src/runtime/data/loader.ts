/** Loads batches of augmented images on other threads, ahead of their use. */
import { Worker } from "node:worker_threads";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { bytesOf } from "../../compiler/typed/image-bytes.js";
import type { Transform } from "../../compiler/typed/tree.js";
import { threadUrl } from "../system/thread-url.js";
import type { CreateLoader, LoadedBatch, Loader, LoaderOptions, Pack, PackVariant } from "./contract.js";
import type { LoaderJob, LoaderReply, LoaderThreadData } from "./loader-thread.js";
import { readIndex } from "./pack.js";
import { DamagedPackError } from "./pack-files.js";
import { remainingSteps } from "./transform-chain.js";

/** The number of batches that may be ready or in progress at the same time. */
const ringSlots = 3;

/**
 * Creates a loader for one split and one chain. Threads fill the slots of a shared ring, `next` returns them in the order of
 * the requests, and `release` frees them.
 *
 * @throws DiagnosticError FSL6008 if the pack does not have the split, FSL6030 if it has no prefix of this chain or if its
 * index is damaged. `next` throws FSL6030 if an image is damaged.
 */
export const createLoader: CreateLoader = async (options) => {
  const { pack, split, transforms, output } = options;
  const firstRow = pack.layout.firstRow[split];
  const rows = pack.splits[split]?.offsets.at(-1);
  if (firstRow === undefined || rows === undefined) {
    throw new DiagnosticError(diagnostic("FSL6008", undefined, { split, dataset: pack.dir }));
  }
  const { variant, steps } = chooseVariant(pack, transforms);
  const places = await sharedIndex(pack, variant, firstRow, rows);
  const imageBytes = bytesOf(output);
  const ring = new Uint8Array(new SharedArrayBuffer(ringSlots * options.maxBatch * imageBytes));
  const thread: LoaderThreadData = {
    file: variant.file,
    channels: pack.stored.channels,
    ...places,
    steps,
    seed: options.seed,
    purpose: options.purpose,
    ring,
    imageBytes,
  };
  return new ThreadedLoader(thread, options, imageBytes);
};

/** Returns the variant that leaves the fewest steps of the chain, and these steps. */
function chooseVariant(
  pack: Pack,
  transforms: readonly Transform[],
): { variant: PackVariant; steps: readonly Transform[] } {
  let best: { variant: PackVariant; steps: readonly Transform[] } | undefined;
  for (const variant of pack.layout.variants) {
    const steps = remainingSteps(transforms, variant.prefix);
    if (steps !== undefined && (best === undefined || steps.length < best.steps.length)) best = { variant, steps };
  }
  if (best === undefined) {
    throw new DamagedPackError(pack.dir, "it was made for other transforms");
  }
  return best;
}

/** Reads the offsets, checksums and sizes of the images of a split into memory that threads share. */
async function sharedIndex({ dir, layout }: Pack, variant: PackVariant, first: number, rows: number) {
  const shared = <T>(bytes: number, make: (buffer: SharedArrayBuffer) => T): T => make(new SharedArrayBuffer(bytes));
  const offsets = shared(8 * rows, (buffer) => new Float64Array(buffer));
  const checksums = shared(4 * rows, (buffer) => new Uint32Array(buffer));
  const heights = shared(2 * rows, (buffer) => new Uint16Array(buffer));
  const widths = shared(2 * rows, (buffer) => new Uint16Array(buffer));
  const placeOf = await readIndex(dir, variant, layout.rows);
  for (let i = 0; i < rows; i++) {
    const place = placeOf(first + i);
    offsets[i] = place.offset;
    checksums[i] = place.checksum;
    heights[i] = place.height;
    widths[i] = place.width;
  }
  return { offsets, checksums, heights, widths };
}

interface Batch {
  readonly id: number;
  readonly step: number;
  readonly images: Int32Array;
  /** For each image, the number of times that the step had it before. */
  readonly repeats: Int32Array;
  readonly ready: Promise<LoadedBatch>;
  readonly resolve: (batch: LoadedBatch) => void;
  readonly reject: (error: unknown) => void;
  slot: number;
  /** The number of parts that threads still work on. */
  parts: number;
}

class ThreadedLoader implements Loader {
  private readonly workers: readonly Worker[];
  private readonly freeSlots = Array.from({ length: ringSlots }, (_, i) => i);
  /** The batches that wait for a free slot. */
  private readonly queued: Batch[] = [];
  private readonly inFlight = new Map<number, Batch>();
  /** The batches that `next` has not returned yet. */
  private readonly pending: Batch[] = [];
  private readonly repeatCounter = new RepeatCounter();
  private count = 0;
  private failure: unknown;

  constructor(
    private readonly thread: LoaderThreadData,
    private readonly options: LoaderOptions,
    private readonly imageBytes: number,
  ) {
    const url = threadUrl(import.meta.url, "./loader-thread.js");
    this.workers = Array.from({ length: Math.max(1, options.threads) }, () => {
      const worker = new Worker(url, { workerData: this.thread });
      worker.on("message", (reply: LoaderReply) => this.onReply(reply));
      worker.on("error", (error: unknown) => {
        this.fail(threadError(error instanceof Error ? error.message : String(error), error));
      });
      return worker;
    });
  }

  request(step: number, images: Int32Array): void {
    if (images.length > this.options.maxBatch) {
      throw new RangeError(`a batch of ${images.length} images in a loader of at most ${this.options.maxBatch}`);
    }
    const rows = this.thread.offsets.length;
    for (const image of images) {
      if (image < 0 || image >= rows) throw new RangeError(`image ${image} of a split of ${rows}`);
    }
    const { promise, resolve, reject } = deferred();
    const id = this.count++;
    const repeats = this.repeatCounter.of(step, images);
    const batch: Batch = { id, step, images, repeats, ready: promise, resolve, reject, slot: -1, parts: 0 };
    this.pending.push(batch);
    if (this.failure !== undefined) reject(this.failure);
    else {
      this.queued.push(batch);
      this.dispatch();
    }
  }

  next(): Promise<LoadedBatch> {
    const batch = this.pending.shift();
    if (batch === undefined) throw new Error("no batch was requested");
    return batch.ready;
  }

  async close(): Promise<void> {
    this.fail(new Error("the loader was closed"));
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Gives queued batches to the threads in equal parts while slots are free. */
  private dispatch(): void {
    for (;;) {
      const batch = this.queued[0];
      const slot = this.freeSlots[0];
      if (batch === undefined || slot === undefined) return;
      this.queued.shift();
      this.freeSlots.shift();
      batch.slot = slot;
      this.inFlight.set(batch.id, batch);
      const { images } = batch;
      const share = Math.ceil(images.length / this.workers.length);
      for (const [w, worker] of this.workers.entries()) {
        const start = w * share;
        if (start >= images.length) break;
        batch.parts++;
        const job: LoaderJob = {
          batch: batch.id,
          step: batch.step,
          images: images.slice(start, start + share),
          repeats: batch.repeats.slice(start, start + share),
          offset: (slot * this.options.maxBatch + start) * this.imageBytes,
        };
        worker.postMessage(job);
      }
      if (batch.parts === 0) this.complete(batch);
    }
  }

  private onReply({ batch: id, error, damaged }: LoaderReply): void {
    const batch = this.inFlight.get(id);
    if (batch === undefined) return;
    if (damaged !== undefined) {
      const { pack, split } = this.options;
      const name = pack.splits[split]?.sourceOf(damaged) ?? `image ${damaged}`;
      this.fail(new DamagedPackError(pack.dir, `the pixels of ${name} have changed`));
      return;
    }
    if (error !== undefined) {
      this.fail(threadError(error, undefined));
      return;
    }
    batch.parts--;
    if (batch.parts === 0) this.complete(batch);
  }

  private complete(batch: Batch): void {
    this.inFlight.delete(batch.id);
    const start = batch.slot * this.options.maxBatch * this.imageBytes;
    let released = false;
    batch.resolve({
      step: batch.step,
      images: this.thread.ring.subarray(start, start + batch.images.length * this.imageBytes),
      release: () => {
        if (released) return;
        released = true;
        this.freeSlots.push(batch.slot);
        this.dispatch();
      },
    });
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const batch of [...this.inFlight.values(), ...this.queued]) batch.reject(this.failure);
    this.inFlight.clear();
    this.queued.length = 0;
  }
}

/** Counts how often a step has had each image. */
class RepeatCounter {
  private step = -1;
  private readonly seen = new Map<number, number>();

  of(step: number, images: Int32Array): Int32Array {
    if (step !== this.step) this.seen.clear();
    this.step = step;
    return images.map((image) => {
      const turn = this.seen.get(image) ?? 0;
      this.seen.set(image, turn + 1);
      return turn;
    });
  }
}

function threadError(reason: string, cause: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL6032", undefined, { reason }), { cause });
}

/** Creates a promise with its functions. It may be rejected before anything waits for it. */
function deferred() {
  let resolve: (batch: LoadedBatch) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<LoadedBatch>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
