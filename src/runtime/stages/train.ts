/** Runs the training loop that pretraining and episodic training share: the steps, the validations, and the weights to keep. */

import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { TrainingProgram } from "../../compiler/lower/index.js";
import type { Duration, ImageSize, TrainingReport, Validation } from "../../compiler/typed/tree.js";
import type { LoadedBatch, Loader } from "../data/contract.js";
import type { EpisodeList } from "../data/episode-list.js";
import type { HostTensors } from "../engines/engine.js";
import type { Validated } from "../store/manifest.js";
import type { Finished, StoredFile } from "../store/store.js";
import type { StageContext } from "./context.js";
import type { Feeds } from "./feeds.js";
import { type StepImages, StepReports } from "./step-reports.js";
import { type StepOutcome, Stepper } from "./stepper.js";
import type { Validator } from "./validate.js";
import { loadInitialWeights } from "./weights.js";

/** The images and further feeds of each step. They are pure functions of the step. */
export interface Batches {
  /** Returns the images of a step as indices into the split, in the order of the `images` feed. */
  images(step: number): Int32Array;
  /** Fills the feeds other than the images: labels, orders of queries. */
  fill(feeds: Feeds, images: Int32Array, step: number): void;
  readonly unit: "images" | "episodes";
  /** Returns the episodes of the first steps, if the steps are made of episodes. */
  readonly list?: (steps: number) => EpisodeList;
}

export interface TrainOptions {
  readonly training: TrainingProgram;
  readonly duration: Duration;
  readonly batches: Batches;
  readonly loader: Loader;
  /** The values fitted from base data, by the input that takes them. */
  readonly fitted: HostTensors;
  readonly validation: { readonly plan: Validation; readonly validator: Validator } | undefined;
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

/** The number of steps that are loaded while one runs. */
const stepsAhead = 3;

/** Trains from the initial weights and returns the last weights, or the best ones if the stage keeps those. */
export async function train(options: TrainOptions, context: StageContext): Promise<Trained> {
  const { training } = options;
  const start = { ...loadInitialWeights(training.weights, context.job), ...options.fitted };
  const stepper = await Stepper.create(training, start, context.engine);
  try {
    return await trainWith(stepper, options, context);
  } finally {
    await stepper.dispose();
  }
}

async function trainWith(stepper: Stepper, options: TrainOptions, context: StageContext): Promise<Trained> {
  const { duration, batches, loader, validation } = options;
  const { emit, progress } = context;
  const { epochs, stepsPerEpoch, perStep } = duration;
  const steps = epochs * stepsPerEpoch;
  const prefetcher = new Prefetcher(batches, loader, steps);
  const rate = new Rate(perStep);
  const validations = new Validations();
  const reports = new StepReports(options.report, stepper);
  let last = { step: steps, epoch: epochs };
  progress.endPreparation();
  await reports.start();
  for (let step = 1; step <= steps; step++) {
    const epoch = Math.floor((step - 1) / stepsPerEpoch) + 1;
    const { loss, accuracy, lr } = await runStep(stepper, { step, epoch }, prefetcher, reports, options, context);
    const itemsPerSecond = rate.step();
    emit({ type: "stage.step", step, steps, epoch, loss, accuracy, lr, itemsPerSecond, unit: batches.unit });
    if (step === steps && validation === undefined) break; // The training is complete, so a stop comes too late.
    progress.step();
    if (step % stepsPerEpoch !== 0 || validation === undefined || !isDue(validation.plan, epoch, epochs)) continue;
    await validations.run({ step, epoch }, stepper, validation, context);
    rate.pause();
    const waited = epoch - validations.best.epoch;
    const { patience } = validation.plan;
    if (step < steps && patience !== undefined && waited >= patience) {
      const message = `ends after epoch ${epoch}: none of the last ${waited} epochs was better`;
      emit({ type: "stage.note", message });
      last = { step, epoch };
      break;
    }
  }
  const { list } = batches;
  if (list !== undefined) reports.end(() => list(last.step));
  const { best, kept, history } = validations;
  const from =
    kept === undefined
      ? { ...last, choice: "last" as const }
      : { step: best.step, epoch: best.epoch, choice: "best" as const };
  return { weights: { tensors: kept ?? (await stepper.download()), from }, history, files: reports.files };
}

/** A position in a training, with both numbers from 1 on. */
interface Position {
  readonly step: number;
  readonly epoch: number;
}

/** Runs one step. @throws DiagnosticError FSL7006 if the loss or a weight is no longer finite. */
async function runStep(
  stepper: Stepper,
  { step, epoch }: Position,
  prefetcher: Prefetcher,
  reports: StepReports,
  options: TrainOptions,
  { job }: StageContext,
): Promise<StepOutcome> {
  const { batches } = options;
  const { batch, images } = await prefetcher.load(step);
  const kept = reports.wantsImages(step) ? imagesOf(batch, images, step, options) : undefined;
  const outcome = await stepper.step(batch, (feeds, part, parts) => {
    const size = images.length / parts;
    batches.fill(feeds, images.subarray(part * size, (part + 1) * size), step);
  });
  if (!outcome.finite) {
    const holes = { stage: job.node, step, epoch, lr: rounded(outcome.lr) };
    throw new DiagnosticError(diagnostic("FSL7006", undefined, holes));
  }
  await reports.finish(step, outcome, kept);
  return outcome;
}

/** Copies the images of a step: bytes [episode, image, channel, height, width], or without episodes, with their labels. */
function imagesOf(
  { images }: LoadedBatch,
  places: Int32Array,
  step: number,
  { batches, duration: { perStep }, image: { channels, height, width } }: TrainOptions,
): StepImages {
  const count = places.length;
  const size = channels * height * width;
  const data = images.slice(0, count * size);
  if (batches.unit === "episodes") {
    return { images: { shape: [perStep, count / perStep, channels, height, width], dtype: "u8", data } };
  }
  const labels = { shape: [count], dtype: "i32" as const, data: new Int32Array(count) };
  batches.fill({ labels }, places, step);
  return { images: { shape: [count, channels, height, width], dtype: "u8", data }, labels };
}

/** Requests the images of the next steps while a step runs. */
class Prefetcher {
  private readonly requested: Int32Array[] = [];
  private next = 1;

