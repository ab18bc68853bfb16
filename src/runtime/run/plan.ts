/** Plans a run before anything starts: the compiler's plan, together with the entries of the store. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { Canonical } from "../../compiler/stages/canonical/value.js";
import { ingestedDataset } from "../../compiler/stages/graph.js";
import type { PlanOptions } from "../../compiler/stages/plan/options.js";
import type { ComputedBy, Continues, PlanReport } from "../../compiler/stages/plan/report.js";
import { buildPlan } from "../../compiler/stages/plan.js";
import type { Node } from "../../compiler/tensor/ir.js";
import type { DataDigests, Experiment } from "../../compiler/typed/tree.js";
import { digestsOf, findPack, unfinishedIngest } from "../data/index.js";
import { createEngine } from "../engines/index.js";
import { onnxSupportOf } from "../engines/onnx/support.js";
import { chooseEngine, type EngineChoice } from "../engines/select.js";
import { chunks } from "../stages/chunks.js";
import { unfinishedStage } from "../store/checkpoints.js";
import { type NumericsRecord, numericsId, numericsRecord } from "../store/numerics.js";
import { allEntries, findEntry, readContent } from "../store/store.js";
import { readMemory } from "../system/memory.js";
import { version } from "../system/package.js";
import { projectPaths } from "../system/project.js";
import { withExpectedTimes } from "./expected-time.js";
import { type PreparedRun, prepareRun, RefusedError, type RunOptions } from "./preflight.js";

/** The number of stored stages, the newest ones, with which an explanation of changes compares. */
const comparedStages = 200;

/**
 * The peak memory of an engine relative to the liveness of its program: the smallest and the largest measured factor. Measured for `onnx`
 * as a worker's peak resident memory in training less that at its start, conv64: 1.4 for one episode a step at 84 px,
 * 3.6 for four (ONNX Runtime orders nodes by itself and keeps more than one episode's activations), 5.9 for four at
 * 32 px, where fixed costs dominate. For `tensorflow` in the same way 1.2 for one episode a step at 84 px, 1.7 at 28 px.
 * For `onednn` in a process that only runs steps 0.7 for one episode at 84 px (it fuses what the program has apart), 2.2 at 28 px.
 * The interpreter keeps each number in twice the bytes.
 */
const peakFactor: Readonly<Record<string, readonly [number, number]>> = {
  onnx: [1.4, 6],
  onednn: [0.7, 2.2],
  tensorflow: [1.2, 4],
  reference: [2, 4],
};

/**
 * Plans an experiment or the variants of one, including stages that cannot run yet. With `times` it expects how long they take, for which
 * it may have to measure the engine. @throws RefusedError if an option is refused. */
export async function plan(
  experiments: Experiment | readonly Experiment[],
  options: RunOptions,
  { costs, times = false }: { readonly costs: boolean; readonly times?: boolean } = { costs: true },
): Promise<PlanReport> {
  const preparation = prepareRun(experiments, options, "with blockers");
  if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
  const { prepared } = preparation;
  try {
    const engine = prepared.choice ?? (await chooseEngine(prepared.asked));
    const numerics = prepared.exact ? await numericsHere(engine, prepared.threads.engine) : undefined;
    const report = await planPrepared(prepared, engine, { costs, numerics });
    return times ? await withExpectedTimes(report, prepared.threads.engine) : report;
  } catch (error) {
    throw error instanceof DiagnosticError ? new RefusedError([error.diagnostic]) : error;
  }
}

/**
 * Plans a prepared run for an engine. With `costs` it lowers every stage, which takes a while for large ones. With `numerics`, only
 * entries of these numerics count as stored.
 */
export async function planPrepared(
  prepared: PreparedRun,
  engine: EngineChoice,
  { costs, numerics }: { readonly costs: boolean; readonly numerics?: string | undefined },
): Promise<PlanReport> {
  const { experiment, graph, project, seed, acceptedNumerics, force, threads } = prepared;
  const at = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  const data: Record<string, DataDigests | undefined> = {};
  const decoded: Record<string, Continues | undefined> = {};
  for (const node of graph.nodes) {
    if (node.of.kind !== "ingest") continue;
    const { dataset } = node.of;
    const pack = await findPack(dataset, at);
    const id = ingestedDataset(node.id) ?? node.id;
    data[id] = pack && digestsOf(pack, dataset);
    const begun = pack === undefined ? unfinishedIngest(dataset, at) : undefined;
    decoded[id] = begun && { count: begun.done, unit: "images" };
  }
  const computes = (numerics: NumericsRecord): boolean =>
    numerics.engine === engine.name &&
    numerics.device === engine.device &&
    numerics.precision === engine.precision &&
    numerics.threads === threads.engine;
  const store = projectPaths.store(project);
  const options: PlanOptions = {
    seed,
    lookup: (key) => {
      const entry = findEntry(store, key, { ...acceptedNumerics, ...(numerics === undefined ? {} : { numerics }) });
      return (
        entry && {
          output: entry.manifest.output,
          by: computedBy(entry.manifest.numerics),
          seconds: entry.manifest.seconds,
        }
      );
    },
    unfinished: (key) => unfinishedStage(projectPaths.checkpoints(project), { key, version }, computes),
    force,
    data,
    decoded,
    stored: graph.variants.length > 1 ? [] : newestContents(store),
    costs,
    engine: {
      ...engine,
      peakFactor: peakFactor[engine.name] ?? [1, 6],
      ...(engine.name === "onnx" && engine.device !== "cpu"
        ? { support: (node: Pick<Node, "op" | "dtype">) => onnxSupportOf(node, "gpu") }
        : {}),
    },
  };
  const report = buildPlan(experiment, options, graph);
  const planned = {
    ...report,
    ...(prepared.jobs > 1 ? { jobs: prepared.jobs } : {}),
    ...clusterPlan(prepared),
  };
  return costs && engine.device === "cpu" && prepared.cluster === undefined
    ? { ...planned, memory: readMemory() }
    : planned;
}

/** Returns the settings with which jobs are submitted, if a cluster computes. `--threads` has set the cores of each. */
function clusterPlan({ cluster }: PreparedRun): Pick<PlanReport, "cluster"> {
  if (cluster === undefined) return {};
  return { cluster: { ...cluster.settings, ...(cluster.cpus === undefined ? {} : { cpus: cluster.cpus }) } };
}

/** Returns the id of the numerics of this machine. Only an open engine knows them. Without the engine, no entry has them. */
async function numericsHere({ name, why: _, ...device }: EngineChoice, threads: number): Promise<string> {
  const engine = await createEngine(name, { ...device, threads }).catch(() => undefined);
  if (engine === undefined) return "";
  const id = numericsId(numericsRecord(engine.numerics, chunks));
  await engine.dispose();
  return id;
}

/** Returns the key contents of the newest stored stages. A sweep is not compared with them: it says itself in what its stages differ. */
function newestContents(store: string): Canonical[] {
  return allEntries(store)
    .slice(0, comparedStages)
    .flatMap((entry) => readContent(entry) ?? []);
}

function computedBy({ engine, version, device, adapter, threads, precision }: NumericsRecord): ComputedBy {
  const rounding = precision === undefined ? {} : { precision };
  return { engine, version, device, ...(adapter === undefined ? {} : { adapter }), threads, ...rounding };
}
