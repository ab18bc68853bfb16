/** Decodes many images on threads, in order, with a bounded number of images in progress. */
import { Worker } from "node:worker_threads";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { threadUrl } from "../system/thread-url.js";
import type { PackStep } from "./augment.js";
import type { DecodeItem, DecodeReply, DecodeRequest, DecodeResult } from "./decode-thread.js";
import type { ImageReader } from "./image-reader.js";
import type { ImageRef } from "./sources/source.js";

/** An image to decode once, and the quarter turns in which it is needed. */
export interface DecodeJob {
  readonly ref: ImageRef;
  readonly quarterTurns: readonly (0 | 1 | 2 | 3)[];
}

/** The settings that every image is decoded with: the number of channels, and the prefixes of transforms to apply. */
type DecodeRecipe = Pick<DecodeRequest, "channels" | "prefixes">;

const imagesPerChunk = 16;
/** The number of chunks in progress per thread, so that no thread waits for the disk. */
const chunksPerThread = 3;

/**
 * Yields the results of all jobs in their order.
 *
 * @throws DiagnosticError FSL6032 if a thread ends.
 */
export async function* decodeAll(
  jobs: readonly DecodeJob[],
  reader: ImageReader,
  recipe: { readonly channels: number; readonly prefixes: readonly (readonly PackStep[])[] },
  threads: number,
  signal: AbortSignal,
): AsyncGenerator<DecodeResult> {
  const pool = new DecodePool(threads, recipe);
  const inProgress: Promise<readonly DecodeResult[]>[] = [];
  let first = 0;
  try {
    while (first < jobs.length || inProgress.length > 0) {
      signal.throwIfAborted();
      while (first < jobs.length && inProgress.length < chunksPerThread * pool.size) {
        const chunk = readAndDecode(pool, jobs.slice(first, first + imagesPerChunk), reader);
        // The chunk is awaited in order below. A failure before its turn must not count as unhandled.
        chunk.catch(() => undefined);
        inProgress.push(chunk);
        first += imagesPerChunk;
      }
      yield* await (inProgress.shift() as Promise<readonly DecodeResult[]>);
    }
  } finally {
    await pool.close();
  }
}

/** Reads the images of a chunk and decodes them on a thread. The results are in the order of the jobs. */
async function readAndDecode(
  pool: DecodePool,
  chunk: readonly DecodeJob[],
  reader: ImageReader,
): Promise<readonly DecodeResult[]> {
  const read = await Promise.all(
    chunk.map(({ ref }) =>
      reader.read(ref).then(
        (bytes) => ({ bytes }),
        (error: unknown) => ({ reason: messageOf(error) }),
      ),
    ),
  );
  const items = read.flatMap((got, i) => {
    const job = chunk[i];
    if (!("bytes" in got) || job === undefined) return [];
    const { raw, box } = job.ref;
    return [{ bytes: got.bytes, raw, box, quarterTurns: job.quarterTurns }];
  });
  const results = await pool.decode(items);
  let next = 0;
  return read.map((got): DecodeResult => {
    if (!("bytes" in got)) return { kind: "unreadable", reason: got.reason };
    return results[next++] ?? { kind: "unreadable", reason: "it was not decoded" };
  });
}

interface Waiting {
  readonly resolve: (results: readonly DecodeResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that decode chunks of images. If one thread ends, every chunk fails. */
export class DecodePool {
  readonly size: number;
  private readonly workers: readonly Worker[];
  private readonly waiting = new Map<number, Waiting>();
  private chunks = 0;
  private failure: DiagnosticError | undefined;

  constructor(
    threads: number,
    private readonly recipe: DecodeRecipe,
  ) {
    this.size = Math.max(1, threads);
    const url = threadUrl(import.meta.url, "./decode-thread.js");
    const workerData = { pixels: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) };
    this.workers = Array.from({ length: this.size }, () => {
      const worker = new Worker(url, { workerData });
      worker.on("message", ({ id, results }: DecodeReply) => {
        this.waiting.get(id)?.resolve(results);
        this.waiting.delete(id);
      });
      worker.on("error", (error: unknown) => this.fail(error));
      return worker;
    });
  }

  /** Decodes images on one of the threads. The results are in their order. @throws DiagnosticError FSL6032 if a thread has ended. */
  decode(items: readonly DecodeItem[]): Promise<readonly DecodeResult[]> {
    return this.send({ id: this.chunks++, ...this.recipe, items });
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private send(request: DecodeRequest): Promise<readonly DecodeResult[]> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) reject(this.failure); // A thread that has ended does not reply.
      this.waiting.set(request.id, { resolve, reject });
      this.workers[request.id % this.workers.length]?.postMessage(request);
    });
  }

  private fail(error: unknown): void {
    this.failure ??= new DiagnosticError(diagnostic("FSL6032", undefined, { reason: messageOf(error) }), {
      cause: error,
    });
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
