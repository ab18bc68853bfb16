/** Runs the stage of a job: opens the engine and the packs, runs the stage, and stores its output. */
import { own } from "../../common/own.js";
import { ingestId, stageDatasets, stageNeeds } from "../../compiler/stages/graph.js";
import type { Dataset, Stage, StageKind, StageOf } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { DamagedPackError, openPack } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { createEngine, probeEngine } from "../engines/index.js";
import { deviceUnavailable, engineUnavailable } from "../engines/select.js";
import { ProfiledEngine } from "../profile/engine.js";
import { finishProfile } from "../profile/profile.js";
import { Recorder } from "../profile/recorder.js";
import { Checkpoints } from "../store/checkpoints.js";
import { numericsId, numericsRecord } from "../store/numerics.js";
import { type Finished, findSoundEntry, writeEntry } from "../store/store.js";
import { version } from "../system/package.js";
import { projectPaths } from "../system/project.js";
import { chunks } from "./chunks.js";
import { type AnswerQuestions, type JobContext, type StageContext, timed } from "./context.js";
import { runEvaluate, scoreShard } from "./evaluate.js";
import { repair, runIngest } from "./ingest.js";
import type { Job, Outcome, PlacedJob } from "./job.js";
import { runMeta } from "./meta.js";
import { runPretrain } from "./pretrain.js";
import type { Resident } from "./question.js";
import { ResidentClassifier } from "./resident.js";

/** The output of a stage of any kind, as the store takes it. */
type StageOutput = Pick<Finished, "weights" | "history" | "results" | "reports" | "files">;

/** The runner of each kind of stage. A kind without a runner does not compile. */
const runners: {
  readonly [K in StageKind]: (stage: StageOf<K>, context: StageContext) => Promise<StageOutput>;
} = {
  pretrain: async (stage, context) => ({ results: [], reports: [], ...(await runPretrain(stage, context)) }),
  meta: async (stage, context) => ({ results: [], reports: [], ...(await runMeta(stage, context)) }),
  evaluate: async (stage, context) => ({ history: [], ...(await runEvaluate(stage, context)) }),
};

/** Runs the job and returns its outcome. @throws whatever fails the job. */
export async function runStage(context: JobContext, answerQuestions?: AnswerQuestions): Promise<Outcome> {
  const { job } = context;
  const dataset = Object.values(job.experiment.datasets).find(({ id }) => ingestId(id) === job.target);
  if (dataset !== undefined) return runIngestJob(dataset, context);
  const stage = job.experiment.stages.find(({ id }) => id === job.target);
  if (stage === undefined) throw new Error(`no stage ${job.target}`);
  return runStageJob(stage, context, answerQuestions);
}

async function runIngestJob(dataset: Dataset, context: JobContext): Promise<Outcome> {
  context.emit({ type: "stage.start", attempt: context.job.attempt, engine: undefined });
  await runIngest(dataset, context);
  return { kind: "packed" };
}

async function runStageJob(stage: Stage, given: JobContext, answerQuestions?: AnswerQuestions): Promise<Outcome> {
  const { job, emit, progress } = given;
  const recorder = job.profile ? new Recorder() : undefined;
  const context: JobContext = recorder === undefined ? given : { ...given, recorder };
  const store = projectPaths.store(job.project);
  const opened = await timed(context, "load the engine", () => openEngine(job));
  const engine = recorder === undefined ? opened : new ProfiledEngine(opened, recorder);
  const numerics = numericsRecord(engine.numerics, chunks);
  if (job.reuseExact) {
    const accepted = { numerics: numericsId(numerics) };
    const entry = findSoundEntry(store, job.key, accepted, (message) => emit({ type: "stage.note", message }));
    if (entry !== undefined) return { kind: "stored", dir: entry.dir, reused: true };
  }
  const checkpoints = new Checkpoints(projectPaths.checkpoints(job.project), {
    key: job.key,
    numerics,
    version,
  });
  if (job.resident !== undefined)
    return await stayResident(job.resident, answerQuestions, { ...context, engine, checkpoints });
  if (job.shard !== undefined) return shardJob(stage, { ...context, engine, checkpoints });
  if (job.fresh) await checkpoints.clear();
  emit({ type: "stage.start", attempt: job.attempt, engine: engine.numerics });
  const started = performance.now();
  const { output, packs } = await withWholePacks(stage, context, async (packs) => {
    progress.endPreparation();
    return await runOfKind(stage, { ...context, engine, checkpoints, packs });
  });
  const finished: Finished = {
    key: job.key,
    content: job.content,
    stage: { id: stage.id, kind: stage.kind },
    fslc: version,
    created: new Date().toISOString(),
    seconds: (performance.now() - started) / 1000,
    peakMemory: process.resourceUsage().maxRSS * 1024,
    seed: job.seed,
    inputs: stageNeeds(stage).map((id) => inputOf(job, id)),
    data: [...packs].map(([id, { digest, skipped }]) => ({ dataset: id, digest, skipped: skipped.length })),
    numerics,
    ...output,
  };
  const entry = await timed(context, "store", () => writeEntry(store, finished));
  await checkpoints.clear();
  if (recorder !== undefined) await finishProfile(recorder, { stage: job.node, engine: opened, runDir: job.runDir });
  await engine.dispose();
  return { kind: "stored", dir: entry.dir, reused: false };
}

