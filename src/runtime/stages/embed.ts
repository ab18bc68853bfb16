/** Embeds images of one split, each once, in chunks of a fixed size. */

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

export interface EmbedRequest {
  readonly dataset: Dataset;
  readonly pack: Pack;
  readonly split: SplitName;
  /** Which images, each once. */
  readonly images: Int32Array;
  /** `lowerEmbed`'s program for `imagesPerRun` images, compiled. */
  readonly program: Program;
  readonly executable: Executable;
  /** Its weights that are not baked in. */
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  /** Files of rows that do not fit into memory start with this path. */
  readonly spill: string;
  /** Whether its progress is told. */
  readonly announce: boolean;
}

/** Rows by network output. The caller closes them. */
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
    const ahead = 3;
    let asked = 0;
    for (let chunk = 0; chunk < count; chunk++) {
      for (; asked < Math.min(count, chunk + ahead); asked++) {
        loader.request(asked, images.slice(asked * imagesPerRun, (asked + 1) * imagesPerRun));
      }
      const batch = await loader.next();
      pixels.set(batch.images); // The rest of a short last chunk keeps what was there: its rows are dropped.
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
      if (request.announce) {
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
