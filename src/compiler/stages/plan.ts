/** The plan of a run: every stage with its key, shapes, weights, work and memory, before anything runs. */
import { lowerClassify, lowerEmbed, lowerTraining, type SegmentedProgram } from "../lower/index.js";
import { cost } from "../tensor/cost.js";
import type { Node, Program } from "../tensor/ir.js";
import { reachable } from "../tensor/walk.js";
import {
  optimizerText,
  reportText,
  scheduleText,
  sourceText,
  splitText,
  taskText,
  transformText,
} from "../typed/describe.js";
import type {
  Dataset,
  EvaluateStage,
  Experiment,
  MetaStage,
  Metric,
  Network,
  PretrainStage,
  Task,
} from "../typed/tree.js";
import { stageWeights } from "../typed/weights.js";
import type { Canonical } from "./canonical.js";
import { pretrainOf, type StageNode, stageGraph } from "./graph.js";
import { differencesInBrief, keyContent, keyDifferences, stageKey } from "./key.js";
import { elements, learnsPlan, metricPlan, networkPlan, withoutClasses } from "./networks.js";
import { norms } from "./norms.js";
import type {
  DeviceKernels,
  EvaluatePlan,
  IngestPlan,
  OptimizerGroupPlan,
  PlanReport,
  StagePlan,
  StageStatus,
  StepCost,
  TrainingPlan,
} from "./report.js";

/** A finished stage in the store. */
export interface StoredStage {
  /** Digest of its output. */
  readonly output: string;
  /** What computed it, for people: engine, version, device. */
  readonly by: string;
}
export interface PlanOptions {
  readonly seed: number;
  readonly wanted?: readonly string[];
  /** What the store holds under a key. */
  readonly lookup: (key: string) => StoredStage | undefined;
  /** Stages that are to run although the store has them. */
  readonly force?: ReadonlySet<string>;
  /** Digests of the datasets that are packed already, by dataset id. */
  readonly data: Readonly<Record<string, string | undefined>>;
  /** What was hashed for each stored stage: lets the plan say what changed. */
  readonly stored?: readonly Canonical[];
  /** The engine's peak memory over the graph's liveness: the least and the most that its bench saw. */
  readonly engine: {
    readonly name: string;
    readonly device: string;
    readonly adapter?: string;
    readonly why?: string;
    readonly peakFactor: readonly [number, number];
    /** How a device with kernels of its own computes a use of an op; undefined on the processor. */
    readonly support?: (node: Pick<Node, "op" | "dtype">) => "native" | "decomposed" | "processor";
  };
  /** False leaves out `cost`, for which every stage has to be lowered. */
  readonly costs?: boolean;
}

export function buildPlan(experiment: Experiment, options: PlanOptions): PlanReport {
  const graph = stageGraph(experiment, options.wanted);
  const outputs: Record<string, string> = {};
  const stages = graph.nodes.map((node): StagePlan => {
    if (node.kind === "ingest") return ingestPlan(node, options.data[node.dataset.id]);
    const inputs = { seed: options.seed, outputs, data: options.data };
    const key = stageKey(node.stage, experiment, inputs);
    const found = key === undefined || options.force?.has(node.id) ? undefined : options.lookup(key);
    if (found !== undefined) outputs[node.id] = found.output;
    const status =
      found !== undefined
        ? ({ cached: true, by: found.by } as const)
        : missing(node.id, key, keyContent(node.stage, experiment, inputs), node.needs, options, outputs);
    const base = {
      id: node.id,
      name: node.name,
      needs: node.needs,
      key: key ?? ("pending" as const),
      status,
      blockers: node.stage.blockers.map((blocker) => blocker.message),
    };
    const { stage } = node;
    return stage.kind === "evaluate"
      ? { ...base, ...evaluatePlan(stage, experiment, options) }
      : { ...base, ...trainingPlan(stage, experiment, options) };
  });
  const { name, peakFactor: _, support: __, ...engine } = options.engine;
  return { file: experiment.file, seed: options.seed, engine: name, ...engine, stages };
}

