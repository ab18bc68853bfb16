/**
 * What a metric has fitted from base data (rule 15): every image of the split embedded by the stage's encoder, the fits
 * computed over all of them at once. Kept in the project, so that stages with one encoder compute it once.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { lowerFits, type SegmentedProgram } from "../../compiler/lower/index.js";
import {
  expressionVersions,
  layerVersions,
  minimizerVersions,
  transformVersions,
} from "../../compiler/stages/versions.js";
import type { Metric, Network, SplitRef } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import type { Engine, HostTensors } from "../engines/engine.js";
import { numericsId, numericsRecord } from "../store/numerics.js";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "../store/safetensors.js";
import { projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { chunks } from "./chunks.js";
import { roundProgress, type StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { allocateFeeds, feedData } from "./feeds.js";
import { Embedder, type Source } from "./scorer.js";
import { StagedExecutable } from "./staged.js";

/** Most bytes of embeddings that are fitted over at once. */
const mostBytes = 2 ** 30;

export interface FitRequest {
  readonly metric: Metric;
  readonly fitFrom: SplitRef | undefined;
  readonly encoder: Network;
  /** The encoder's weights by path (`encoder.…`). */
  readonly weights: HostTensors;
}

/** The fitted values by the name of the input that takes them (`fit:<name>`). */
export async function computeFits(
  { metric, fitFrom, encoder, weights }: FitRequest,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<HostTensors> {
  if (fitFrom === undefined || metric.fits.length === 0) return {};
  const { job } = context;
  const source = { ...datasetOf(job.experiment, packs, fitFrom.dataset), split: fitFrom.split };
  const program = lowerFits(metric, encoder);
  const images = imagesOf(source, program, fitFrom, job.node);
  const key = sha256(
    withoutSpans([
      metric.fits,
      encoder.layers,
      sha256(encodeSafetensors(weights)),
      source.pack.digest,
      source.split,
      source.dataset.eval,
      numericsId(numericsRecord(engine.numerics, chunks)),
      [layerVersions, expressionVersions, minimizerVersions, transformVersions],
    ]),
  );
  const file = join(projectPaths.fits(job.project), `${key}.safetensors`);
  const known = readFits(file);
  if (known !== undefined) return known;
  const values = await fitOverRows(program, source, images, { encoder, weights }, engine, context);
  writeFits(file, values);
  return values;
}

/** What was fitted before; undefined where nothing was, or the file is damaged: then it is computed again. */
function readFits(file: string): HostTensors | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return decodeSafetensors(readFileSync(file));
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
}

/** Written beside and renamed into place: whole or absent. */
function writeFits(file: string, values: HostTensors): void {
  const beside = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(beside, encodeSafetensors(values));
    renameSync(beside, file);
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: file, why: reason(error) }), { cause: error });
  }
}

/** Every image of the split: as many as the program was lowered for, and not more than memory takes. */
function imagesOf({ pack, split }: Source, program: SegmentedProgram, ref: SplitRef, stage: string): Int32Array {
  const count = packedSplit(pack, split).offsets.at(-1) ?? 0;
  let bytes = 0;
  for (const { node, role } of program.inputs) {
    if (role !== "feed") continue;
    bytes += 4 * node.shape.reduce((product, size) => product * size, 1);
    const [lowered = 0] = node.shape;
    if (lowered !== count) {
      const why = `the split has ${count} readable images, and ${lowered} were counted when the file was checked`;
      throw new DiagnosticError(diagnostic("FSL7053", ref.span, { stage, why }));
    }
  }
  if (bytes > mostBytes) {
    const why = `the embeddings of the split's ${count} images take ${(bytes / 2 ** 30).toFixed(1)} GiB, more than the 1 GiB that are fitted over at once`;
    throw new DiagnosticError(diagnostic("FSL7053", ref.span, { stage, why }));
  }
  return Int32Array.from({ length: count }, (_, image) => image);
}

async function fitOverRows(
  program: SegmentedProgram,
  source: Source,
  images: Int32Array,
  { encoder, weights }: Pick<FitRequest, "encoder" | "weights">,
  engine: Engine,
  context: StageContext,
): Promise<HostTensors> {
  const feeds = allocateFeeds(program);
  const outputs = Object.keys(feeds).map((name) => name.slice(name.indexOf(".") + 1));
  const embedder = await Embedder.create(encoder, outputs, source, weights, engine, context);
  try {
    context.progress.endPreparation();
    const rows = await embedder.run(images, undefined, true);
    try {
      for (const name of Object.keys(feeds))
        rows.get(name.slice(name.indexOf(".") + 1))?.gather(images, feedData(feeds, name, Float32Array), 0);
    } finally {
      for (const kept of rows.values()) kept.close();
    }
  } finally {
    await embedder.dispose();
  }
  const executable = await StagedExecutable.compile(program, undefined, engine);
  try {
    context.progress.endPreparation();
    return await executable.run(feeds, context.progress, roundProgress(context, "fit"));
  } finally {
    await executable.dispose();
  }
}

const withoutSpans = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => (key === "span" ? undefined : part));
