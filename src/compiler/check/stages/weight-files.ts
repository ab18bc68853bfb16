/** `init encoder from "conv64.safetensors"`: slots whose fresh weights start from a file. */
import type * as ast from "../../../../grammar/ast.js";
import { didYouMean } from "../../../common/did-you-mean.js";
import type { GivenTensor } from "../../typed/given-files.js";
import type { WeightFile } from "../../typed/tree.js";
import { metricWeights, networkWeights } from "../../typed/weights.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { StageContext } from "./context.js";
import type { StageSlots } from "./slots.js";
import type { ScopedLine } from "./stage-lines.js";
import { mapWeights, type WantedWeight, type WeightMap } from "./weight-map.js";

const slotNames = ["encoder", "head", "metric"] as const;
type SlotName = (typeof slotNames)[number];
export type WeightFiles = Readonly<Partial<Record<SlotName, WeightFile>>>;

/** Whether a line fills a slot from a file: its weights are then not untrained. */
export function startsFromFile({ lines }: StageContext, slot: SlotName): boolean {
  return lines.has("init") || lines.has(`init ${slot}`);
}

/** The file of each slot that an `init` line names; undefined where something is wrong with one. */
export function resolveWeightFiles(context: StageContext, slots: StageSlots): WeightFiles | undefined {
  const files: Partial<Record<SlotName, WeightFile>> = {};
  let complete = true;
  for (const { line, scope } of initLines(context)) {
    const made = fileOf(line, { ...context, scope }, slots);
    if (made === undefined) complete = false;
    else Object.assign(files, made);
  }
  return complete ? files : undefined;
}

function initLines({ lines }: StageContext): ScopedLine<ast.InitLine>[] {
  return [...lines.values()].flatMap(({ line, scope }) => (line.kind === "init" ? [{ line, scope }] : []));
}

function fileOf(line: ast.InitLine, context: StageContext, slots: StageSlots): WeightFiles | undefined {
  const { scope, decl } = context;
  const { checker } = scope;
  const named = line.slot;
  const asked = named === undefined ? undefined : slotNames.find((slot) => slot === named.text && slots[slot]);
  if (named !== undefined && asked === undefined) {
    const there = slotNames.filter((slot) => slots[slot] !== undefined);
    const help = [`it has ${there.map((slot) => `\`${slot}\``).join(" and ")}`];
    checker.report("FSL2017", named.span, { object: `the stage \`${decl.name.text}\``, member: named.text }, { help });
    return undefined;
  }
  const value = evaluate(line.file, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "text") {
    checker.report("FSL2019", line.file.span, { needed: "the path of a file", found: describe(value) });
    return undefined;
  }
  const path = value.value;
  const refuse = (why: string, help: readonly string[] = []): undefined => {
    checker.report("FSL5061", line.file.span, { path, stage: decl.name.text, why }, { help });
    return undefined;
  };
  const chosen = slotNames.filter((slot) => (asked === undefined ? slots[slot]?.from === undefined : slot === asked));
  const taken = asked === undefined ? undefined : slots[asked]?.from;
  if (taken !== undefined) return refuse(`its ${asked} is that of the stage \`${taken.stage}\``);
  const wanted = chosen.flatMap((slot) => weightsOf(slot, slots));
  if (wanted.length === 0) return refuse("it has no fresh weights");
  const given = checker.files?.weights(path) ?? { problem: "it cannot be read here", place: undefined };
  if ("problem" in given) return refuse(given.problem);
  const rules = line.rules.map(({ from, to }) => ({
    from: from.value,
    to: to.kind === "name" ? undefined : to.value,
  }));
  const stray = line.rules.find(({ to }) => to.kind === "name" && to.text !== "unused");
  if (stray?.to.kind === "name") {
    const why = `ends in \`${stray.to.text}\` where a path in quotes or \`unused\` stands`;
    checker.report("FSL5062", stray.to.span, { why });
    return undefined;
  }
  const map = mapWeights(wanted, given.tensors, rules);
  const faulty = map.rules[0];
  if (faulty !== undefined) {
    const near =
      faulty.path === undefined
        ? undefined
        : didYouMean(
            faulty.path,
            wanted.map((weight) => weight.path),
          );
    const span = line.rules[faulty.rule]?.span ?? line.span;
    const help = near === undefined ? [] : [`did you mean \`${near}\`?`];
    checker.report("FSL5062", span, { why: faulty.why }, { help });
    return undefined;
  }
  const found = misfit(map, wanted.length);
  if (found !== undefined) return refuse(found.why, found.help);
  return Object.fromEntries(
    chosen.map((slot) => {
      const own = Object.entries(map.names).filter(([weight]) => weight.startsWith(`${slot}.`));
      return [slot, { path, digest: given.digest, names: Object.fromEntries(own), span: line.file.span }];
    }),
  );
}

/** Weights and tensors of each side that a message lists. */
const listed = 4;

function misfit(map: WeightMap, wanted: number): { why: string; help: string[] } | undefined {
  const { missing, unused, misfits, unordered } = map;
  const [first] = misfits;
  if (first !== undefined) {
    const [needed, has] = [first.wanted.shape, first.given.shape].map((shape) => shapeText(shape));
    return {
      why: `\`${first.wanted.path}\` is ${needed}, and \`${first.given.name}\` is ${first.given.numeric ? has : "of no type for weights"}`,
      help: [],
    };
  }
  if (missing.length > 0) {
    const nothing =
      missing.length === wanted
        ? "none of its weights has a tensor"
        : `${missing.length} of ${wanted} weights have no tensor`;
    return {
      why: nothing,
      help: [
        `the stage needs ${list(missing.map(({ path, shape }) => `\`${path}\` ${shapeText(shape)}`))}`,
        ...(unused.length === 0 ? [] : [`the file has left ${list(unused.map(tensorText))}`]),
        ...unordered
          .slice(0, 1)
          .map(
            (names) => `the names of ${list(names.map((name) => `\`${name}\``))} do not tell their order: write rules`,
          ),
      ],
    };
  }
  if (unused.length === 0) return undefined;
  const [one] = unused;
  return {
    why: `${unused.length === 1 ? "a tensor" : `${unused.length} tensors`} of it would not be used`,
    help: [
      `these are left: ${list(unused.map(tensorText))}`,
      `if that is meant: \`{ "${unused.length === 1 ? one?.name : common(unused)}" -> unused }\``,
    ],
  };
}

/** A pattern for all of them, where they share a beginning. */
function common(tensors: readonly GivenTensor[]): string {
  const [first = ""] = tensors.map(({ name }) => name.split(".")[0] ?? "");
  return tensors.every(({ name }) => name.startsWith(`${first}.`)) ? `${first}.**` : "**";
}

function list(texts: readonly string[]): string {
  const rest = texts.length - listed;
  return rest > 0 ? `${texts.slice(0, listed).join(", ")} and ${rest} more` : texts.join(", ");
}

const shapeText = (shape: readonly number[]): string => (shape.length === 0 ? "a number" : shape.join("×"));
const tensorText = ({ name, shape }: GivenTensor): string => `\`${name}\` ${shapeText(shape)}`;

/** Every weight of a slot, running statistics too. */
function weightsOf(slot: SlotName, { encoder, head, metric }: StageSlots): readonly WantedWeight[] {
  if (slot === "encoder") return encoder === undefined ? [] : networkWeights(slot, encoder.value);
  if (slot === "head") return head === undefined ? [] : networkWeights(slot, head.value);
  return encoder === undefined || metric === undefined ? [] : metricWeights(metric, encoder.value);
}
