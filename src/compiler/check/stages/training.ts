/** The lines of a stage that trains: its optimizer, schedule and average of weights, and the weights that they are for. */
import type { Duration, Learn, Metric, Network, Optimizer, Schedule, Slot } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import { describe } from "../core/values.js";
import type { StageContext } from "./context.js";
import { elaborateOptimizer } from "./optimizer.js";
import { elaborateSchedule } from "./schedule.js";
import { settingValue } from "./setting-value.js";
import { findLine } from "./stage-lines.js";

export interface TrainedSlots {
  readonly encoder?: Slot<Network>;
  readonly head?: Slot<Network>;
  readonly metric?: Slot<Metric>;
  /** The values that the loss learns. */
  readonly learns?: readonly Learn[];
}

/** Returns the paths of the weights that a stage trains, such as `encoder.conv.0.weight`. Frozen slots have none. */
export function trainablePaths({ encoder, head, metric, learns }: TrainedSlots): string[] {
  const network = (slot: Slot<Network> | undefined): Network | undefined =>
    slot === undefined || slot.frozen ? undefined : slot.value;
  return [
    ...networkPaths("encoder", network(encoder)),
    ...networkPaths("head", network(head)),
    ...learnPaths("metric", metric === undefined || metric.frozen ? [] : metric.value.learns),
    ...learnPaths("learn", learns ?? []),
  ];
}

function networkPaths(prefix: string, network: Network | undefined): string[] {
  return (network?.weights ?? []).flatMap(({ path, trainable }) => (trainable ? [`${prefix}.${path}`] : []));
}

function learnPaths(prefix: string, learns: readonly Learn[]): string[] {
  return learns.flatMap((learn) => {
    if (learn.kind === "tensor" && learn.fixed) return [];
    const path = `${prefix}.${learn.name}`;
    return learn.kind === "module" ? networkPaths(path, learn.network) : [path];
  });
}

/** Returns the optimizer over these weights, or undefined after a report. Reports FSL5040 if the stage trains none. */
export function stageOptimizer({ decl, scope, lines }: StageContext, paths: readonly string[]): Optimizer | undefined {
  const written = findLine(lines, "optimizer", "optimizer");
  if (written === undefined) return undefined;
  const optimizer = elaborateOptimizer(written.line, paths, written.scope);
  if (optimizer === undefined || paths.some((path) => optimizer.overrides[path]?.frozen !== true)) return optimizer;
  const isEmpty = paths.length === 0;
  const why = isEmpty ? "its slots hold nothing that trains" : "every group is frozen";
  const span = isEmpty ? decl.name.span : written.line.span;
  scope.checker.report("FSL5040", span, { stage: decl.name.text, why });
  return undefined;
}

/** Returns the schedule, which is constant without a line, or undefined after a report. */
export function stageSchedule({ lines }: StageContext, duration: Duration): Schedule | undefined {
  const written = findLine(lines, "schedule", "schedule");
  if (written === undefined) return { kind: "constant", warmup: 0 };
  return elaborateSchedule(written.line.value, duration, written.scope);
}

/** Returns the decay of `ema 0.999`, or undefined without such a line. */
export function stageEma({ lines }: StageContext): number | undefined | Reported {
  const written = findLine(lines, "ema", "setting");
  if (written === undefined) return undefined;
  const { checker } = written.scope;
  const what = "the decay of the average";
  const value = settingValue(written, what);
  if (value === undefined) return reported;
  if (value.kind !== "real" && value.kind !== "int") {
    checker.report("FSL3009", value.span, { what, expected: "a number", found: describe(value) });
    return reported;
  }
  if (value.value > 0 && value.value < 1) return value.value;
  const holes = { what: "the decay of `ema`", range: "above 0 and below 1", found: value.value };
  checker.report("FSL5008", value.span, holes);
  return reported;
}
