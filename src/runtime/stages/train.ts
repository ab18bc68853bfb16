/** The training loop that pretraining and episodic training share: step after step, and when to validate. */

import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { TrainingProgram } from "../../compiler/lower/index.js";
import type { Duration, Validation } from "../../compiler/typed/tree.js";
import type { Loader } from "../data/contract.js";
import type { Engine, HostTensors } from "../engines/engine.js";
import type { Validated } from "../store/manifest.js";
import type { Finished } from "../store/store.js";
import type { StageContext } from "./context.js";
import type { Feeds } from "./feeds.js";
import { Stepper } from "./stepper.js";
import type { Validator } from "./validate.js";
import { initialWeightsOf } from "./weights.js";

/** Where a step's images come from: pure functions of the step. */
export interface Batches {
  /** Images (indices into the split) of a step, in the order of the `images` feed. */
  images(step: number): Int32Array;
  /** Fills the feeds beside the images: labels, orders of queries. */
  fill(feeds: Feeds, images: Int32Array, step: number): void;
  readonly unit: "images" | "episodes";
}

export interface TrainOptions {
  readonly training: TrainingProgram;
  readonly duration: Duration;
  readonly batches: Batches;
  readonly loader: Loader;
  /** Values of base data, by the input that takes them. */
  readonly fitted: HostTensors;
  readonly validation: { readonly plan: Validation; readonly validator: Validator } | undefined;
}

export interface Trained {
  readonly weights: NonNullable<Finished["weights"]>;
  readonly history: readonly Validated[];
}

/** Steps that are being loaded while one runs. */
const ahead = 3;

export async function train(options: TrainOptions, engine: Engine, context: StageContext): Promise<Trained> {
  const { training } = options;
  const start = { ...initialWeightsOf(training.weights, context.job), ...options.fitted };
  const stepper = await Stepper.create(training, start, engine);
  try {
    return await trainWith(stepper, options, context);
  } finally {
    await stepper.dispose();
  }
}

async function trainWith(stepper: Stepper, options: TrainOptions, context: StageContext): Promise<Trained> {
  const { duration, batches, loader } = options;
  const { job, emit, progress } = context;
  const { epochs, stepsPerEpoch, perStep } = duration;
  const steps = epochs * stepsPerEpoch;
  const epochOf = (step: number): number => Math.floor((step - 1) / stepsPerEpoch) + 1;
  const asked: Int32Array[] = [];
  let next = 1;
  const rate = new Rate(perStep);
  const best = new Best();
  let kept: HostTensors | undefined;
  let last = { step: steps, epoch: epochs };
  progress.endPreparation();
  for (let step = 1; step <= steps; step++) {
    for (; next <= Math.min(steps, step + ahead); next++) {
      const images = batches.images(next);
      asked.push(images);
      loader.request(next, images);
    }
    const batch = await loader.next();
    const images = asked.shift();
    if (images === undefined) throw new Error(`no images were asked for at step ${step}`);
    const { loss, accuracy, lr, finite } = await stepper.step(batch, (feeds, part, parts) => {
      const size = images.length / parts;
      batches.fill(feeds, images.subarray(part * size, (part + 1) * size), step);
    });
    const epoch = epochOf(step);
    if (!finite) {
      throw new DiagnosticError(diagnostic("FSL7006", undefined, { stage: job.node, step, epoch, lr: rounded(lr) }));
    }
    emit({
      type: "stage.step",
      step,
      steps,
      epoch,
      loss,
      accuracy,
      lr,
      itemsPerSecond: rate.step(),
      unit: batches.unit,
    });
    if (step === steps && options.validation === undefined) break; // Done: too late to stop.
    progress.step();
    if (
      step % stepsPerEpoch === 0 &&
      options.validation !== undefined &&
      isDue(options.validation.plan, epoch, epochs)
    ) {
      const { plan, validator } = options.validation;
      const { mean, ci95 } = await validator.validate(stepper.weights);
      const isBest = best.add({ step, epoch, accuracy: mean, ci95, episodes: plan.episodes });
      if (isBest && plan.keepBest) kept = await stepper.download();
      emit({
        type: "stage.validate",
        step,
        epoch,
        accuracy: mean,
        ci95,
        episodes: plan.episodes,
        best: isBest,
      });
      rate.pause();
      const waited = epoch - best.at.epoch;
      if (step < steps && plan.patience !== undefined && waited >= plan.patience) {
        emit({
          type: "stage.note",
          message: `ends after epoch ${epoch}: none of the last ${waited} epochs was better`,
        });
        last = { step, epoch };
        break;
      }
    }
  }
  const from =
    kept === undefined
      ? { ...last, choice: "last" as const }
      : { step: best.at.step, epoch: best.at.epoch, choice: "best" as const };
  const tensors = kept ?? (await stepper.download());
  return { weights: { tensors, from }, history: best.history };
}

function isDue(plan: Validation, epoch: number, epochs: number): boolean {
  return epoch % plan.everyEpochs === 0 || epoch === epochs;
}

/** Validations so far, and which was the best: the first of equals. */
class Best {
  readonly history: Validated[] = [];
  at = { step: 0, epoch: 0, accuracy: Number.NEGATIVE_INFINITY };

  add(validated: Omit<Validated, "best">): boolean {
    const best = validated.accuracy > this.at.accuracy;
    if (best) this.at = validated;
    this.history.push({ ...validated, best });
    return best;
  }
}

/** Items per second over the last steps, validations left out. */
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

  pause(): void {
    this.last = performance.now();
  }
}

function rounded(value: number): string {
  return value.toPrecision(3).replace(/\.?0+($|e)/, "$1");
}
