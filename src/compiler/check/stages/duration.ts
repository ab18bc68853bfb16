/** How long a stage trains, and the schedule of its learning rate: every unit turned into steps. */
import type * as ast from "../../../../grammar/ast.js";
import type { Duration, Schedule, Unit } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe, type IntValue, type Value } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import { type SettingTable, settle } from "../expressions/settings.js";

function counted(expr: ast.Expr, units: readonly Unit[], what: string, scope: Scope): IntValue | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "int" || value.unit === undefined || !units.includes(value.unit)) {
    scope.checker.report("FSL3010", expr.span, {
      what,
      expected: units.map(plural).join(" or "),
      found: describe(value),
    });
    return undefined;
  }
  if (value.value < 1 || value.value > most) {
    scope.checker.report("FSL5008", expr.span, { what, range: `from 1 to ${most}`, found: value.value });
    return undefined;
  }
  return value;
}
/** Steps are counted in 32 bits, and nobody waits for more. */
const most = 1_000_000_000;
const plural = (unit: Unit): string =>
  unit === "query" ? "queries" : unit === "way" || unit === "shot" ? unit : `${unit}s`;

/** `for 90 epochs, 64 images per step, drop last`; `images` undefined: the data are not here, an epoch counts as one step. */
export function pretrainDuration(line: ast.ForLine, images: number | undefined, scope: Scope): Duration | undefined {
  const { checker } = scope;
  const epochs = counted(line.total, ["epoch"], "pretraining", scope);
  if (line.of !== undefined) {
    checker.report(
      "FSL5002",
      line.of.span,
      { kind: "pretrain stage", line: "of" },
      { help: ["an epoch of a `pretrain` is one pass over its images"] },
    );
    return undefined;
  }
  if (line.perStep === undefined) {
    checker.report(
      "FSL5001",
      line.span,
      { kind: "pretrain", stage: "for", line: "images per step" },
      { help: ["write `for 90 epochs, 64 images per step, drop last`"] },
    );
    return undefined;
  }
  const per = counted(line.perStep, ["image"], "a step of a `pretrain`", scope);
  const divided = partsOf(line, per?.value, scope);
  if (epochs === undefined || per === undefined || divided === undefined) return undefined;
  if (images === undefined) return { epochs: epochs.value, stepsPerEpoch: 1, perStep: per.value, ...divided };
  if (per.value > images) {
    checker.report("FSL5008", line.perStep.span, {
      what: "the images of a step",
      range: `at most ${images}, the images of the split`,
      found: per.value,
    });
    return undefined;
  }
  const rest = images % per.value;
  if (rest !== 0 && !line.dropLast) {
    checker.report(
      "FSL5009",
      line.perStep.span,
      { total: `${images} images`, per: per.value, rest },
      {
        help: [
          "say `drop last` to leave them out (others in each epoch)",
          ...divisorHelp(images, per.value, "images per step"),
        ],
      },
    );
    return undefined;
  }
  return { epochs: epochs.value, stepsPerEpoch: Math.floor(images / per.value), perStep: per.value, ...divided };
}

/** `4 parts per step`: equal parts of a step's images. */
function partsOf(line: ast.ForLine, images: number | undefined, scope: Scope): Pick<Duration, "parts"> | undefined {
  if (line.parts === undefined) return {};
  const parts = counted(line.parts, ["part"], "the division of a step", scope);
  if (parts === undefined || images === undefined) return undefined;
  if (images % parts.value !== 0) {
    scope.checker.report(
      "FSL5009",
      line.parts.span,
      { total: `${images} images`, per: parts.value, rest: images % parts.value },
      { help: divisorHelp(images, parts.value, "parts per step") },
    );
    return undefined;
  }
  return parts.value === 1 ? {} : { parts: parts.value };
}