function missing(
  id: string,
  key: string | undefined,
  content: Canonical | undefined,
  needs: readonly string[],
  options: PlanOptions,
  outputs: Readonly<Record<string, string>>,
): StageStatus {
  if (options.force?.has(id)) return { cached: false, why: "asked for by --force", differs: [] };
  if (key === undefined || content === undefined) {
    const waits = needs.filter((need) => {
      const dataset = need.startsWith("data:") ? need.slice("data:".length) : undefined;
      return dataset === undefined ? outputs[need] === undefined : options.data[dataset] === undefined;
    });
    return { cached: false, why: `waits for ${waits.join(", ")}`, differs: [] };
  }
  const differences = (options.stored ?? [])
    .filter((other) => kindOf(other) === kindOf(content))
    .map((other) => keyDifferences(other, content))
    .sort((a, b) => a.length - b.length)[0];
  return { cached: false, why: "not in the store", differs: differencesInBrief(differences ?? []) };
}

/** The stage kind inside what was hashed. */
function kindOf(content: Canonical): Canonical | undefined {
  const field = (value: Canonical | undefined, name: string): Canonical | undefined =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? (value as Readonly<Record<string, Canonical>>)[name]
      : undefined;
  return field(field(content, "stage"), "kind");
}

function ingestPlan(node: Extract<StageNode, { kind: "ingest" }>, digest: string | undefined): IngestPlan {
  const { dataset } = node;
  const { channels, height, width } = dataset.image;
  return {
    kind: "ingest",
    id: node.id,
    name: node.name,
    needs: [],
    key: digest ?? "pending",
    status: digest
      ? { cached: true, by: "packed" }
      : { cached: false, why: "its images are not packed yet", differs: [] },
    blockers: [],
    source: sourceText(dataset.source),
    image: `${channels}×${height}×${width}`,
    train: dataset.train.map(transformText),
    eval: dataset.eval.map(transformText),
    splits: Object.entries(dataset.facts?.splits ?? {}).map(([split, facts]) => ({
      split,
      classes: facts.classes,
      images: facts.images,
      smallest: `${facts.smallest.name} (${facts.smallest.images})`,
    })),
  };
}

// ------------------------------------------------------------ training

type Own<T> = Omit<T, "id" | "name" | "needs" | "key" | "status" | "blockers">;

function trainingPlan(
  stage: PretrainStage | MetaStage,
  experiment: Experiment,
  options: PlanOptions,
): Own<TrainingPlan> {
  const { duration, validate } = stage;
  const steps = duration.epochs * duration.stepsPerEpoch;
  const pretrain = stage.kind === "pretrain";
  const counted = !pretrain || factsOf(stage, experiment) !== undefined;
  return {
    kind: stage.kind,
    data: pretrain ? splitText(stage.data) : `${taskText(stage.episodes.task)} from ${splitText(stage.episodes.split)}`,
    networks: [
      networkPlan("encoder", stage.encoder),
      ...(pretrain
        ? [
            counted ? networkPlan("head", stage.head) : withoutClasses(networkPlan("head", stage.head), stage.classes),
            ...(stage.learns.length > 0 ? [learnsPlan("learn", "of the loss", stage.learns, stage.encoder.value)] : []),
          ]
        : [metricPlan(stage.metric, stage.encoder.value)]),
    ],
    norms: norms(stage),
    optimizer: groups(stage, counted),
    schedule: scheduleText(stage.schedule),
    epochs: duration.epochs,
    steps: counted ? steps : undefined,
    perStep: `${duration.perStep} ${pretrain ? "image" : "episode"}${duration.perStep === 1 ? "" : "s"}${
      duration.parts === undefined ? "" : ` in ${duration.parts} parts`
    }`,
    validation:
      validate !== undefined
        ? `${taskText(validate.task)} from ${splitText(validate.split)}, ${validate.episodes} episodes every ${
            validate.everyEpochs === 1 ? "epoch" : `${validate.everyEpochs} epochs`
          }${validate.keepBest ? ", keep best" : ""}${validate.patience === undefined ? "" : `, patience ${validate.patience} epochs`}`
        : undefined,
    ema: stage.ema,
    cost:
      options.costs === false || stage.blockers.length > 0
        ? undefined
        : trainingCost(stage, experiment, steps, options),
  };
}

