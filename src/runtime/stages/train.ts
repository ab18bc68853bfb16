/** Runs the training loop that pretraining and episodic training share: steps, validations, checkpoints, and the weights to keep. */

import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { TrainingProgram } from "../../compiler/lower/index.js";
import { bytesOf } from "../../compiler/typed/image-bytes.js";
import type { Duration, ImageSize, TrainingReport } from "../../compiler/typed/tree.js";
import type { LoadedBatch, Loader } from "../data/contract.js";
import type { HostTensors } from "../engines/engine.js";
import type { Validated } from "../store/manifest.js";
import type { Finished, StoredFile } from "../store/store.js";
import type { Batches } from "./batches.js";
import { Checkpointing, joinTensors, type Resumed, resume } from "./checkpointing.js";
import { type StageContext, StoppedError, timed } from "./context.js";
import type { Feeds } from "./feeds.js";
import { Prefetcher } from "./prefetcher.js";
import { type StepImages, StepReports } from "./step-reports.js";
import { type StepOutcome, Stepper } from "./stepper.js";
import { type PlannedValidation, type Position, Validations } from "./validations.js";
import { loadInitialWeights } from "./weights.js";

export interface TrainOptions {
  /** The programs of the steps, one for each kind of steps. */
  readonly trainings: readonly [TrainingProgram, ...TrainingProgram[]];
  readonly duration: Duration;
  readonly batches: Batches;
  readonly loader: Loader;
  /** The values fitted from base data, by the input that takes them. */
  readonly fitted: HostTensors;
  readonly validation: PlannedValidation | undefined;
  /** The files about the steps to make. */
  readonly report: readonly TrainingReport[];
  /** The size of one image. */
  readonly image: ImageSize;
}

export interface Trained {
  readonly weights: NonNullable<Finished["weights"]>;
  readonly history: readonly Validated[];
  readonly files: readonly StoredFile[];
}

/**
 * Trains from the initial weights, or from the last checkpoint of an unfinished training, and returns the last weights, or the best
 * ones if the stage keeps those. Every draw is a function of the seed and the step, so a continued training ends in the same bits.
 */
export async function train(options: TrainOptions, context: StageContext): Promise<Trained> {
  const { trainings, fitted } = options;
  const [training] = trainings;
  const resumed = resume(context);
  const start = resumed?.state ?? { ...loadInitialWeights(training.weights, context.job), ...fitted };
  const stepper = await Stepper.create(trainings, start, context.engine);
  try {
    return await trainWith(stepper, resumed, options, context);
  } finally {
    await stepper.dispose();
  }
}

async function trainWith(
  stepper: Stepper,
  resumed: Resumed | undefined,
  options: TrainOptions,
  context: StageContext,
): Promise<Trained> {
  const { duration, batches, loader, validation } = options;
  const { emit, progress } = context;
  const { epochs, stepsPerEpoch, perStep } = duration;
  const steps = epochs * stepsPerEpoch;
  const after = (step: number): Position => ({ step, epoch: Math.ceil(step / stepsPerEpoch) });
  let at = after(resumed?.step ?? 0);
  const prefetcher = new Prefetcher(batches, loader, { from: at.step + 1, steps });
  const rate = new Rate(perStep);
  const validations = new Validations(validation, duration, resumed?.history ?? [], resumed?.best);
  const reports = new StepReports(options.report, stepper, [...(resumed?.files ?? [])]);
  const checkpointing = new Checkpointing(context, async () => {
    const parts = { state: await stepper.snapshot(), best: validations.kept, files: reports.files };
    return { step: at.step, history: validations.history, tensors: joinTensors(parts) };
  });
  progress.endPreparation();
  if (resumed === undefined) await reports.start();
  for (const validated of validations.history) emit({ type: "stage.validate", ...validated });
  try {
    for (;;) {
      if (await timed(context, "validate", () => validations.runIfDue(at, stepper, context))) {
        rate.pause();
        await checkpointing.offer();
      }
      if (at.step === steps) break;
      const waited = validations.patienceSpent(at);
      if (waited !== undefined) {
        const message = `ends after epoch ${at.epoch}: none of the last ${waited} epochs was better`;
        emit({ type: "stage.note", message });
        break;
      }
      const next = after(at.step + 1);
      const { loss, accuracy, lr } = await runStep(stepper, next, prefetcher, reports, options, context);
      at = next;
      const itemsPerSecond = rate.step();
      emit({ type: "stage.step", ...at, steps, loss, accuracy, lr, itemsPerSecond, unit: batches.unit });
      if (at.step === steps && validation === undefined) break; // The training is complete, so a stop comes too late.
      await checkpointing.offer();
      progress.step();
    }
  } catch (error) {
    // A stop comes between two steps or within a validation, where the state is that of the last step.
    if (error instanceof StoppedError && at.step > (resumed?.step ?? 0)) await checkpointing.write();
    throw error;
  }
  const { list } = batches;
  if (list !== undefined) reports.end(() => list(at.step));
  const { best, kept, history } = validations;
  const from =
    kept === undefined
      ? { ...at, choice: "last" as const }
      : { step: best.step, epoch: best.epoch, choice: "best" as const };
  return { weights: { tensors: kept ?? (await stepper.download()), from }, history, files: reports.files };
}

