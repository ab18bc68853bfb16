/** The schedule of a stage's learning rate, with every time turned into steps. */
import type * as ast from "../../../../grammar/ast.js";
import type { Duration, Schedule } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import type { IntValue, Value } from "../core/values.js";
import { type BoundCall, bindNamedCall, type SettingTable } from "../expressions/settings.js";

const times = { kind: "times", units: ["epoch", "step", "episode", "image"] } as const;
const warmup = { name: "warmup", type: times, default: 0 } as const;
const schedules: SettingTable = {
  constant: [warmup],
  step: [
    { name: "at", type: times },
    { name: "factor", type: { kind: "real" }, default: 0.1, min: 0, above: true },
    warmup,
  ],
  halve: [{ name: "every", type: times }, warmup],
  cosine: [
    { name: "to", type: { kind: "real" }, default: 0, min: 0, max: 1 },
    { name: "over", type: times, default: 0 },
    warmup,
  ],
};

/** The most halvings of a schedule. The rate is 0 in 32 bits long before. */
const mostHalvings = 150;

/** Returns the schedule in steps, or undefined after a report. */
export function elaborateSchedule(expr: ast.Expr, duration: Duration, scope: Scope): Schedule | undefined {
  const call = bindNamedCall(expr, schedules, "schedule", scope);
  if (call === undefined) return undefined;
  const steps = (name: string): number[] => stepsOf(call.given.get(name)?.value, duration);
  if (!checkMilestones(call, duration, scope)) return undefined;
  const number = (name: string): number => (typeof call.args[name] === "number" ? call.args[name] : 0);
  const ramp = steps("warmup")[0] ?? 0;
  switch (call.name) {
    case "step":
      if (!call.given.has("at")) return undefined;
      return { kind: "multistep", at: steps("at"), factor: number("factor"), warmup: ramp };
    case "halve": {
      const at = halvings(steps("every")[0], duration, call.span, scope);
      return at === undefined ? undefined : { kind: "multistep", at, factor: 0.5, warmup: ramp };
    }
    case "cosine": {
      const over = steps("over")[0] ?? totalSteps(duration);
      if (over >= 1) return { kind: "cosine", over, to: number("to"), warmup: ramp };
      const what = "the length of the cosine";
      scope.checker.report("FSL5008", call.span, { what, range: "at least 1 step", found: over });
      return undefined;
    }
    default:
      return { kind: "constant", warmup: ramp };
  }
}

/** Returns whether every milestone of a `step` schedule is before the end. Reports FSL5008 for the first that is not. */
function checkMilestones({ given }: BoundCall, duration: Duration, { checker }: Scope): boolean {
  const milestones = given.get("at");
  const late = stepsOf(milestones?.value, duration).find((at) => at >= totalSteps(duration));
  if (milestones === undefined || late === undefined) return true;
  const range = `before the end (${duration.epochs} epochs)`;
  checker.report("FSL5008", milestones.span, { what: "a milestone", range, found: `${late} steps` });
  return false;
}

/** Returns the steps at which a `halve` schedule halves the rate, or undefined after a report. */
function halvings(
  every: number | undefined,
  duration: Duration,
  span: ast.Span,
  { checker }: Scope,
): number[] | undefined {
  if (every === undefined || every < 1) return undefined;
  const total = totalSteps(duration);
  if (total / every > mostHalvings) {
    const holes = { what: "the number of halvings", range: `at most ${mostHalvings}`, found: Math.ceil(total / every) };
    checker.report("FSL5008", span, holes);
    return undefined;
  }
  return Array.from({ length: Math.max(0, Math.ceil(total / every) - 1) }, (_, i) => (i + 1) * every);
}

const totalSteps = ({ epochs, stepsPerEpoch }: Duration): number => epochs * stepsPerEpoch;

/** Returns the times of a setting in steps: one, or those of a list. */
function stepsOf(given: Value | undefined, duration: Duration): number[] {
  if (given === undefined) return [];
  const items: readonly Value[] = given.kind === "list" ? given.items : [given];
  return items.flatMap((item) => (item.kind === "int" ? [toSteps(item, duration)] : []));
}

function toSteps({ value, unit }: IntValue, { stepsPerEpoch, perStep }: Duration): number {
  if (unit === "epoch") return value * stepsPerEpoch;
  if (unit === "step") return value;
  return Math.round(value / perStep);
}
