/** The optimizer of a stage, and the settings that path groups change (rule 26). */
import type * as ast from "../../../grammar/ast.js";
import type { Optimizer } from "../typed.js";
import { suggest } from "./checker.js";
import type { Scope } from "./scope.js";
import { type Setting, type SettingTable, settle, settleArguments } from "./settings.js";

const lr: Setting = { name: "lr", type: { kind: "real" }, min: 0 };
const decay: Setting = { name: "weight_decay", type: { kind: "real" }, default: 0, min: 0 };
const clip: Setting = { name: "clip", type: { kind: "real" }, default: 0, min: 0 };
const adam: readonly Setting[] = [
  lr,
  decay,
  { name: "beta1", type: { kind: "real" }, default: 0.9, min: 0, max: 1 },
  { name: "beta2", type: { kind: "real" }, default: 0.999, min: 0, max: 1 },
  { name: "eps", type: { kind: "real" }, default: 1e-8, min: 0 },
  clip,
];
const optimizers: SettingTable = {
  sgd: [
    lr,
    { name: "momentum", type: { kind: "real" }, default: 0, min: 0, max: 1 },
    decay,
    { name: "nesterov", type: { kind: "bool" }, default: false },
    clip,
  ],
  adam,
  adamw: adam.map((setting) => (setting.name === "weight_decay" ? { ...setting, default: 0.01 } : setting)),
};

interface Settled {
  readonly frozen: boolean;
  readonly lr: number;
  readonly weightDecay: number;
}
const changeable = ["frozen", "lr", "weightDecay"] as const;

/** `weights`: slot paths of all weights that this stage trains. */
export function elaborateOptimizer(
  line: ast.OptimizerLine,
  weights: readonly string[],
  scope: Scope,
): Optimizer | undefined {
  const settled = settle(line.value, optimizers, "optimizer", scope);
  if (settled === undefined || typeof settled.args["lr"] !== "number") return undefined;
  const number = (name: string, otherwise: number): number => {
    const value = settled.args[name];
    return typeof value === "number" ? value : otherwise;
  };
  const base: Settled = { frozen: false, lr: settled.args["lr"], weightDecay: number("weight_decay", 0) };
  const overrides = groups(line.groups, weights, base, scope);
  if (overrides === undefined) return undefined;
  const clipTo = number("clip", 0);
  return {
    kind: settled.name as Optimizer["kind"],
    lr: base.lr,
    weightDecay: base.weightDecay,
    momentum: number("momentum", 0),
    nesterov: settled.args["nesterov"] === true,
    beta1: number("beta1", 0.9),
    beta2: number("beta2", 0.999),
    eps: number("eps", 1e-8),
    clip: clipTo > 0 ? clipTo : undefined,
    overrides,
  };
}

interface Group {
  readonly ast: ast.OptimizerGroup;
  readonly parts: readonly string[];
  readonly change: Partial<Settled>;
}

function groups(
  written: readonly ast.OptimizerGroup[],
  weights: readonly string[],
  base: Settled,
  scope: Scope,
): Optimizer["overrides"] | undefined {
  const { checker } = scope;
  const before = checker.errors;
  const known: Group[] = [];
  const words = new Set(weights.flatMap((weight) => weight.split(".")));
  for (const group of written) {
    const parts = partsOf(group.path);
    const settings: Setting[] = [
      { ...lr, default: -1 },
      { ...decay, default: -1 },
    ];
    const { args, given } = settleArguments(settings, group.settings, "a group", group.span, scope);
    const change: { -readonly [K in keyof Settled]?: Settled[K] } = {};
    if (group.frozen) change.frozen = true;
    if (given.has("lr") && typeof args["lr"] === "number") change.lr = args["lr"];
    if (given.has("weight_decay") && typeof args["weight_decay"] === "number")
      change.weightDecay = args["weight_decay"];
    if (!weights.some((weight) => matches(parts, weight.split(".")))) {
      const near = parts.flatMap((part) =>
        part.includes("*") || words.has(part) ? [] : suggest(part, words).filter((help) => help.startsWith("did")),
      );
      checker.report(
        "FSL5014",
        group.pathSpan,
        { path: group.path },
        {
          help: near.length > 0 ? near : [`this stage trains ${examples(weights)}`],
        },
      );
    }
    known.push({ ast: group, parts, change });
  }
  const overrides: Record<string, Settled> = {};
  for (const weight of weights) {
    const matching = known.filter((group) => matches(group.parts, weight.split(".")));
    if (matching.length === 0) continue;
    const settled: { -readonly [K in keyof Settled]: Settled[K] } = { ...base };
    for (const setting of changeable) {
      const setters = matching.filter((group) => group.change[setting] !== undefined);
      const best = Math.max(...setters.map((group) => specificity(group.parts)));
      const [first, second] = setters.filter((group) => specificity(group.parts) === best);
      if (first !== undefined && second !== undefined) {
        checker.report(
          "FSL5015",
          second.ast.pathSpan,
          {
            first: first.ast.path,
            second: second.ast.path,
            setting: setting === "weightDecay" ? "weight_decay" : setting,
            weight,
          },
          { labels: [{ span: first.ast.pathSpan, text: "the other group" }] },
        );
      } else if (first !== undefined) Object.assign(settled, { [setting]: first.change[setting] });
    }
    overrides[weight] = settled;
  }
  return checker.errors > before ? undefined : overrides;
}

/** `encoder.stage[0]` is `encoder`, `stage`, `0`. */
function partsOf(path: string): string[] {
  return path
    .replace(/\[(\w+)\]/g, ".$1")
    .split(".")
    .filter((part) => part !== "");
}

/** Whether a path names a weight or something that holds it. `*` is one part, `**` any number. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return true;
  if (head === "**") {
    for (let skip = 0; skip <= path.length; skip++)
      if (matches(rest, path.slice(skip)) && (rest.length > 0 || skip === 0)) return true;
    return false;
  }
  const [first, ...others] = path;
  return first !== undefined && (head === "*" || head === first) && matches(rest, others);
}

function specificity(parts: readonly string[]): number {
  return parts.filter((part) => !part.includes("*")).length;
}

function examples(weights: readonly string[]): string {
  const shown = weights.slice(0, 3).map((weight) => `\`${weight}\``);
  return weights.length > 3 ? `${shown.join(", ")} and ${weights.length - 3} more` : shown.join(", ") || "nothing";
}
