/** The training loop that pretraining and episodic training share: one run of one program per step. */

import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { TrainingProgram } from "../../compiler/lower/index.js";
import type { Duration, Experiment, PretrainStage, Validation } from "../../compiler/typed.js";
import type { Loader } from "../data/contract.js";
import type { Engine, Handle, HostTensors } from "../engines/engine.js";
import type { Validated } from "../store/manifest.js";
import type { Finished } from "../store/store.js";
import { allocate, elements, type StageContext } from "./context.js";
import { allocateFeeds, type Feeds, feedData, inputNames, pick, scalar } from "./feeds.js";
import type { Validate } from "./validate.js";
import { startingWeights } from "./weights.js";

/** Where a step's images come from: pure functions of the step. */
export interface Batches {
  /** Images (indices into the split) of a step, in the order of the `images` feed. */
  images(step: number, epoch: number): Int32Array;
  /** Fills the feeds beside the images: labels, orders of queries. */
  fill(feeds: Feeds, images: Int32Array, step: number): void;
  readonly unit: "images" | "episodes";
}

export interface TrainOptions {
  readonly training: TrainingProgram;
  readonly duration: Duration;
  readonly batches: Batches;
  readonly loader: Loader;
  readonly validation: { readonly plan: Validation; readonly validate: Validate } | undefined;
}

export interface Trained {
  readonly weights: NonNullable<Finished["weights"]>;
  readonly history: readonly Validated[];
}

/** The finished stages that a loss may call. */
export function pretrained(experiment: Experiment): (id: string) => PretrainStage {
  return (id) => {
    const stage = experiment.stages.find((candidate) => candidate.id === id);
    if (stage?.kind !== "pretrain") throw new Error(`no pretrain stage ${id}`);
    return stage;
  };
}

/** Steps that are being loaded while one runs. */
const ahead = 3;

export async function train(options: TrainOptions, engine: Engine, context: StageContext): Promise<Trained> {
  const { training, duration, batches, loader } = options;
  const { job, say, pace } = context;
  const { program } = training;
  const executable = await engine.compile(program);
  const feeds = allocateFeeds(program);
  const pixels = feedData(feeds, "images", Uint8Array);
  const states = inputNames(program, "state");
  const fixed = inputNames(program, "weight");
  // Every weight is on the device, those too that this program does not touch: validation and storing want them all.
  let handles: Record<string, Handle> = {};
  for (const [name, tensor] of Object.entries({ ...startingWeights(training.weights, job), ...extras(training) })) {
    handles[name] = engine.upload(tensor);
  }
  const own = training.weights.map(({ path }) => path).filter((path) => !path.startsWith("stage:"));
  const download = async (): Promise<HostTensors> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(pick(handles, own)).map(
          async ([path, handle]) => [path, await engine.download(handle)] as const,
        ),
      ),
    );

  const { epochs, stepsPerEpoch, perStep } = duration;
  const steps = epochs * stepsPerEpoch;
  const epochOf = (step: number): number => Math.floor((step - 1) / stepsPerEpoch) + 1;
  const asked: Int32Array[] = [];
  let next = 1;
  const rate = new Rate(perStep);
  const best = new Best();
  let kept: HostTensors | undefined;
  pace.prepared();
  for (let step = 1; step <= steps; step++) {
    for (; next <= Math.min(steps, step + ahead); next++) {
      const images = batches.images(next, epochOf(next));
      asked.push(images);
      loader.request(next, images);
    }
    const batch = await loader.next();
    pixels.set(batch.images);
    batch.release();
    const images = asked.shift();
    if (images === undefined) throw new Error(`no images were asked for at step ${step}`);
    batches.fill(feeds, images, step);
    const { device, host } = await executable.run({ ...pick(handles, states), ...pick(handles, fixed), ...feeds });
    handles = { ...handles, ...device };
    const epoch = epochOf(step);
    const lr = scalar(host, "lr");
    if (scalar(host, "finite") === 0) {
      throw new DiagnosticError(diagnostic("FSL7006", undefined, { stage: job.node, step, epoch, lr: rounded(lr) }));
    }
    say({
      type: "stage.step",
      step,
      steps,
      epoch,
      loss: scalar(host, "loss"),
      accuracy: scalar(host, "accuracy"),
      lr,
      itemsPerSecond: rate.step(),
      unit: batches.unit,
    });
    if (step === steps && options.validation === undefined) break; // Done: too late to stop.
    pace.step();
    if (
      step % stepsPerEpoch === 0 &&
      options.validation !== undefined &&
      isDue(options.validation.plan, epoch, epochs)
    ) {
      const { plan, validate } = options.validation;
      const accuracy = await validate(handles);
      const isBest = best.add({ step, epoch, accuracy: accuracy.mean, ci95: accuracy.ci95, episodes: plan.episodes });
      if (isBest && plan.keepBest) kept = await download();
      say({
        type: "stage.validate",
        step,
        epoch,
        accuracy: accuracy.mean,
        ci95: accuracy.ci95,
        episodes: plan.episodes,
        best: isBest,
      });
      rate.pause();
    }
  }
  const from =
    kept === undefined
      ? { step: steps, epoch: epochs, choice: "last" as const }
      : { step: best.at.step, epoch: best.at.epoch, choice: "best" as const };
  const tensors = kept ?? (await download());
  await executable.dispose();
  return { weights: { tensors, from }, history: best.history };
}

function isDue(plan: Validation, epoch: number, epochs: number): boolean {
  return epoch % plan.everyEpochs === 0 || epoch === epochs;
}

/** Optimizer state and counters at their first values. */
function extras(training: TrainingProgram): HostTensors {
  return Object.fromEntries(
    training.extra.map(({ name, shape, dtype, fill }) => {
      const data = allocate(dtype, elements(shape));
      data.fill(fill);
      return [name, { shape, dtype, data }];
    }),
  );
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
  #seconds = Number.NaN;
  #last = performance.now();

  constructor(readonly perStep: number) {}

  step(): number {
    const now = performance.now();
    const taken = (now - this.#last) / 1000;
    this.#last = now;
    this.#seconds = Number.isNaN(this.#seconds) ? taken : 0.9 * this.#seconds + 0.1 * taken;
    return this.perStep / this.#seconds;
  }

  pause(): void {
    this.#last = performance.now();
  }
}

function rounded(value: number): string {
  return value.toPrecision(3).replace(/\.?0+($|e)/, "$1");
}
