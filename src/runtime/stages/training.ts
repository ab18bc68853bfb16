/** Runs a training stage of either kind: compiles its step, loads augmented batches, trains and validates. */
import { lowerTraining } from "../../compiler/lower/index.js";
import type { Dataset, SplitRef, TrainingStage } from "../../compiler/typed/tree.js";
import type { Loader, Pack, PackedSplit } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import type { Batches } from "./batches.js";
import { type StageContext, timed } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { batchesOfKinds, KindLoader } from "./step-kinds.js";
import { type Trained, train } from "./train.js";
import { createValidator, type Validator } from "./validate.js";

/** The data of a training stage, and how its steps draw from it. */
export interface TrainingData {
  /** The kinds of its steps. There is at least one. */
  readonly kinds: readonly StepKind[];
  /** Values fitted from base data, by the input that takes them. They are the same at every step. */
  readonly fitted: HostTensors;
}

/** One kind of steps. */
export interface StepKind {
  /** The stage as if all its steps were of this kind. */
  readonly stage: TrainingStage;
  readonly ref: SplitRef;
  /** The number of images of one step. */
  readonly perStep: number;
  readonly batchesOf: (split: PackedSplit) => Batches;
}

/** Trains the stage and returns its weights and validations. */
export async function runTraining(
  stage: TrainingStage,
  { kinds, fitted }: TrainingData,
  context: StageContext,
): Promise<Trained> {
  const { seed } = context.job;
  const opened = kinds.map((kind) => ({ ...kind, ...datasetOf(context, kind.ref.dataset) }));
  const batches = batchesOfKinds(
    opened.map(({ batchesOf, pack, ref }) => batchesOf(packedSplit(pack, ref.split))),
    seed,
  );
  const lower = async () => opened.map((kind) => lowerTraining(kind.stage, kind.dataset, { seed }));
  const trainings = await timed(context, "lower", lower);
  const [first, ...more] = trainings;
  const image = opened[0]?.dataset.image;
  if (first === undefined || image === undefined) throw new Error("a training has at least one kind of steps");
  const loader = await openLoader(opened, batches, context);
  let validator: Validator | undefined;
  try {
    validator = await validatorOf(stage, context);
    const validation = stage.validate && validator && { plan: stage.validate, validator };
    const { duration, report = [] } = stage;
    const programs = [first, ...more] as const;
    return await train({ trainings: programs, duration, batches, loader, fitted, validation, report, image }, context);
  } finally {
    await validator?.dispose();
    await loader.close();
  }
}

/** Opens a loader for each split that the steps read. Several share the threads. */
async function openLoader(
  kinds: readonly (StepKind & { readonly dataset: Dataset; readonly pack: Pack })[],
  { kindOf }: Batches,
  { job }: StageContext,
): Promise<Loader> {
  const place = ({ ref }: StepKind): string => `${ref.dataset} ${ref.split}`;
  const splits = new Set(kinds.map(place));
  const loaders = new Map<string, Loader>();
  for (const kind of kinds) {
    const { dataset, pack, ref } = kind;
    if (loaders.has(place(kind))) continue;
    const largest = Math.max(...kinds.filter((other) => place(other) === place(kind)).map(({ perStep }) => perStep));
    const loader = await createLoader({
      pack,
      split: ref.split,
      transforms: dataset.train,
      output: dataset.image,
      maxBatch: largest,
      seed: job.seed,
      purpose: "train",
      threads: Math.max(1, Math.floor(job.threads.loaders / splits.size)),
    });
    loaders.set(place(kind), loader);
  }
  const ofKinds = kinds.flatMap((kind) => loaders.get(place(kind)) ?? []);
  const [only] = ofKinds;
  return kindOf === undefined && only !== undefined ? only : new KindLoader(ofKinds, kindOf ?? (() => 0));
}

async function validatorOf(
  { validate, encoder }: TrainingStage,
  context: StageContext,
): Promise<Validator | undefined> {
  if (validate === undefined) return undefined;
  const data = datasetOf(context, validate.split.dataset);
  const options = { validation: validate, encoder: encoder.value, metric: validate.metric, ...data };
  return await createValidator(options, context);
}