function trainingCost(
  stage: PretrainStage | MetaStage,
  experiment: Experiment,
  steps: number,
  options: PlanOptions,
): StepCost {
  const split = stage.kind === "pretrain" ? stage.data : stage.episodes.split;
  const lowered = lowerTraining(stage, datasetOf(experiment, split.dataset), {
    seed: options.seed,
    stage: (id) => pretrainOf(experiment, id),
  });
  const update = stepCost(lowered.program, steps, options);
  if (lowered.parts === undefined) return update;
  const { count, program } = lowered.parts;
  const part = stepCost(program, steps * count, options);
  return {
    flops: count * part.flops + update.flops,
    total: part.total + update.total,
    peakBytes: [Math.max(part.peakBytes[0], update.peakBytes[0]), Math.max(part.peakBytes[1], update.peakBytes[1])],
    ...together([part, update]),
  };
}

function stepCost(program: Program, times: number, { engine }: PlanOptions): StepCost {
  const { flops, peakBytes } = cost(program);
  const [low, high] = engine.peakFactor;
  return {
    flops,
    total: flops * times,
    peakBytes: [Math.round(peakBytes * low), Math.round(peakBytes * high)],
    ...(engine.support === undefined ? {} : { kernels: deviceKernels(program, engine.support) }),
  };
}

function deviceKernels({ outputs }: Program, support: NonNullable<PlanOptions["engine"]["support"]>): DeviceKernels {
  const nodes = reachable(outputs.map(({ node }) => node));
  const by = (how: "decomposed" | "processor"): string[] =>
    [...new Set(nodes.filter((node) => support(node) === how).map(({ op }) => op))].sort();
  return { decomposed: by("decomposed"), processor: by("processor") };
}

/** Of several programs. */
function together(costs: readonly StepCost[]): Pick<StepCost, "kernels"> {
  const known = costs.flatMap(({ kernels }) => kernels ?? []);
  if (known.length === 0) return {};
  const all = (how: keyof DeviceKernels): string[] => [...new Set(known.flatMap((kernels) => kernels[how]))].sort();
  return { kernels: { decomposed: all("decomposed"), processor: all("processor") } };
}

/** Of a program with loops that the runtime drives: their rounds at most, the peak of the largest part. */
function stagedCost({ segments }: SegmentedProgram, times: number, options: PlanOptions): StepCost {
  const parts = segments.map((segment): StepCost => {
    const part = stepCost(segment.program, 1, options);
    return segment.kind === "loop" ? { ...part, flops: part.flops * segment.bound } : part;
  });
  const flops = parts.reduce((sum, part) => sum + part.flops, 0);
  const peak = (side: 0 | 1): number => Math.max(...parts.map((part) => part.peakBytes[side]));
  const ends = segments.some((segment) => segment.kind === "loop" && segment.active !== undefined);
  const most = ends ? { atMost: true as const } : {};
  return { flops, total: flops * times, peakBytes: [peak(0), peak(1)], ...most, ...together(parts) };
}

/** Weights by the settings that the optimizer moves them with. */
function groups(stage: PretrainStage | MetaStage, counted: boolean): OptimizerGroupPlan[] {
  const { optimizer } = stage;
  const frozen = new Set<string>();
  if (stage.encoder.frozen) frozen.add("encoder");
  if (stage.kind === "pretrain" ? stage.head.frozen : stage.metric.frozen) {
    frozen.add(stage.kind === "pretrain" ? "head" : "metric");
  }
  const bySettings = new Map<string, { weights: string[]; parameters: number }>();
  for (const { path, shape, trainable } of stageWeights(stage)) {
    if (!trainable) continue;
    const own = optimizer.overrides[path];
    const settings =
      own?.frozen || frozen.has(path.slice(0, path.indexOf(".")))
        ? "frozen"
        : optimizerText(optimizer, own?.lr ?? optimizer.lr, own?.weightDecay ?? optimizer.weightDecay);
    const group = bySettings.get(settings) ?? { weights: [], parameters: 0 };
    group.weights.push(path);
    group.parameters += elements(shape);
    bySettings.set(settings, group);
  }
  return [...bySettings].map(([settings, { weights, parameters }]) =>
    counted || !weights.some((path) => path.startsWith("head."))
      ? { settings, weights, parameters }
      : { settings, weights },
  );
}

