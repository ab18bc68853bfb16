/**
 * Shares embeddings between the evaluations of a run. Evaluations of one encoder on the same images of a split need the same
 * embeddings, and each runs in a process of its own, so the first one keeps them in a file that the run removes at its end.
 */
import { join } from "node:path";
import type { Network, SplitRef } from "../../compiler/typed/tree.js";
import type { PackedSplit } from "../data/contract.js";
import { splitDigest } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import { readCheckedTensors, writeCheckedTensors } from "../store/checked-tensors.js";
import { numericsId, numericsRecord } from "../store/numerics.js";
import { encodeSafetensors } from "../store/safetensors.js";
import { reason } from "../system/reason.js";
import { SafetensorsError } from "../system/safetensors-header.js";
import { sha256 } from "../system/sha256.js";
import { chunks } from "./chunks.js";
import type { StageContext } from "./context.js";
import { packedSplit } from "./datasets.js";
import { Rows, rowsTensor } from "./rows.js";
import { Embedder, type ImageSource } from "./scorer.js";

/** The most bytes of embeddings that are shared. Larger ones are computed anew, which costs less than their space. */
const mostBytes = 256 * 2 ** 20;

/** Everything that decides embeddings. */
export interface EmbeddingsRequest {
  readonly encoder: Network;
  readonly weights: HostTensors;
  readonly outputs: readonly string[];
  readonly source: ImageSource;
  /** The images to embed, each once. */
  readonly images: Int32Array;
  /** The images whose rows are needed; without it all. */
  readonly only?: ReadonlySet<number>;
}

/** Returns the rows by network output, from an earlier evaluation of the run if one had the same request. The caller closes them. */
export async function embedShared(
  request: EmbeddingsRequest,
  context: StageContext,
): Promise<ReadonlyMap<string, Rows>> {
  const key = keyOf(request, context);
  if (!isReadAgain(request, context)) return embedNow(request, key, context);
  const file = join(context.job.scratch, `${key}.safetensors`);
  const note = (message: string): void => context.emit({ type: "stage.note", message });
  const kept = readCheckedTensors(file);
  if (kept instanceof SafetensorsError) note(`the embeddings in ${file} are damaged and are computed again`);
  else if (kept !== undefined) return rowsOf(kept, request, context);
  const rows = await embedNow(request, key, context);
  const tensors = request.only === undefined ? tensorsOf(rows, request.images) : undefined;
  if (tensors !== undefined) {
    // They only save time, so a full disk does not fail the evaluation.
    await writeCheckedTensors(file, tensors).catch((error: unknown) =>
      note(`the embeddings cannot be kept for other evaluations: ${reason(error)}`),
    );
  }
  return rows;
}

/** Embeds every image that is needed once. */
async function embedNow(
  { encoder, weights, outputs, source, images, only }: EmbeddingsRequest,
  key: string,
  context: StageContext,
): Promise<ReadonlyMap<string, Rows>> {
  const embedder = await Embedder.create({ encoder, outputs, source, constants: weights }, context);
  try {
    context.progress.endPreparation();
    return await embedder.run(images, {
      showProgress: true,
      // A classifier that stays loaded belongs to no run, and nothing of it is kept.
      ...(context.job.resident === undefined ? { keep: `embed-${key.slice(0, 16)}` } : {}),
      ...(only === undefined ? {} : { only }),
    });
  } finally {
    await embedder.dispose();
  }
}

/**
 * Returns whether another evaluation of the run reads the split, so that keeping its embeddings may be of use. If several variants of the
 * experiment run together, the same evaluation of another variant may do so.
 */
function isReadAgain({ source }: EmbeddingsRequest, { job }: StageContext): boolean {
  const reads = (ref: SplitRef | undefined): boolean =>
    ref?.dataset === source.dataset.id && ref.split === source.split;
  if (job.node !== job.target) return true;
  return job.experiment.stages.some(
    (stage) =>
      stage.kind === "evaluate" &&
      stage.id !== job.target &&
      (reads(stage.fitFrom) || stage.rows.some(({ split }) => reads(split))),
  );
}

/** The key contains the list of images, because the rounding of an embedding may depend on its place in a run of the program. */
function keyOf({ encoder, weights, outputs, source, images }: EmbeddingsRequest, { engine }: StageContext): string {
  const split: PackedSplit = packedSplit(source.pack, source.split);
  const content = [
    encoder.layers,
    sha256(encodeSafetensors(weights)),
    outputs,
    splitDigest(split, source.dataset),
    source.split,
    source.dataset.eval,
    numericsId(numericsRecord(engine.numerics, chunks)),
    [...images],
  ];
  return sha256(JSON.stringify(content, (name, part: unknown) => (name === "span" ? undefined : part)));
}

/** Returns the rows as tensors [image, number], or undefined if they are too large to be kept. */
function tensorsOf(rows: ReadonlyMap<string, Rows>, images: Int32Array): HostTensors | undefined {
  const widths = [...rows.values()].reduce((sum, { width }) => sum + width, 0);
  if (4 * images.length * widths > mostBytes) return undefined;
  return Object.fromEntries([...rows].map(([name, kept]) => [name, rowsTensor(kept, images)]));
}

function rowsOf(tensors: HostTensors, { images }: EmbeddingsRequest, { job }: StageContext): ReadonlyMap<string, Rows> {
  return new Map(
    Object.entries(tensors).map(([name, { shape, data }]) => {
      const rows = new Rows(images, shape[1] ?? 0, `${job.runDir}/embeddings-${process.pid}-${name}`);
      rows.write(0, data as Float32Array);
      return [name, rows];
    }),
  );
}
