/** Writes a finished stage for other programs: its encoder or its whole classifier as ONNX, or its weights, and a card that describes them. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isTransductive, lowerClassifier, lowerEmbed, type SegmentedProgram } from "../../compiler/lower/index.js";
import { scoringBorrows } from "../../compiler/typed/borrows.js";
import type { Task } from "../../compiler/typed/tree.js";
import { borrowedWeights, encoderWeights, metricWeights } from "../../compiler/typed/weights.js";
import type { HostTensors } from "../engines/engine.js";
import { portableModel, portableOpenModel } from "../engines/onnx/portable.js";
import type { PreparedRun } from "../run/preflight.js";
import { outputsOf } from "../stages/classify.js";
import { loadInitialWeights } from "../stages/weights.js";
import { encodeSafetensors } from "../store/safetensors.js";
import { replaceFile } from "../system/durable.js";
import { version } from "../system/package.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { type Classifier, classifierOf, type Encoder, encoderOf, refuseDescriptions } from "./classifier.js";
import { type Form, isCard, modelCard } from "./model-card.js";
import type { OpenRequest } from "./open-classifier.js";
import { findStoredStages, jobInputs, type StoredStages } from "./stored-stages.js";
import { wantedStage } from "./wanted-stage.js";

/** A prepared run of the one stage that is exported, and the file to write. */
export interface ExportRequest extends OpenRequest {
  /** The path of the file. Its ending says the form: `.onnx` or `.safetensors`. */
  readonly file: string;
  /** The sizes of the whole classifier's task, where they are not those of the stage's; undefined for the encoder alone. */
  readonly classifier: { readonly way: number | undefined; readonly shot: number | undefined } | undefined;
}

/** The content of a file, and the lines of its card about it. */
interface Written {
  readonly bytes: Uint8Array;
  readonly form: Form;
}

/**
 * Writes the file and a card beside it, and returns their paths.
 *
 * @throws DiagnosticError FSL7042 for another ending, FSL7060 if the stage is not stored, FSL7062 or FSL7064 if it has not this form,
 * FSL7031 if a file cannot be written.
 */
export async function exportStage(request: ExportRequest): Promise<readonly string[]> {
  const { prepared, file, classifier, onNote } = request;
  const { experiment } = prepared;
  const ending = /\.(onnx|safetensors)$/.exec(file)?.[1];
  if (ending === undefined || (ending === "safetensors" && classifier !== undefined)) {
    const why =
      ending === undefined
        ? "its name ends with `.onnx` or `.safetensors`"
        : "`--classifier` needs a name that ends with `.onnx`";
    throw new DiagnosticError(diagnostic("FSL7042", undefined, { option: "-o", value: file, why }));
  }
  const card = join(dirname(file), "MODEL.md");
  requireOwnCard(card);
  const stage = wantedStage(prepared);
  const encoder = encoderOf(stage, experiment);
  const needed = { stage: stage.name, stages: encoder.needs, datasets: [] };
  const stored = await findStoredStages(prepared, needed, onNote);
  const { bytes, form } =
    ending === "safetensors"
      ? writeWeights(prepared, encoder, stored)
      : classifier === undefined
        ? writeEncoder(prepared, encoder, stored)
        : writeClassifier(request, classifier, stored);
  const measured = await measuredBy(prepared, onNote);
  const text = modelCard({
    file: basename(file),
    digest: sha256(bytes),
    form,
    experiment,
    stage,
    dataset: encoder.dataset,
    trained: [...stored.entries],
    measured,
  });
  for (const [path, content] of [
    [file, bytes],
    [card, text],
  ] as const) {
    await replaceFile(path, content).catch((error: unknown) => {
      throw cannotWrite(path, reason(error), error);
    });
  }
  return [file, card];
}

/** Checks that no other file has the name of the card. @throws DiagnosticError FSL7031 */
function requireOwnCard(path: string): void {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw cannotWrite(path, reason(error), error);
  }
  if (!isCard(text)) throw cannotWrite(path, "a file of that name exists which `fslc export` has not written");
}

function cannotWrite(path: string, why: string, cause?: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7031", undefined, { path, why }), { cause });
}

/** Returns the stored results of the stage if it is an evaluation that has run. */
async function measuredBy(prepared: PreparedRun, onNote: (message: string) => void) {
  const stage = wantedStage(prepared);
  if (stage.kind !== "evaluate") return undefined;
  try {
    const needed = { stage: stage.name, stages: [stage.id], datasets: [] };
    return (await findStoredStages(prepared, needed, onNote)).entries.get(stage.id);
  } catch (error) {
    if (error instanceof DiagnosticError && error.diagnostic.code === "FSL7060") return undefined;
    throw error;
  }
}

function encoderTensors({ seed, project }: PreparedRun, { encoder }: Encoder, stored: StoredStages): HostTensors {
  return loadInitialWeights(encoderWeights(encoder), { seed, project, inputs: jobInputs(stored) });
}