/** `for 100 epochs of 500 episodes, 4 episodes per step`, or `for 20000 episodes`, which is one epoch. */
export function metaDuration(line: ast.ForLine, scope: Scope): Duration | undefined {
  const { checker } = scope;
  if (line.dropLast) {
    checker.report(
      "FSL5002",
      line.span,
      { kind: "meta stage", line: "drop last" },
      { help: ["episodes are drawn, so none is ever left over"] },
    );
    return undefined;
  }
  if (line.parts !== undefined) {
    checker.report(
      "FSL5002",
      line.parts.span,
      { kind: "meta stage", line: "parts per step" },
      { help: ["the episodes of a step are its parts: each has its backward pass before the next begins"] },
    );
    return undefined;
  }
  const per = line.perStep === undefined ? undefined : counted(line.perStep, ["episode"], "a step of a `meta`", scope);
  if (line.perStep !== undefined && per === undefined) return undefined;
  const perStep = per?.value ?? 1;
  const total = counted(line.total, line.of === undefined ? ["episode", "step"] : ["epoch"], "meta-training", scope);
  if (total === undefined) return undefined;
  const span = line.of === undefined ? line.total : line.of;
  const size = line.of === undefined ? total : counted(line.of, ["episode", "step"], "an epoch of a `meta`", scope);
  if (size === undefined) return undefined;
  const epochs = line.of === undefined ? 1 : total.value;
  if (size.unit === "step") return { epochs, stepsPerEpoch: size.value, perStep };
  const rest = size.value % perStep;
  if (rest !== 0) {
    checker.report(
      "FSL5009",
      span.span,
      { total: `${size.value} episodes`, per: perStep, rest },
      {
        help: divisorHelp(size.value, perStep, "episodes per step"),
      },
    );
    return undefined;
  }
  return { epochs, stepsPerEpoch: size.value / perStep, perStep };
}

function divisorHelp(total: number, near: number, what: string): string[] {
  const divisors: number[] = [];
  for (let d = 1; d <= total && d <= 4096; d++) if (total % d === 0) divisors.push(d);
  const closest = divisors
    .sort((a, b) => Math.abs(a - near) - Math.abs(b - near))
    .slice(0, 4)
    .sort((a, b) => a - b);
  return closest.length === 0 ? [] : [`${total} divides into ${closest.join(", ")} ${what}`];
}

/** The rate is 0 in 32 bits long before. */
const mostMilestones = 150;
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

export function elaborateSchedule(expr: ast.Expr, duration: Duration, scope: Scope): Schedule | undefined {
  const settled = settle(expr, schedules, "schedule", scope);
  if (settled === undefined) return undefined;
  const total = duration.epochs * duration.stepsPerEpoch;
  const steps = (name: string): number[] => {
    const given = settled.given.get(name)?.value;
    if (given === undefined) return [];
    const items: readonly Value[] = given.kind === "list" ? given.items : [given];
    return items.flatMap((item) => (item.kind === "int" ? [toSteps(item, duration)] : []));
  };
  for (const [name, { span }] of settled.given) {
    for (const at of name === "at" ? steps(name) : []) {
      if (at >= total) {
        scope.checker.report("FSL5008", span, {
          what: "a milestone",
          range: `before the end (${duration.epochs} epochs)`,
          found: `${at} steps`,
        });
        return undefined;
      }
    }
  }
  const ramp = steps("warmup")[0] ?? 0;
  const number = (name: string): number => (typeof settled.args[name] === "number" ? settled.args[name] : 0);
  switch (settled.name) {
    case "step":
      if (!settled.given.has("at")) return undefined;
      return { kind: "multistep", at: steps("at"), factor: number("factor"), warmup: ramp };
    case "halve": {
      const every = steps("every")[0];
      if (every === undefined || every < 1) return undefined;
      if (total / every > mostMilestones) {
        const found = Math.ceil(total / every);
        const range = `at most ${mostMilestones}`;
        scope.checker.report("FSL5008", settled.span, { what: "the number of halvings", range, found });
        return undefined;
      }
      const at = Array.from({ length: Math.max(0, Math.ceil(total / every) - 1) }, (_, i) => (i + 1) * every);
      return { kind: "multistep", at, factor: 0.5, warmup: ramp };
    }
    case "cosine": {
      const over = steps("over")[0] ?? total;
      if (over < 1) {
        const what = "the length of the cosine";
        scope.checker.report("FSL5008", settled.span, { what, range: "at least 1 step", found: over });
        return undefined;
      }
      return { kind: "cosine", over, to: number("to"), warmup: ramp };
    }
    default:
      return { kind: "constant", warmup: ramp };
  }
}

function toSteps(value: IntValue, duration: Duration): number {
  if (value.unit === "epoch") return value.value * duration.stepsPerEpoch;
  if (value.unit === "step") return value.value;
  return Math.round(value.value / duration.perStep);
}
