/** The duration of a stage's training, with every unit turned into steps. */
import type * as ast from "../../../../grammar/ast.js";
import type { Duration, Unit } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe, type IntValue } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";

/** Returns a count in one of the units, or undefined after it has reported FSL3010 or FSL5008. */
function counted(
  expr: ast.Expr,
  units: readonly Unit[],
  what: string,
  scope: Scope,
  help: readonly string[] = [],
): IntValue | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "int" || value.unit === undefined || !units.includes(value.unit)) {
    const holes = { what, expected: units.map(plural).join(" or "), found: describe(value) };
    scope.checker.report("FSL3010", expr.span, holes, { help });
    return undefined;
  }
  if (value.value < 1 || value.value > most) {
    scope.checker.report("FSL5008", expr.span, { what, range: `from 1 to ${most}`, found: value.value });
    return undefined;
  }
  return value;
}
/** The largest count. Steps are counted in 32 bits, and nobody waits for more. */
const most = 1_000_000_000;
const plural = (unit: Unit): string =>
  unit === "query" ? "queries" : unit === "way" || unit === "shot" ? unit : `${unit}s`;

/**
 * Returns the duration of `for 90 epochs, 64 images per step, drop last`, or undefined after a report. An epoch counts as
 * one step if `images`, the number of images, is undefined because the data are not available.
 */
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

/** Returns the equal parts that `4 parts per step` divides the images of a step into. Reports FSL5009 if they leave a rest. */
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

/** Returns the duration of `for 100 epochs of 500 episodes, 4 episodes per step`, or of `for 20000 episodes`, which is one epoch. */
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
  const units: readonly Unit[] = line.of === undefined ? ["episode", "step"] : ["epoch"];
  const help = ["an epoch has a length: `for 8 epochs of 200 episodes, 4 episodes per step`"];
  const total = counted(line.total, units, "meta-training", scope, line.of === undefined ? help : []);
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

/** Returns the four divisors of a total that are nearest to what was written, as help. */
function divisorHelp(total: number, near: number, what: string): string[] {
  const divisors: number[] = [];
  for (let d = 1; d <= total && d <= 4096; d++) if (total % d === 0) divisors.push(d);
  const closest = divisors
    .sort((a, b) => Math.abs(a - near) - Math.abs(b - near))
    .slice(0, 4)
    .sort((a, b) => a - b);
  return closest.length === 0 ? [] : [`${total} divides into ${closest.join(", ")} ${what}`];
}
