/** Slots whose fresh weights start from a file: `init encoder from "conv64.safetensors"`. */
import type * as ast from "../../../../grammar/ast.js";
import { suggestNearest } from "../../../common/did-you-mean.js";
import type { Blocker, WeightFile } from "../../typed/tree.js";
import { metricWeights, networkWeights } from "../../typed/weights.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import { createBlocker } from "./blockers.js";
import { type SlotName, type StageContext, type StageSlots, slotNames } from "./context.js";
import type { ScopedLine } from "./stage-lines.js";
import { type MapRule, mapWeights, type WantedWeight, type WeightMap } from "./weight-map.js";
import { type WeightProblem, weightProblem } from "./weight-problem.js";

export interface WeightFiles {
  readonly files: Readonly<Partial<Record<SlotName, WeightFile>>>;
  /** The reasons why the tensors of a file do not fit. The stage can be planned, which shows the names of its weights, but not run. */
  readonly blockers: readonly Blocker[];
}

/** Returns whether an `init` line gives a slot its weights, which then count as trained. */
export function startsFromFile({ lines }: StageContext, slot: SlotName): boolean {
  return lines.has("init") || lines.has(`init ${slot}`);
}

/** Returns the file of each slot that an `init` line names, or undefined after a report. */
export function resolveWeightFiles(context: StageContext, slots: StageSlots): WeightFiles | undefined {
  const files: Partial<Record<SlotName, WeightFile>> = {};
  const blockers: Blocker[] = [];
  let complete = true;
  for (const { line, scope } of initLines(context)) {
    const found = weightFiles(line, { ...context, scope }, slots);
    if (found === undefined) complete = false;
    else {
      Object.assign(files, found.files);
      blockers.push(...found.blockers);
    }
  }
  return complete ? { files, blockers } : undefined;
}

function initLines({ lines }: StageContext): ScopedLine<ast.InitLine>[] {
  return [...lines.values()].flatMap(({ line, scope }) => (line.kind === "init" ? [{ line, scope }] : []));
}

function weightFiles(line: ast.InitLine, context: StageContext, slots: StageSlots): WeightFiles | undefined {
  const { scope, decl } = context;
  const { checker } = scope;
  const chosen = chosenSlots(line, context, slots);
  const path = chosen === undefined ? undefined : filePath(line, scope);
  if (chosen === undefined || path === undefined) return undefined;
  const refuse = ({ why, help = [] }: WeightProblem): undefined => {
    checker.report("FSL5061", line.file.span, { path, stage: decl.name.text, why }, { help });
    return undefined;
  };
  const [slot] = chosen;
  const taken = line.slot === undefined || slot === undefined ? undefined : slots[slot]?.from;
  if (taken !== undefined) return refuse({ why: `its ${slot} is that of the stage \`${taken.stage}\`` });
  const wanted = chosen.flatMap((name) => weightsOf(name, slots));
  if (wanted.length === 0) return refuse({ why: "it has no fresh weights" });
  const given = checker.files?.weights(path) ?? { problem: "it cannot be read here", place: undefined };
  if ("problem" in given) return refuse({ why: given.problem });
  const rules = mapRules(line, scope);
  if (rules === undefined) return undefined;
  const map = mapWeights(wanted, given.tensors, rules);
  if (!checkRules(map, wanted, line, scope)) return undefined;
  const problem = weightProblem(map, wanted.length);
  if (problem !== undefined) {
    const { why, help } = problem;
    return {
      files: {},
      blockers: [createBlocker("FSL5061", line.file.span, { path, stage: decl.name.text, why }, help)],
    };
  }
  const files = Object.fromEntries(
    chosen.map((name) => {
      const own = Object.entries(map.names).filter(([weight]) => weight.startsWith(`${name}.`));
      return [name, { path, digest: given.digest, names: Object.fromEntries(own), span: line.file.span }];
    }),
  );
  return { files, blockers: [] };
}

/** Returns the slot that a line names, or every slot that no other stage gives. Reports FSL2017 for a slot that the stage lacks. */
function chosenSlots(
  { slot: named }: ast.InitLine,
  { scope, decl }: StageContext,
  slots: StageSlots,
): readonly SlotName[] | undefined {
  if (named === undefined) return slotNames.filter((slot) => slots[slot]?.from === undefined);
  const own = slotNames.filter((slot) => slots[slot] !== undefined);
  const chosen = own.filter((slot) => slot === named.text);
  if (chosen.length > 0) return chosen;
  const holes = { object: `the stage \`${decl.name.text}\``, member: named.text };
  const help = [`it has ${own.map((slot) => `\`${slot}\``).join(" and ")}`];
  scope.checker.report("FSL2017", named.span, holes, { help });
  return undefined;
}

function filePath({ file }: ast.InitLine, scope: Scope): string | undefined {
  const value = evaluate(file, scope);
  if (value.kind === "text") return scope.checker.allowsPath(value.value, value.span) ? value.value : undefined;
  if (value.kind !== "anything")
    scope.checker.report("FSL2019", file.span, { needed: "the path of a file", found: describe(value) });
  return undefined;
}

/** Returns the rules of a line. Reports FSL5062 for one that leads to a word other than `unused`. */
function mapRules({ rules }: ast.InitLine, { checker }: Scope): readonly MapRule[] | undefined {
  for (const { to } of rules) {
    if (to.kind !== "name" || to.text === "unused") continue;
    const why = `ends in \`${to.text}\` where a path in quotes or \`unused\` stands`;
    checker.report("FSL5062", to.span, { why });
    return undefined;
  }
  return rules.map(({ from, to }) => ({ from: from.value, to: to.kind === "name" ? undefined : to.value }));
}

/** Returns whether every rule could be used. Reports FSL5062 for the first that could not. */
function checkRules(map: WeightMap, wanted: readonly WantedWeight[], line: ast.InitLine, { checker }: Scope): boolean {
  const [faulty] = map.rules;
  if (faulty === undefined) return true;
  const paths = wanted.map((weight) => weight.path);
  const help = faulty.path === undefined ? [] : suggestNearest(faulty.path, paths);
  checker.report("FSL5062", line.rules[faulty.rule]?.span ?? line.span, { why: faulty.why }, { help });
  return false;
}

/** Returns every weight of a slot, with running statistics. */
function weightsOf(slot: SlotName, { encoder, head, metric }: StageSlots): readonly WantedWeight[] {
  if (slot === "encoder") return encoder === undefined ? [] : networkWeights(slot, encoder.value);
  if (slot === "head") return head === undefined ? [] : networkWeights(slot, head.value);
  return encoder === undefined || metric === undefined ? [] : metricWeights(metric, encoder.value);
}