/** Runs one step. @throws DiagnosticError FSL7006 if the loss or a weight is no longer finite. */
async function runStep(
  stepper: Stepper,
  { step, epoch }: Position,
  prefetcher: Prefetcher,
  reports: StepReports,
  options: TrainOptions,
  context: StageContext,
): Promise<StepOutcome> {
  const { batches } = options;
  const { batch, images } = await timed(context, "wait for images", () => prefetcher.load(step));
  const kept = reports.wantsImages(step) ? imagesOf(batch, images, step, options) : undefined;
  const fill = (feeds: Feeds, part: number, parts: number): void => {
    const size = images.length / parts;
    batches.fill(feeds, images.subarray(part * size, (part + 1) * size), step);
  };
  const outcome = await stepper.step(batch, fill, batches.kindOf?.(step));
  if (!outcome.finite) {
    const holes = { stage: context.job.node, step, epoch, lr: rounded(outcome.lr) };
    throw new DiagnosticError(diagnostic("FSL7006", undefined, holes));
  }
  await reports.finish(step, outcome, kept);
  return outcome;
}

/** Copies the images of a step: [episode, image, channel, height, width], or without episodes, with their labels. */
function imagesOf(
  { images }: LoadedBatch,
  places: Int32Array,
  step: number,
  { batches, duration: { perStep }, image }: TrainOptions,
): StepImages {
  const count = places.length;
  const { channels, height, width, values: dtype = "u8" } = image;
  const bytes = images.slice(0, count * bytesOf(image));
  const data = dtype === "u8" ? bytes : new Float32Array(bytes.buffer);
  if (batches.unit === "episodes") {
    return { images: { shape: [perStep, count / perStep, channels, height, width], dtype, data } };
  }
  const labels = { shape: [count], dtype: "i32" as const, data: new Int32Array(count) };
  batches.fill({ labels }, places, step);
  return { images: { shape: [count, channels, height, width], dtype, data }, labels };
}

/** Measures the items per second over the last steps, without validations. */
class Rate {
  private seconds = Number.NaN;
  private last = performance.now();

  constructor(readonly perStep: number) {}

  step(): number {
    const now = performance.now();
    const taken = (now - this.last) / 1000;
    this.last = now;
    this.seconds = Number.isNaN(this.seconds) ? taken : 0.9 * this.seconds + 0.1 * taken;
    return this.perStep / this.seconds;
  }

  /** Leaves out the time since the last step. */
  pause(): void {
    this.last = performance.now();
  }
}

function rounded(value: number): string {
  return value.toPrecision(3).replace(/\.?0+($|e)/, "$1");
}
