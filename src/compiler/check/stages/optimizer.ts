/** Elaborates the optimizer of a stage, with the settings that groups of paths change. */
import type * as ast from "../../../../grammar/ast.js";
import type { Optimizer } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { type Group, mergeGroups } from "../expressions/groups.js";
import { bindNamedCall, bindSettings, type Setting, type SettingTable } from "../expressions/settings.js";

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

/** The settings of one weight. */
interface WeightSettings {
  readonly frozen: boolean;
  readonly lr: number;
  readonly weightDecay: number;
  readonly every?: number;
}

/** Returns the optimizer, or undefined after a report. `weights` has the path of every weight that the stage trains. */
export function elaborateOptimizer(
  line: ast.OptimizerLine,
  weights: readonly string[],
  scope: Scope,
): Optimizer | undefined {
  const bound = bindNamedCall(line.value, optimizers, "optimizer", scope);
  if (bound === undefined || typeof bound.args["lr"] !== "number") return undefined;
  const number = (name: string, otherwise: number): number => {
    const value = bound.args[name];
    return typeof value === "number" ? value : otherwise;
  };
  const base: WeightSettings = { frozen: false, lr: bound.args["lr"], weightDecay: number("weight_decay", 0) };
  const overrides = groups(line.groups, weights, base, scope);
  if (overrides === undefined) return undefined;
  const clipTo = number("clip", 0);
  return {
    kind: bound.name as Optimizer["kind"],
    lr: base.lr,
    weightDecay: base.weightDecay,
    momentum: number("momentum", 0),
    nesterov: bound.args["nesterov"] === true,
    beta1: number("beta1", 0.9),
    beta2: number("beta2", 0.999),
    eps: number("eps", 1e-8),
    clip: clipTo > 0 ? clipTo : undefined,
    overrides,
    span: line.span,
  };
}

/** The settings of a group as FSL writes them. */
const words: Readonly<Record<"frozen" | "lr" | "weightDecay" | "every", string>> = {
  frozen: "frozen",
  lr: "lr",
  weightDecay: "weight_decay",
  every: "every",
};

/** Returns the settings of each weight that a group changes, or undefined after a report. */
function groups(
  written: readonly ast.OptimizerGroup[],
  weights: readonly string[],
  base: WeightSettings,
  scope: Scope,
): Optimizer["overrides"] | undefined {
  const before = scope.checker.errors;
  const known = written.map((group): Group<WeightSettings> => {
    const settings: Setting[] = [
      { ...lr, default: -1 },
      { ...decay, default: -1 },
      { name: "every", type: { kind: "int" }, default: 1, min: 1 },
      { name: "lr_decay", type: { kind: "real" }, default: 1, min: 0, above: true, max: 1 },
    ];
    const { args, given } = bindSettings(settings, group.settings, "a group", group.span, scope);
    const number = (name: string): number | undefined => {
      const value = given.has(name) ? args[name] : undefined;
      return typeof value === "number" ? value : undefined;
    };
    const [rate, weightDecay, every] = [number("lr"), number("weight_decay"), number("every")];
    const change = {
      ...(group.frozen ? { frozen: true } : {}),
      ...(rate === undefined ? {} : { lr: rate }),
      ...(weightDecay === undefined ? {} : { weightDecay }),
      ...(every === undefined ? {} : { every }),
    };
    return { ast: group, change, decay: number("lr_decay") };
  });
  const changed = mergeGroups(known, weights, words, "this stage trains", scope);
  if (changed === undefined || scope.checker.errors > before) return undefined;
  return Object.fromEntries(
    [...changed].map(([weight, { share = 1, every = 1, ...change }]) => {
      const bound = { ...base, ...change };
      return [weight, { ...bound, lr: bound.lr * share, ...(every === 1 ? {} : { every }) }];
    }),
  );
}