/** Scores a part of the episodes of an evaluation, and keeps it beside the parts of other jobs. */
async function shardJob(stage: Stage, context: Omit<StageContext, "packs">): Promise<Outcome> {
  if (stage.kind !== "evaluate") throw new Error(`the stage ${stage.id} has no episodes to divide`);
  context.emit({ type: "stage.start", attempt: context.job.attempt, engine: context.engine.numerics });
  await withWholePacks(stage, context, async (packs) => {
    context.progress.endPreparation();
    await scoreShard(stage, { ...context, packs });
  });
  await context.engine.dispose();
  return { kind: "shard" };
}

/** Keeps a classifier loaded and answers questions about it. The only data that it may read are those of its fit. */
async function stayResident(
  resident: Resident,
  answerQuestions: AnswerQuestions | undefined,
  context: Omit<StageContext, "packs">,
): Promise<never> {
  if (answerQuestions === undefined) throw new Error("nobody asks the classifier");
  const packs = await openPacks(resident.fitFrom === undefined ? [] : [resident.fitFrom.dataset], context.job);
  const classifier = new ResidentClassifier(resident, { ...context, packs });
  return await answerQuestions((question) => classifier.answer(question));
}

function runOfKind<K extends StageKind>(stage: StageOf<K>, context: StageContext): Promise<StageOutput> {
  const kind: K = stage.kind;
  return runners[kind](stage, context);
}

/** Opens the engine of the job. @throws DiagnosticError with the reason, if the engine or the device is not available. */
async function openEngine({ engine: { name, ...device }, threads }: PlacedJob): Promise<Engine> {
  try {
    return await createEngine(name, { ...device, threads: threads.engine });
  } catch (cause) {
    // A library or a card may have disappeared since the engine was chosen. The probe knows which, and what to do.
    const availability = await probeEngine(name);
    if (!availability.available) throw engineUnavailable(name, availability);
    const isGpuVisible = availability.devices.some((one) => one.startsWith("gpu"));
    throw device.device === "cpu" || isGpuVisible
      ? cause
      : deviceUnavailable(name, device.device, [{ name, availability }]);
  }
}

/**
 * Runs a stage with its packs. If a pack turns out to be damaged, it is made again from its source, and the stage starts
 * again, once for each dataset. Each image is compared with its checksum when it is read, so no damaged image was used.
 */
async function withWholePacks<T>(
  stage: Stage,
  context: JobContext,
  run: (packs: Map<string, Pack>) => Promise<T>,
): Promise<{ output: T; packs: Map<string, Pack> }> {
  const { job } = context;
  const repaired = new Set<string>();
  for (;;) {
    try {
      const packs = await timed(context, "open the data", () => openPacks(stageDatasets(stage), job));
      return { output: await run(packs), packs };
    } catch (error) {
      if (!(error instanceof DamagedPackError) || repaired.has(error.dir)) throw error;
      const id = stageDatasets(stage).find((one) => job.packs[one] === error.dir);
      const dataset = id === undefined ? undefined : job.experiment.datasets[id];
      if (dataset === undefined) throw error;
      repaired.add(error.dir);
      await repair(dataset, error, context);
    }
  }
}

async function openPacks(datasets: Iterable<string>, job: Job): Promise<Map<string, Pack>> {
  const packs = new Map<string, Pack>();
  for (const id of datasets) {
    const dir = own(job.packs, id);
    if (dir === undefined) throw new Error(`the dataset ${id} is not packed`);
    packs.set(id, await openPack(dir));
  }
  return packs;
}

function inputOf(job: Job, id: string): { stage: string; key: string; output: string } {
  const input = own(job.inputs, id);
  if (input === undefined) throw new Error(`the input ${id} of ${job.node} was not stored`);
  return { stage: id, key: input.key, output: input.output };
}
