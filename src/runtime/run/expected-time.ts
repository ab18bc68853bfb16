/** Tells how long the stages of a plan are expected to take, from the measured speed of the engine on this machine. */
import type { PlanReport, StagePlan } from "../../compiler/stages/plan/report.js";
import { cost } from "../../compiler/tensor/cost.js";
import { cpuSpeed } from "../engines/speeds/speeds.js";
import { trialStep } from "../engines/speeds/step.js";

/** The shortest and the longest time, in seconds. */
type Range = readonly [number, number];

/**
 * The time of a stage relative to its work at the speed of the trial step: the smallest and the largest factor. Measured with two threads,
 * the step at 147 GFLOP/s on `onednn` and 46 on `onnx`: 0.67 to 0.86 (conv64 at 84 and 32 px on `onnx`), 1.0 to 1.2 (the same on
 * `onednn`), 1.2 and 1.7 (MAML), with room on both sides for what was not measured.
 */
const workFactor: Range = [0.6, 2];
/** The time in seconds of a stage beside its work: to load and compile, and to store. */
const stageSeconds: Range = [0.4, 4];
/** The time in seconds of an episode of an evaluation beside its work. */
const episodeSeconds: Range = [0.00005, 0.0005];
/** Loops that may end early are counted to their bounds. They do at least this share of the work. */
const leastOfLoops = 0.2;

/**
 * Returns the plan with the expected times of its stages, or as it was if the speed of this machine says nothing about them. `stepSeconds`
 * returns the seconds of a trial step.
 */
export async function withExpectedTimes(
  plan: PlanReport,
  threads: number,
  stepSeconds: (engine: string, threads: number) => Promise<number | undefined> = cpuSpeed,
): Promise<PlanReport> {
  if (plan.device !== "cpu" || plan.cluster !== undefined || !plan.stages.some(isComputed)) return plan;
  const seconds = await stepSeconds(plan.engine, threads);
  if (seconds === undefined) return plan;
  const speed = cost(trialStep()).flops / seconds;
  const stages = plan.stages.map((stage) => {
    const range = isComparable(stage, plan.engine, threads) ? expectedSeconds(stage, speed) : undefined;
    return range === undefined ? stage : { ...stage, expectedSeconds: range };
  });
  const open = stages.filter(runs).flatMap((stage) => (stage.expectedSeconds === undefined ? [] : [stage]));
  const sum = (side: 0 | 1): number => open.reduce((total, stage) => total + (stage.expectedSeconds?.[side] ?? 0), 0);
  // With several jobs the cores are divided, so the whole is at best as many times faster.
  return open.length === 0
    ? { ...plan, stages }
    : { ...plan, stages, expectedSeconds: [sum(0) / (plan.jobs ?? 1), sum(1)] };
}

const isComputed = (stage: StagePlan): boolean => stage.kind !== "ingest" && stage.cost !== undefined;

/** Returns false for a stored stage that another engine or another number of threads has computed: its time says nothing about this one. */
function isComparable({ status }: StagePlan, engine: string, threads: number): boolean {
  return !status.cached || (status.by?.engine === engine && status.by.threads === threads);
}

/** Returns true if the stage is neither in the store nor taken from another one. */
const runs = ({ status }: StagePlan): boolean => !status.cached && status.because.kind !== "same";

function expectedSeconds(stage: StagePlan, speed: number): Range | undefined {
  if (stage.kind === "ingest" || stage.cost === undefined) return undefined;
  const { work, episodes, endsEarly } =
    stage.kind === "evaluate"
      ? {
          work: stage.cost.image.total + stage.cost.episode.total,
          episodes: stage.rows.reduce((sum, row) => sum + row.episodes, 0),
          endsEarly: stage.cost.episode.atMost,
        }
      : { work: stage.cost.total + (stage.validationWork ?? 0), episodes: 0, endsEarly: undefined };
  const left = 1 - shareDone(stage, episodes);
  const [low, high] = [0, 1].map((side) => {
    const factor = side === 0 && endsEarly ? leastOfLoops * (workFactor[0] ?? 0) : (workFactor[side] ?? 0);
    return (stageSeconds[side] ?? 0) + left * ((work / speed) * factor + episodes * (episodeSeconds[side] ?? 0));
  });
  return [low ?? 0, high ?? 0];
}

/** Returns the share of a stage that an earlier run has done and that is not repeated. */
function shareDone(stage: StagePlan, episodes: number): number {
  const done = stage.status.cached ? undefined : stage.status.continues;
  if (done === undefined) return 0;
  if (done.unit === "episodes") return episodes === 0 ? 0 : Math.min(1, done.count / episodes);
  if (stage.kind === "ingest" || stage.kind === "evaluate" || stage.cost === undefined) return 0;
  return Math.min(1, (done.count * stage.cost.flops) / stage.cost.total);
}
