/**
 * Computes what a metric fits from base data (docs/language.md, "Metrics"). The encoder of the
 * stage embeds every image of the split, and the fits are computed over all of them at once. The values are kept in the
 * project, so stages with the same encoder compute them once.
 */
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { embeddedFeed, fitLabels, lowerFits, type SegmentedProgram } from "../../compiler/lower/index.js";
import {
  expressionVersions,
  layerVersions,
  minimizerVersions,
  transformVersions,
} from "../../compiler/stages/versions.js";
import type { Metric, Network, SplitRef } from "../../compiler/typed/tree.js";
import { splitDigest } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import { readCheckedTensors, writeCheckedTensors } from "../store/checked-tensors.js";
import { numericsId, numericsRecord } from "../store/numerics.js";
import { encodeSafetensors } from "../store/safetensors.js";
import { projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";
import { SafetensorsError } from "../system/safetensors-header.js";
import { sha256 } from "../system/sha256.js";
import { chunks } from "./chunks.js";
import { roundProgress, type StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { fillClasses, loadDescribed } from "./described.js";
import { allocateFeeds, feedData } from "./feeds.js";
import type { ImageSource } from "./scorer.js";
import { SegmentedExecutable } from "./segmented.js";
import { embedShared } from "./shared-embeddings.js";

/** The most bytes of embeddings that a fit takes at once. */
const maxBytes = 2 ** 30;

export interface FitRequest {
  readonly metric: Metric;
  readonly fitFrom: SplitRef | undefined;
  readonly encoder: Network;
  /** The weights of the encoder by path (`encoder.…`). */
  readonly weights: HostTensors;
}

/**
 * Returns the fitted values by the name of the input that takes them (`fit:<name>`), stored or computed now.
 *
 * @throws DiagnosticError FSL7053 if the split has changed since the check or is too large, FSL7031 if the values cannot be written.
 */
export async function computeFits(
  { metric, fitFrom, encoder, weights }: FitRequest,
  context: StageContext,
): Promise<HostTensors> {
  if (fitFrom === undefined || metric.fits.length === 0) return {};
  const { job, engine } = context;
  const source = { ...datasetOf(context, fitFrom.dataset), split: fitFrom.split };
  const program = lowerFits(metric, encoder);
  const images = imagesOf(source, program, fitFrom, job.node);
  const key = sha256(
    withoutSpans([
      metric.fits,
      encoder.layers,
      sha256(encodeSafetensors(weights)),
      splitDigest(packedSplit(source.pack, source.split), source.dataset),
      source.split,
      source.dataset.eval,
      numericsId(numericsRecord(engine.numerics, chunks)),
      [layerVersions, expressionVersions, minimizerVersions, transformVersions],
    ]),
  );
  const file = join(projectPaths.fits(job.project), `${key}.safetensors`);
  const known = readCheckedTensors(file);
  if (known instanceof SafetensorsError) {
    const message = `the stored fit in ${file} is damaged: ${known.message}. It is computed again`;
    context.emit({ type: "stage.note", message });
  } else if (known !== undefined) return known;
  const values = await fitOverRows(program, source, images, { metric, encoder, weights }, context);
  await writeFits(file, values);
  return values;
}

async function writeFits(file: string, values: HostTensors): Promise<void> {
  try {
    await writeCheckedTensors(file, values);
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: file, why: reason(error) }), { cause: error });
  }
}

/** Returns every image of the split. @throws DiagnosticError FSL7053 if the program expects another number, or they need too much memory. */
function imagesOf({ pack, split }: ImageSource, program: SegmentedProgram, ref: SplitRef, stage: string): Int32Array {
  const count = packedSplit(pack, split).offsets.at(-1) ?? 0;
  let bytes = 0;
  for (const { name, node, role } of program.inputs) {
    if (role !== "feed" || !(name === fitLabels || name.startsWith(embeddedFeed("")))) continue;
    bytes += 4 * node.shape.reduce((product, size) => product * size, 1);
    const [lowered = 0] = node.shape;
    if (lowered !== count) {
      const why = `the split has ${count} readable images, and ${lowered} were counted when the file was checked`;
      throw new DiagnosticError(diagnostic("FSL7053", ref.span, { stage, why }));
    }
  }
  if (bytes > maxBytes) {
    const why = `the embeddings of the split's ${count} images take ${(bytes / 2 ** 30).toFixed(1)} GiB, more than the 1 GiB that are fitted over at once`;
    throw new DiagnosticError(diagnostic("FSL7053", ref.span, { stage, why }));
  }
  return Int32Array.from({ length: count }, (_, image) => image);
}

async function fitOverRows(
  program: SegmentedProgram,
  source: ImageSource,
  images: Int32Array,
  { metric, encoder, weights }: Omit<FitRequest, "fitFrom">,
  context: StageContext,
): Promise<HostTensors> {
  const inputs = metric.fits.flatMap((fit) => fit.inputs);
  const feeds = allocateFeeds(program);
  const split = packedSplit(source.pack, source.split);
  fillClasses(feeds, await loadDescribed(inputs, { ...source, split }, context));
  if (fitLabels in feeds) fillLabels(feedData(feeds, fitLabels, Int32Array), split.offsets);
  const outputs = inputs.flatMap(({ form, description }) =>
    description === undefined && form !== "class" && embeddedFeed(form) in feeds ? [form] : [],
  );
  const rows = await embedShared({ encoder, weights, outputs, source, images }, context);
  try {
    for (const output of outputs)
      rows.get(output)?.gather(images, feedData(feeds, embeddedFeed(output), Float32Array), 0);
  } finally {
    for (const kept of rows.values()) kept.close();
  }
  const executable = await SegmentedExecutable.compile(program, undefined, context.engine);
  try {
    context.progress.endPreparation();
    return await executable.run(feeds, context.progress, roundProgress(context, "fit"));
  } finally {
    await executable.dispose();
  }
}

/** Fills the class of each image of a split, whose images are grouped by class. */
function fillLabels(labels: Int32Array, offsets: Int32Array): void {
  for (let c = 0; c + 1 < offsets.length; c++) labels.fill(c, offsets[c], offsets[c + 1]);
}

const withoutSpans = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => (key === "span" ? undefined : part));
