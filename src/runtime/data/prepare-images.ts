/** Prepares images that no dataset has, in the way in which a dataset prepares its own images for an evaluation. */
import type { Dataset } from "../../compiler/typed/tree.js";
import { reason } from "../system/reason.js";
import { DecodePool } from "./decode.js";
import type { DecodeResult } from "./decode-thread.js";
import { ImageReader } from "./image-reader.js";
import { recipeOf } from "./ingest.js";
import type { ImageRef } from "./sources/source.js";
import { describeSteps } from "./transform-chain.js";

/** An image that is ready for the encoder, or the reason why it is not. */
export type PreparedImage =
  | {
      /** The bytes [channels, height, width] after the `eval` chain, before `normalize`. */
      readonly pixels: Uint8Array;
      /** A digest of the encoded image. */
      readonly content: string;
    }
  | { readonly why: string };

/** The images that one thread decodes at a time. */
const imagesPerChunk = 16;

/** Decodes images and applies the `eval` chain of a dataset to them. It keeps its threads until it is closed. */
export class ImagePreparer {
  private readonly reader = new ImageReader();

  private constructor(
    private readonly dataset: Dataset,
    private readonly pool: DecodePool,
  ) {}

  static async open(dataset: Dataset, threads: number): Promise<ImagePreparer> {
    // The main thread must load the library of sharp before a worker does, and only commands that decode images need it.
    const { default: sharp } = await import("sharp");
    sharp.concurrency(1);
    const { channels, prefixes } = recipeOf({ ...dataset, train: dataset.eval });
    return new ImagePreparer(dataset, new DecodePool(threads, { channels, prefixes: prefixes.slice(0, 1) }));
  }

  /** Prepares images of files, in their order. */
  async prepareFiles(refs: readonly ImageRef[]): Promise<PreparedImage[]> {
    return await this.inChunks(refs, (chunk) =>
      Promise.all(chunk.map((ref) => this.reader.read(ref).catch((error: unknown) => ({ why: reason(error) })))),
    );
  }

  /** Prepares encoded images, in their order. */
  async prepareBytes(images: readonly Uint8Array[]): Promise<PreparedImage[]> {
    return await this.inChunks(images, (chunk) => Promise.resolve(chunk));
  }

  async close(): Promise<void> {
    await this.reader.close();
    await this.pool.close();
  }

  /** Prepares as many chunks at the same time as there are threads, so that files are read while others are decoded. */
  private async inChunks<T>(
    items: readonly T[],
    read: (chunk: readonly T[]) => Promise<readonly (Uint8Array | { readonly why: string })[]>,
  ): Promise<PreparedImage[]> {
    const prepared: PreparedImage[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < items.length) {
        const start = next;
        next += imagesPerChunk;
        const got = await read(items.slice(start, start + imagesPerChunk));
        const decoded = await this.pool.decode(
          got.flatMap((one) =>
            one instanceof Uint8Array
              ? [{ bytes: one, raw: undefined, box: undefined, quarterTurns: [0] as const }]
              : [],
          ),
        );
        let place = 0;
        for (const [i, one] of got.entries())
          prepared[start + i] = one instanceof Uint8Array ? this.finish(decoded[place++]) : one;
      }
    };
    await Promise.all(Array.from({ length: this.pool.size + 1 }, work));
    return prepared;
  }

  private finish(result: DecodeResult | undefined): PreparedImage {
    const { image: want, eval: chain } = this.dataset;
    switch (result?.kind) {
      case "images": {
        const got = result.images[0]?.[0];
        if (got === undefined) break;
        if (got.height === want.height && got.width === want.width)
          return { pixels: got.data, content: result.content };
        const size = `${got.height} × ${got.width} pixels after ${describeSteps(chain)}`;
        return { why: `it has ${size}, and the encoder takes ${want.height} × ${want.width}` };
      }
      case "small":
        return {
          why: `it has ${result.height} × ${result.width} pixels, too few for ${result.transform}(${result.size})`,
        };
      case "unreadable":
        return { why: result.reason };
    }
    return { why: "it was not decoded" };
  }
}
