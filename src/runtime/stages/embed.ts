/** Embeds images of one split, each once, in runs of a fixed size. */

import type { Program } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Executable, Handle, HostTensor } from "../engines/engine.js";
import { imagesPerRun } from "./chunks.js";
import type { StageContext } from "./context.js";
import { allocateFeeds, feedData } from "./feeds.js";
import { Rows } from "./rows.js";

/** The number of chunks that are loaded while one is embedded. */
const chunksAhead = 3;

export interface EmbedRequest {
  readonly dataset: Dataset;
  readonly pack: Pack;
  readonly split: SplitName;
  /** The images to embed, each once. */
  readonly images: Int32Array;
  /** The program of `lowerEmbed` for `imagesPerRun` images. */
  readonly program: Program;
  readonly executable: Executable;
  /** The weights that are not constants of the program. */
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  /** The path with which the files of rows begin, if the rows do not fit into memory. */
  readonly spill: string;
  readonly showProgress: boolean;
}

/** Embeds the images and returns their rows by network output. The caller closes the rows. */
export async function embed(request: EmbedRequest, context: StageContext): Promise<ReadonlyMap<string, Rows>> {
  const { dataset, pack, split, images, program, executable, weights } = request;
  const rows = new Map(
    program.outputs.map(({ name, node }) => [
      name,
      new Rows(images, elementCount(node.shape.slice(1)), `${request.spill}-${name}`),
    ]),
  );
  const feeds = allocateFeeds(program);
  const pixels = feedData(feeds, "images", Uint8Array);
  const loader = await createLoader({
    pack,
    split,
    transforms: dataset.eval,
    output: dataset.image,
    maxBatch: imagesPerRun,
    seed: context.job.seed,
    purpose: "evaluate",
    threads: context.job.threads.loaders,
  });
  try {
    const count = Math.ceil(images.length / imagesPerRun);
    let requested = 0;
    for (let chunk = 0; chunk < count; chunk++) {
      for (; requested < Math.min(count, chunk + chunksAhead); requested++) {
        loader.request(requested, images.slice(requested * imagesPerRun, (requested + 1) * imagesPerRun));
      }
      const batch = await loader.next();
      pixels.set(batch.images); // A short last chunk leaves older images at the end. Their rows are dropped.
      batch.release();
      const { host } = await executable.run({ ...weights, ...feeds });
      const start = chunk * imagesPerRun;
      const filled = Math.min(imagesPerRun, images.length - start);
      for (const [name, kept] of rows) {
        const data = host[name]?.data;
        if (!(data instanceof Float32Array)) throw new Error(`the embedding gave no ${name}`);
        kept.write(start, data.subarray(0, filled * kept.width));
      }
      context.progress.step();
      if (request.showProgress) {
        context.emit({
          type: "stage.progress",
          phase: "embed",
          done: start + filled,
          total: images.length,
          unit: "images",
        });
      }
    }
    return rows;
  } catch (error) {
    for (const kept of rows.values()) kept.close();
    throw error;
  } finally {
    await loader.close();
  }
}
