/** Embeds images of one split, each once, in runs of a fixed size. */

import type { Program } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Executable, Handle, HostTensor, HostTensors } from "../engines/engine.js";
import type { Part, Range } from "../store/parts.js";
import { imagesPerRun } from "./chunks.js";
import { type StageContext, StoppedError, timed } from "./context.js";
import { allocateFeeds, imageBytes } from "./feeds.js";
import { PartKeeper } from "./part-keeper.js";
import { Rows, rowsTensor } from "./rows.js";

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
  /** The images whose rows are needed; without it all. The runs are the same, so the bits of a row do not depend on it. */
  readonly only?: ReadonlySet<number>;
  /** The name under which finished rows are kept on disk, and taken from there. */
  readonly keep?: string;
}

/** The most bytes of rows that are kept on disk. Larger ones take more time to keep than they save. */
const mostKeptBytes = 256 * 2 ** 20;

/** Embeds the images and returns their rows by network output. The caller closes the rows. */
export async function embed(request: EmbedRequest, context: StageContext): Promise<ReadonlyMap<string, Rows>> {
  const { dataset, pack, split, images, program, executable, weights } = request;
  const rows = new Map(
    program.outputs.map(({ name, node }) => [
      name,
      new Rows(images, elementCount(node.shape.slice(1)), `${request.spill}-${name}`),
    ]),
  );
  const keeper = keeperOf(request, rows, context);
  const runs = runsToMake(request, keeper);
  const feeds = allocateFeeds(program);
  const pixels = imageBytes(feeds, "images");
  const options = {
    pack,
    split,
    transforms: dataset.eval,
    output: dataset.image,
    maxBatch: imagesPerRun,
    seed: context.job.seed,
    purpose: "evaluate",
    threads: context.job.threads.loaders,
  } as const;
  const loader = await timed(context, "start loaders", () => createLoader(options));
  try {
    let requested = 0;
    for (const [i, start] of runs.entries()) {
      for (; requested < Math.min(runs.length, i + chunksAhead); requested++) {
        const from = runs[requested] ?? 0;
        loader.request(requested, images.slice(from, from + imagesPerRun));
      }
      const batch = await timed(context, "wait for images", () => loader.next());
      pixels.set(batch.images); // A short last chunk leaves older images at the end. Their rows are dropped.
      batch.release();
      const { host } = await executable.run({ ...weights, ...feeds });
      const filled = Math.min(imagesPerRun, images.length - start);
      for (const [name, kept] of rows) {
        const data = host[name]?.data;
        if (!(data instanceof Float32Array)) throw new Error(`the embedding gave no ${name}`);
        kept.write(start, data.subarray(0, filled * kept.width));
      }
      await keeper?.add({ from: start, to: start + filled });
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
    if (error instanceof StoppedError) await keeper?.flush();
    for (const kept of rows.values()) kept.close();
    throw error;
  } finally {
    await timed(context, "stop loaders", () => loader.close());
  }
}

/** Returns the place of the first image of each run that is needed and not on disk. */
function runsToMake({ images, only }: EmbedRequest, keeper: PartKeeper | undefined): number[] {
  const starts = Array.from({ length: Math.ceil(images.length / imagesPerRun) }, (_, run) => run * imagesPerRun);
  return starts.filter((from) => {
    const to = Math.min(images.length, from + imagesPerRun);
    const isNeeded = only === undefined || images.subarray(from, to).some((image) => only.has(image));
    return isNeeded && keeper?.has({ from, to }) !== true;
  });
}

/** Returns what keeps the rows on disk, or undefined if they are not to be kept. Rows that are there are taken. */
function keeperOf(
  { images, keep }: EmbedRequest,
  rows: ReadonlyMap<string, Rows>,
  context: StageContext,
): PartKeeper | undefined {
  const width = [...rows.values()].reduce((sum, one) => sum + one.width, 0);
  if (keep === undefined || 4 * width * images.length > mostKeptBytes) return undefined;
  const kept = {
    name: keep,
    unit: "images" as const,
    total: images.length,
    values: ({ from, to }: Range): HostTensors =>
      Object.fromEntries([...rows].map(([name, one]) => [name, rowsTensor(one, images.subarray(from, to))])),
    take: ({ from, tensors }: Part) => {
      for (const [name, one] of rows) one.write(from, tensors[name]?.data as Float32Array);
    },
  };
  return new PartKeeper(kept, context);
}
