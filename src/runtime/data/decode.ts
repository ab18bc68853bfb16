/** Decoding many images on threads, in order, with a bounded number under way. */
import { Worker } from "node:worker_threads";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { threadUrl } from "../system/thread-url.js";
import type { PackStep } from "./augment.js";
import type { DecodeReply, DecodeRequest, DecodeResult } from "./decode-thread.js";
import type { ImageReader } from "./image-reader.js";
import type { ImageRef } from "./sources/source.js";

/** An image to decode once, and the turns in which it is wanted. */
export interface DecodeJob {
  readonly ref: ImageRef;
  readonly quarterTurns: readonly (0 | 1 | 2 | 3)[];
}

const imagesPerChunk = 16;

interface Waiting {
  readonly resolve: (results: readonly DecodeResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Results of all jobs, in their order. @throws DiagnosticError FSL6032 where a thread ends. */
export async function* decodeAll(
  jobs: readonly DecodeJob[],
  reader: ImageReader,
  recipe: { readonly channels: number; readonly prefixes: readonly (readonly PackStep[])[] },
  threads: number,
  signal: AbortSignal,
): AsyncGenerator<DecodeResult> {
  const url = threadUrl(import.meta.url, "./decode-thread.js");
  const waiting = new Map<number, Waiting>();
  let failure: DiagnosticError | undefined;
  const workers = Array.from({ length: Math.max(1, threads) }, () => {
    const worker = new Worker(url);
    worker.on("message", ({ id, results }: DecodeReply) => {
      waiting.get(id)?.resolve(results);
      waiting.delete(id);
    });
    worker.on("error", (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      failure ??= new DiagnosticError(diagnostic("FSL6032", undefined, { reason }), { cause: error });
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
    });
    return worker;
  });
  const start = async (first: number): Promise<readonly DecodeResult[]> => {
    const chunk = jobs.slice(first, first + imagesPerChunk);
    const read = await Promise.all(
      chunk.map(({ ref }) =>
        reader.read(ref).then(
          (bytes) => ({ bytes }),
          (error: unknown) => ({ reason: error instanceof Error ? error.message : String(error) }),
        ),
      ),
    );
    const items = read.flatMap((got, i) =>
      "bytes" in got ? [{ bytes: got.bytes, raw: chunk[i]?.ref.raw, quarterTurns: chunk[i]?.quarterTurns ?? [] }] : [],
    );
    const id = first / imagesPerChunk;
    const request: DecodeRequest = { id, ...recipe, items };
    const results = await new Promise<readonly DecodeResult[]>((resolve, reject) => {
      if (failure !== undefined) reject(failure); // A thread that has ended answers nothing.
      waiting.set(id, { resolve, reject });
      workers[id % workers.length]?.postMessage(request);
    });
    let next = 0;
    return read.map((got): DecodeResult => {
      if (!("bytes" in got)) return { kind: "unreadable", reason: got.reason };
      return results[next++] ?? { kind: "unreadable", reason: "it was not decoded" };
    });
  };
  const underway: Promise<readonly DecodeResult[]>[] = [];
  let first = 0;
  try {
    while (first < jobs.length || underway.length > 0) {
      signal.throwIfAborted();
      while (first < jobs.length && underway.length < 3 * workers.length) {
        const chunk = start(first);
        // Awaited in order below; a failure before its turn must not count as unhandled.
        chunk.catch(() => undefined);
        underway.push(chunk);
        first += imagesPerChunk;
      }
      const results = await (underway.shift() as Promise<readonly DecodeResult[]>);
      yield* results;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