  constructor(
    private readonly batches: Batches,
    private readonly loader: Loader,
    private readonly steps: number,
  ) {}

  /** Returns the loaded batch of a step and its images. It must be called for every step in order. */
  async load(step: number): Promise<{ readonly batch: LoadedBatch; readonly images: Int32Array }> {
    for (; this.next <= Math.min(this.steps, step + stepsAhead); this.next++) {
      const images = this.batches.images(this.next);
      this.requested.push(images);
      this.loader.request(this.next, images);
    }
    const batch = await this.loader.next();
    const images = this.requested.shift();
    if (images === undefined) throw new Error(`no images were requested for step ${step}`);
    return { batch, images };
  }
}

function isDue(plan: Validation, epoch: number, epochs: number): boolean {
  return epoch % plan.everyEpochs === 0 || epoch === epochs;
}

/** Runs the validations of a training and remembers the best one, which is the first of equals. */
class Validations {
  readonly history: Validated[] = [];
  best: Position & { readonly accuracy: number } = { step: 0, epoch: 0, accuracy: Number.NEGATIVE_INFINITY };
  /** The weights of the best validation, if the stage keeps them. */
  kept: HostTensors | undefined;

  async run(
    { step, epoch }: Position,
    stepper: Stepper,
    { plan, validator }: NonNullable<TrainOptions["validation"]>,
    { emit }: StageContext,
  ): Promise<void> {
    const { mean: accuracy, ci95 } = await validator.validate(stepper.weights);
    const best = accuracy > this.best.accuracy;
    const validated = { step, epoch, accuracy, ci95, episodes: plan.episodes, best };
    if (best) this.best = { step, epoch, accuracy };
    this.history.push(validated);
    if (best && plan.keepBest) this.kept = await stepper.download();
    emit({ type: "stage.validate", ...validated });
  }
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
