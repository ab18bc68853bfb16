/** Runs the one stage of a job: opens packs, makes the engine, drives the stage, stores what it made. */
import { ingestId, stageDatasets, stageNeeds } from "../../compiler/stages/graph.js";
import type { Stage } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { openPack } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { createEngine, probeEngine } from "../engines/index.js";
import { noDevice, unusable } from "../engines/select.js";
import { numericsId, numericsRecord } from "../store/numerics.js";
import { findEntry, readEntry, writeEntry } from "../store/store.js";
import { version } from "../system/package.js";
import { projectPaths } from "../system/project.js";
import { chunks } from "./chunks.js";
import type { StageContext } from "./context.js";
import { runEvaluate } from "./evaluate.js";
import { runIngest } from "./ingest.js";
import type { Job, Outcome, PlacedJob } from "./job.js";
import { runMeta } from "./meta.js";
import { runPretrain } from "./pretrain.js";

export async function runStage(context: StageContext): Promise<Outcome> {
  const { job, emit } = context;
  const dataset = Object.values(job.experiment.datasets).find(({ id }) => ingestId(id) === job.node);
  if (dataset !== undefined) {
    emit({ type: "stage.start", attempt: 1, engine: undefined });
    await runIngest(dataset, context);
    return { kind: "packed" };
  }
  const stage = job.experiment.stages.find(({ id }) => id === job.node);
  if (stage === undefined) throw new Error(`no stage ${job.node}`);
  const engine = await openEngine(job);
  const numerics = numericsRecord(engine.numerics, chunks);
  if (job.reuseExact) {
    const entry = findEntry(projectPaths.store(job.project), job.key, { numerics: numericsId(numerics) });
    if (entry !== undefined) return { kind: "stored", dir: entry.dir, reused: true };
  }
  emit({ type: "stage.start", attempt: 1, engine: engine.numerics });
  const started = performance.now();
  const packs = await openPacks(stage, job);
  context.progress.endPreparation();
  const made = await drive(stage, packs, engine, context);
  const entry = writeEntry(projectPaths.store(job.project), {
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
    ...made,
  });
  await engine.dispose();
  return { kind: "stored", dir: entry.dir, reused: false };
}

async function drive(stage: Stage, packs: ReadonlyMap<string, Pack>, engine: Engine, context: StageContext) {
  switch (stage.kind) {
    case "pretrain":
      return { results: [], reports: [], ...(await runPretrain(stage, packs, engine, context)) };
    case "meta":
      return { results: [], reports: [], ...(await runMeta(stage, packs, engine, context)) };
    case "evaluate":
      return { history: [], ...(await runEvaluate(stage, packs, engine, context)) };
    default:
      return stage satisfies never;
  }
}

/** The engine of the job, or the diagnostic that says why it cannot be had. */
async function openEngine({ engine: { name, ...device }, threads, project }: PlacedJob): Promise<Engine> {
  try {
    return await createEngine(name, { ...device, threads: threads.engine }, project.dir);
  } catch (cause) {
    // A library or a card that is gone since the engine was chosen: what it is and what fixes it, the probe knows.
    const availability = await probeEngine(name, project.dir);
    if (!availability.available) throw unusable(name, availability);
    const seen = availability.devices.some((one) => one.startsWith("gpu"));
    throw device.device === "cpu" || seen ? cause : noDevice(name, device.device, [{ name, availability }]);
  }
}

async function openPacks(stage: Stage, job: Job): Promise<Map<string, Pack>> {
  const packs = new Map<string, Pack>();
  for (const id of stageDatasets(stage)) {
    const dir = job.packs[id];
    if (dir === undefined) throw new Error(`the dataset ${id} is not packed`);
    packs.set(id, await openPack(dir));
  }
  return packs;
}

function inputOf(job: Job, id: string): { stage: string; key: string; output: string } {
  const input = job.inputs[id];
  const read = input === undefined ? { problem: "it was not stored" } : readEntry(input.dir);
  if ("problem" in read) throw new Error(`the input ${id} of ${job.node} is gone: ${read.problem}`);
  return { stage: id, key: read.entry.manifest.key, output: read.entry.manifest.output };
}