/** What is known of the images of a pretraining before they are read. */
function factsOf({ data }: PretrainStage, experiment: Experiment) {
  return experiment.datasets[data.dataset]?.facts?.splits[data.split];
}

// ------------------------------------------------------------ evaluation

function evaluatePlan(stage: EvaluateStage, experiment: Experiment, options: PlanOptions): Own<EvaluatePlan> {
  const { embedOnce } = stage;
  return {
    kind: "evaluate",
    networks: [networkPlan("encoder", stage.encoder), metricPlan(stage.metric, stage.encoder.value)],
    rows: stage.rows.map((row) => ({
      label: row.label,
      episodes: `${taskText(row.task)} from ${splitText(row.split)}${row.given === undefined ? "" : `, listed in ${row.given.path}`}`,
      count: row.episodes,
    })),
    report: stage.report.map(reportText),
    embed: embedOnce.legal
      ? {
          once: true,
          why: "the metric takes embeddings, batch norms use running statistics and the eval transforms are fixed",
        }
      : { once: false, why: embedOnce.why },
    ...(stage.fitFrom === undefined ? {} : { fitFrom: splitText(stage.fitFrom) }),
    cost:
      options.costs === false || stage.blockers.length > 0 || !embedOnce.legal
        ? undefined
        : evaluateCost(stage, experiment, options),
  };
}

function evaluateCost(stage: EvaluateStage, experiment: Experiment, options: PlanOptions): EvaluatePlan["cost"] {
  const [row] = stage.rows;
  if (row === undefined) return undefined;
  const dataset = datasetOf(experiment, row.split.dataset);
  const encoder = stage.encoder.value;
  const embed = lowerEmbed(encoder, dataset, {
    batch: 1,
    outputs: embeddedForms(row.metric, encoder),
    slot: "encoder",
  });
  // All rows draw from one split.
  const named = stage.rows.reduce((n, r) => n + r.episodes * imagesOf(r.task), 0);
  const images = Math.min(named, dataset.facts?.splits[row.split.split]?.images ?? named);
  const rows = stage.rows.map(({ metric, task, episodes }) =>
    stagedCost(lowerClassify(metric, task, encoder, { episodes: 1, report: stage.report }), episodes, options),
  );
  return { image: stepCost(embed, images, options), episode: rows.reduce(largerCost) };
}

/** Of two rows: the work of the larger, which is then at most an episode's, and both in all. */
function largerCost(a: StepCost, b: StepCost): StepCost {
  const most = a.flops !== b.flops || a.atMost || b.atMost ? { atMost: true as const } : {};
  const peak = (side: 0 | 1): number => Math.max(a.peakBytes[side], b.peakBytes[side]);
  return {
    flops: Math.max(a.flops, b.flops),
    total: a.total + b.total,
    peakBytes: [peak(0), peak(1)],
    ...most,
    ...together([a, b]),
  };
}

const imagesOf = (task: Task): number => task.way * (task.shot + task.query);

/** The encoder outputs that a metric's `classify` takes. */
export function embeddedForms(metric: Metric, encoder: Network): readonly string[] {
  const forms = metric.entries.classify?.params.map((param) => param.form) ?? [];
  return [...new Set(forms)].filter((form) => form in encoder.outputs);
}

function datasetOf(experiment: Experiment, id: string): Dataset {
  const found = experiment.datasets[id];
  if (found === undefined) throw new Error(`plan: no dataset ${id}`);
  return found;
}
