/** Estimates the work and the memory of a stage from its lowered programs. */
import { lowerClassify, lowerEmbed, lowerTraining, type SegmentedProgram } from "../../lower/index.js";
import { cost } from "../../tensor/cost.js";
import type { Program } from "../../tensor/ir.js";
import { reachable } from "../../tensor/walk.js";
import { datasetOf } from "../../typed/find.js";
import { stepKinds, trainingSplit } from "../../typed/stage-kinds.js";
import { imagesIn } from "../../typed/tasks.js";
import type { EvaluateStage, Experiment, Metric, Network, TrainingStage } from "../../typed/tree.js";
import type { PlanOptions } from "./options.js";
import type { DeviceKernels, EvaluatePlan, StepCost } from "./report.js";

export function trainingCost(
  stage: TrainingStage,
  experiment: Experiment,
  steps: number,
  options: PlanOptions,
): StepCost {
  const kinds = stepKinds(stage);
  return kinds.map((kind) => kindCost(kind, experiment, steps / kinds.length, options)).reduce(largerCost);
}

/** Returns the cost of all steps of one kind. */
function kindCost(stage: TrainingStage, experiment: Experiment, steps: number, options: PlanOptions): StepCost {
  const lowered = lowerTraining(stage, datasetOf(experiment, trainingSplit(stage).dataset), {
    seed: options.seed,
  });
  const update = stepCost(lowered.program, steps, options);
  if (lowered.parts === undefined) return update;
  const { count, program } = lowered.parts;
  const part = stepCost(program, steps * count, options);
  return {
    flops: count * part.flops + update.flops,
    total: part.total + update.total,
    peakBytes: [Math.max(part.peakBytes[0], update.peakBytes[0]), Math.max(part.peakBytes[1], update.peakBytes[1])],
    ...joinKernels([part, update]),
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

/** Joins the missing kernels of several programs. */
function joinKernels(costs: readonly StepCost[]): Pick<StepCost, "kernels"> {
  const known = costs.flatMap(({ kernels }) => kernels ?? []);
  if (known.length === 0) return {};
  const all = (how: keyof DeviceKernels): string[] => [...new Set(known.flatMap((kernels) => kernels[how]))].sort();
  return { kernels: { decomposed: all("decomposed"), processor: all("processor") } };
}

/** Returns the cost of a program with loops that the runtime drives: all rounds of each loop, and the largest peak. */
function segmentedCost({ segments }: SegmentedProgram, times: number, options: PlanOptions): StepCost {
  const parts = segments.map((segment): StepCost => {
    const part = stepCost(segment.program, 1, options);
    return segment.kind === "loop" ? { ...part, flops: part.flops * segment.bound } : part;
  });
  const flops = parts.reduce((sum, part) => sum + part.flops, 0);
  const peak = (side: 0 | 1): number => Math.max(...parts.map((part) => part.peakBytes[side]));
  const ends = segments.some((segment) => segment.kind === "loop" && segment.active !== undefined);
  const most = ends ? { atMost: true as const } : {};
  return { flops, total: flops * times, peakBytes: [peak(0), peak(1)], ...most, ...joinKernels(parts) };
}

export function evaluateCost(stage: EvaluateStage, experiment: Experiment, options: PlanOptions): EvaluatePlan["cost"] {
  return scoringCost(stage, experiment, options);
}

/** Returns the work of all validations of a training, or undefined if it has none. */
export function validationWork(stage: TrainingStage, experiment: Experiment, options: PlanOptions): number | undefined {
  const { validate, encoder, duration } = stage;
  if (validate === undefined) return undefined;
  const once = scoringCost({ encoder, rows: [validate], report: [] }, experiment, options);
  return once && Math.ceil(duration.epochs / validate.everyEpochs) * (once.image.total + once.episode.total);
}

type Scored = Pick<EvaluateStage["rows"][number], "task" | "split" | "episodes" | "metric">;

function scoringCost(
  {
    encoder: { value: encoder },
    rows: scored,
    report,
  }: Pick<EvaluateStage, "encoder" | "report"> & { readonly rows: readonly Scored[] },
  experiment: Experiment,
  options: PlanOptions,
): EvaluatePlan["cost"] {
  const [row] = scored;
  if (row === undefined) return undefined;
  const dataset = datasetOf(experiment, row.split.dataset);
  const embed = lowerEmbed(encoder, dataset, {
    batch: 1,
    outputs: embeddedForms(row.metric, encoder),
    slot: "encoder",
  });
  // All rows draw from one split.
  const named = scored.reduce((n, r) => n + r.episodes * imagesIn(r.task), 0);
  const images = Math.min(named, dataset.facts?.splits[row.split.split]?.images ?? named);
  const rows = scored.map(({ metric, task, episodes }) =>
    segmentedCost(lowerClassify(metric, task, encoder, { episodes: 1, report, seed: options.seed }), episodes, options),
  );
  return { image: stepCost(embed, images, options), episode: rows.reduce(largerCost) };
}

/** Joins the costs of two rows. The work of an episode is at most that of the larger row, and the totals add up. */
function largerCost(a: StepCost, b: StepCost): StepCost {
  const most = a.flops !== b.flops || a.atMost || b.atMost ? { atMost: true as const } : {};
  const peak = (side: 0 | 1): number => Math.max(a.peakBytes[side], b.peakBytes[side]);
  return {
    flops: Math.max(a.flops, b.flops),
    total: a.total + b.total,
    peakBytes: [peak(0), peak(1)],
    ...most,
    ...joinKernels([a, b]),
  };
}

/** Returns the encoder outputs that a metric's `classify` takes. */
export function embeddedForms(metric: Metric, encoder: Network): readonly string[] {
  const forms = metric.entries.classify?.params.map((param) => param.form) ?? [];
  return [...new Set(forms)].filter((form) => form in encoder.outputs);
}
