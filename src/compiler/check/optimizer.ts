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
  /** A factor on `lr`. */
  readonly share: number;
}
const changeable = ["frozen", "lr", "weightDecay", "share"] as const;
const words: Readonly<Record<(typeof changeable)[number], string>> = {
  frozen: "frozen",
  lr: "lr",
  weightDecay: "weight_decay",
  share: "lr_decay",
};

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
  const base: Settled = { frozen: false, lr: settled.args["lr"], weightDecay: number("weight_decay", 0), share: 1 };
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
  /** By weight, what `lr_decay` makes of its rate; undefined where the group does not say it. */
  readonly shares: ReadonlyMap<string, number> | undefined;
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
  const names = new Set(weights.flatMap((weight) => weight.split(".")));
  for (const group of written) {
    const parts = partsOf(group.path);
    const settings: Setting[] = [
      { ...lr, default: -1 },
      { ...decay, default: -1 },
      { name: "lr_decay", type: { kind: "real" }, default: 1, min: 0, above: true, max: 1 },
    ];
    const { args, given } = settleArguments(settings, group.settings, "a group", group.span, scope);
    const change: { -readonly [K in keyof Settled]?: Settled[K] } = {};
    if (group.frozen) change.frozen = true;
    if (given.has("lr") && typeof args["lr"] === "number") change.lr = args["lr"];
    if (given.has("weight_decay") && typeof args["weight_decay"] === "number")
      change.weightDecay = args["weight_decay"];
    if (!weights.some((weight) => matches(parts, weight.split(".")))) {
      const near = parts.flatMap((part) =>
        part.includes("*") || names.has(part) ? [] : suggest(part, names).filter((help) => help.startsWith("did")),
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
    const rate = given.has("lr_decay") ? args["lr_decay"] : undefined;
    const shares = typeof rate === "number" ? sharesOf(group, parts, rate, weights, scope) : undefined;
    known.push({ ast: group, parts, change, shares });
  }
  const overrides: Record<string, Omit<Settled, "share">> = {};
  for (const weight of weights) {
    const matching = known.filter((group) => matches(group.parts, weight.split(".")));
    if (matching.length === 0) continue;
    const settled: { -readonly [K in keyof Settled]: Settled[K] } = { ...base };
    const changeOf = ({ change, shares }: Group): Partial<Settled> => {
      const share = shares?.get(weight);
      return share === undefined ? change : { ...change, share };
    };
    for (const setting of changeable) {
      const setters = matching.filter((group) => changeOf(group)[setting] !== undefined);
      const best = Math.max(...setters.map((group) => specificity(group.parts)));
      const [first, second] = setters.filter((group) => specificity(group.parts) === best);
      if (first !== undefined && second !== undefined) {
        checker.report(
          "FSL5015",
          second.ast.pathSpan,
          {
            first: first.ast.path,
            second: second.ast.path,
            setting: words[setting],
            weight,
          },
          { labels: [{ span: first.ast.pathSpan, text: "the other group" }] },
        );
      } else if (first !== undefined) Object.assign(settled, { [setting]: changeOf(first)[setting] });
    }
    const { frozen, lr: rate, weightDecay, share } = settled;
    overrides[weight] = { frozen, lr: rate * share, weightDecay };
  }
  return checker.errors > before ? undefined : overrides;
}

/**
 * `encoder.stage.* lr_decay: 0.4`: of the numbers that the last `*` stands for, the largest keeps its rate, and each one
 * before it has the factor once more (discriminative rates, Howard & Ruder 2018).
 */
function sharesOf(
  group: ast.OptimizerGroup,
  parts: readonly string[],
  factor: number,
  weights: readonly string[],
  scope: Scope,
): ReadonlyMap<string, number> {
  const star = parts.lastIndexOf("*");
  const numbered = weights.flatMap((weight): (readonly [string, number])[] => {
    const path = weight.split(".");
    const at = path[star];
    return star >= 0 && at !== undefined && /^\d+$/.test(at) && matches(parts, path) ? [[weight, Number(at)]] : [];
  });
  const deepest = Math.max(...numbered.map(([, number]) => number));
  if (parts.includes("**") || numbered.length === 0) {
    const why = star < 0 ? "has no `*`" : parts.includes("**") ? "has a `**`" : "has no number at its last `*`";
    scope.checker.report("FSL5041", group.pathSpan, { path: group.path, why });
  }
  return new Map(numbered.map(([weight, number]) => [weight, factor ** (deepest - number)]));
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