function metricTensors(
  { seed, project }: PreparedRun,
  { metric, encoder }: Classifier,
  stored: StoredStages,
): HostTensors {
  return loadInitialWeights(metricWeights(metric, encoder.value), { seed, project, inputs: jobInputs(stored) });
}

function writeWeights(prepared: PreparedRun, encoder: Encoder, stored: StoredStages): Written {
  const stage = wantedStage(prepared);
  const metric =
    stage.kind === "pretrain" ? {} : metricTensors(prepared, classifierOf(stage, prepared.experiment), stored);
  const tensors = { ...encoderTensors(prepared, encoder, stored), ...metric };
  const form = { kind: "weights", tensors: Object.keys(tensors).length } as const;
  return { bytes: encodeSafetensors(tensors, { format: "pt" }), form };
}

function writeEncoder(prepared: PreparedRun, encoder: Encoder, stored: StoredStages): Written {
  const stage = wantedStage(prepared);
  const network = encoder.encoder.value;
  const taken = stage.kind === "pretrain" ? [] : outputsOf(stage.metric.value);
  const outputs = taken.length > 0 ? taken : Object.keys(network.outputs);
  const constants = encoderTensors(prepared, encoder, stored);
  const lower = (batch: number) => lowerEmbed(network, encoder.dataset, { batch, outputs, slot: "encoder" });
  const label = labelOf(prepared, { kind: "encoder" });
  const bytes = portableOpenModel({ name: "images", lower }, constants, label);
  if (bytes !== undefined) return { bytes, form: { kind: "encoder", outputs, open: true } };
  const fixed = portableModel(lower(1), constants, label);
  if (fixed === undefined) throw notPortable(encoder, "an encoder");
  return { bytes: fixed, form: { kind: "encoder", outputs, open: false } };
}

/**
 * Writes the classifier for the task of the first row of an evaluation, or for that of the training, with other ways and shots where
 * they are asked for.
 */
function writeClassifier(
  { prepared, pose }: ExportRequest,
  sizes: NonNullable<ExportRequest["classifier"]>,
  stored: StoredStages,
): Written {
  const stage = wantedStage(prepared);
  const classifier = classifierOf(stage, prepared.experiment);
  refuseDescriptions(classifier);
  const own = stage.kind === "evaluate" ? stage.rows[0]?.task : stage.kind === "meta" ? stage.episodes.task : undefined;
  if (own === undefined) throw new Error(`${stage.id} has no task`);
  const task: Task = { way: sizes.way ?? own.way, shot: sizes.shot ?? own.shot, query: own.query };
  const [metric] = pose({ stage: stage.id, tasks: [task] });
  if (metric === undefined) throw new Error(`the metric of ${stage.id} was not elaborated`);
  if (metric.fits.length > 0) throw refuse(classifier, `\`${metric.name}\` fits values from base data`);
  const network = classifier.encoder.value;
  const lower = (query: number): SegmentedProgram =>
    lowerClassifier(metric, { ...task, query }, network, classifier.dataset, prepared.seed);
  const program = lower(task.query);
  if (program.segments.length > 1)
    throw refuse(classifier, `\`${metric.name}\` has a loop that is too long to be unrolled`);
  const constants = {
    ...encoderTensors(prepared, classifier, stored),
    ...metricTensors(prepared, classifier, stored),
    ...loadInitialWeights(borrowedWeights(scoringBorrows(metric)), { ...prepared, inputs: jobInputs(stored) }),
  };
  const scores = metric.entries["classify"]?.result.kind ?? "logits";
  const label = labelOf(prepared, { kind: "classifier", way: task.way, shot: task.shot, scores });
  // A transductive method may use the number of queries, so the number stays that of its task.
  const open = isTransductive(metric) ? undefined : portableOpenModel({ name: "queries", lower }, constants, label);
  const bytes = open ?? portableModel(program, constants, label);
  if (bytes === undefined) throw notPortable(classifier, "a classifier");
  return { bytes, form: { kind: "classifier", task, scores, open: open !== undefined } };
}

function refuse({ name, span }: Encoder, why: string): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7064", span, { stage: name, form: "a classifier", why }));
}

function notPortable({ name, span }: Encoder, form: string): DiagnosticError {
  const why = "it needs an operator that is not one of ONNX's";
  return new DiagnosticError(diagnostic("FSL7064", span, { stage: name, form, why }));
}

/** Returns what the model says about itself. */
function labelOf(prepared: PreparedRun, about: Readonly<Record<string, string | number>>) {
  const stage = wantedStage(prepared);
  const { dataset } = encoderOf(stage, prepared.experiment);
  const all = { ...about, experiment: prepared.experiment.file, stage: stage.id, eval: JSON.stringify(dataset.eval) };
  const metadata = Object.fromEntries(Object.entries(all).map(([name, value]) => [`fslc.${name}`, String(value)]));
  return { version, metadata };
}
