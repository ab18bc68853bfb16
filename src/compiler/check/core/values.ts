/**
 * The values of expressions while they are checked. Numbers, texts and declarations are static: they are known before
 * anything runs. Of a `tensor` only the type is known; it carries the expression of the typed tree that computes it.
 */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, DataSource, Network, SplitName, Unit } from "../../typed/tree.js";
import type { CallableValue, TensorValue, Written } from "./computed-values.js";
import type { Environment } from "./environment.js";

export type { CallableValue, TensorValue } from "./computed-values.js";

/** The scope that a value was declared in. */
type Scope = Environment<Value>;

export type Value =
  | IntValue
  | RealValue
  | BoolValue
  | TextValue
  | ChoiceValue
  | ListValue
  | EachValue
  | TupleValue
  | FnValue
  | BuiltinValue
  | MetricValue
  | BackboneValue
  | BlockValue
  | DatasetValue
  | SourceValue
  | SplitValue
  | EpisodeValue
  | StageValue
  | StageSlotValue
  | TensorValue
  | CallableValue
  | OutputsValue
  | EntryValue
  | AnythingValue;

export interface IntValue extends Written {
  readonly kind: "int";
  readonly value: number;
  /** `shot` in `5 shot`. Undefined for a plain number. */
  readonly unit: Unit | undefined;
}
export interface RealValue extends Written {
  readonly kind: "real";
  readonly value: number;
}
export interface BoolValue extends Written {
  readonly kind: "bool";
  readonly value: boolean;
}
export interface TextValue extends Written {
  readonly kind: "text";
  readonly value: string;
}
/** A value of a `one_of(a, b)` parameter. */
export interface ChoiceValue extends Written {
  readonly kind: "choice";
  readonly value: string;
}
export interface ListValue extends Written {
  readonly kind: "list";
  readonly items: readonly Value[];
}
export interface EachValue extends Written {
  readonly kind: "each";
  readonly word: "each" | "any";
  readonly items: readonly Value[];
}
export interface TupleValue extends Written {
  readonly kind: "tuple";
  readonly items: readonly Value[];
}
/** A `fn`. Each call is inlined, in the scope where the function was declared. */
export interface FnValue extends Written {
  readonly kind: "fn";
  readonly decl: ast.FnDecl;
  readonly scope: Scope;
}
/** The name of a built-in function. */
export interface BuiltinValue extends Written {
  readonly kind: "builtin";
  readonly name: string;
}
/** A metric, perhaps with arguments: `prototypes`, `prototypes(distance: cosine)`. Backbones, datasets and episodes are alike. */
export interface MetricValue extends Written {
  readonly kind: "metric";
  readonly decl: ast.MetricDecl;
  readonly scope: Scope;
}
export interface BackboneValue extends Written {
  readonly kind: "backbone";
  readonly name: string;
  readonly decl: ast.BackboneDecl;
  /** The scope of its layers, in which its parameters are bound. */
  readonly scope: Scope;
}
export interface BlockValue extends Written {
  readonly kind: "block";
  readonly decl: ast.BlockDecl;
  readonly scope: Scope;
}
export interface DatasetValue extends Written {
  readonly kind: "dataset";
  readonly id: string;
  readonly decl: ast.DatasetDecl;
  readonly scope: Scope;
}
export interface SourceValue extends Written {
  readonly kind: "source";
  readonly source: DataSource;
}
export interface SplitValue extends Written {
  readonly kind: "split";
  readonly dataset: DatasetValue;
  readonly split: SplitName;
}
export interface EpisodeValue extends Written {
  readonly kind: "episode";
  readonly decl: ast.EpisodeDecl;
  readonly scope: Scope;
  /** The arguments given as `each [...]` or `any [...]`. There is one row for each value, or for each combination of several. */
  readonly each: readonly { readonly name: string; readonly word: "each" | "any"; readonly values: readonly Value[] }[];
}
export interface StageValue extends Written {
  readonly kind: "stage";
  readonly id: string;
}
export interface StageSlotValue extends Written {
  readonly kind: "stageSlot";
  readonly stage: string;
  readonly slot: "encoder" | "head" | "metric";
}
/** The outputs of a backbone before one is read by name: `encoder(x, norm: batch)` without `.vector`. */
export interface OutputsValue extends Written {
  readonly kind: "outputs";
  readonly network: Network;
  /** True if the network stands for any encoder, which may have further outputs. */
  readonly open: boolean;
  readonly apply: (output: string, at: ast.Span) => Value;
}
/** A loss entry of the stage's metric, in a `loss` line. */
export interface EntryValue extends Written {
  readonly kind: "entry";
  readonly name: string;
}
/** Stands for a value that has been reported as wrong. It is accepted everywhere, so that one mistake gives one diagnostic. */
export interface AnythingValue extends Written {
  readonly kind: "anything";
}

export function anything(span: ast.Span): AnythingValue {
  return { kind: "anything", span };
}
export function int(value: number, span: ast.Span, unit?: Unit): IntValue {
  return { kind: "int", value, unit, span };
}
export function real(value: number, span: ast.Span): RealValue {
  return { kind: "real", value, span };
}

const units: Readonly<Record<string, Unit>> = {
  way: "way",
  ways: "way",
  shot: "shot",
  shots: "shot",
  query: "query",
  queries: "query",
  epoch: "epoch",
  epochs: "epoch",
  step: "step",
  steps: "step",
  episode: "episode",
  episodes: "episode",
  image: "image",
  images: "image",
  part: "part",
  parts: "part",
  unlabeled: "unlabeled",
  distractor: "distractor",
  distractors: "distractor",
};
/** The units that stand without a plural s. */
const unitsWithoutPlural: ReadonlySet<Unit> = new Set(["query", "way", "shot", "unlabeled", "distractor"]);
export const unitWords: readonly string[] = Object.keys(units);
export function unitOf(word: string): Unit | undefined {
  return Object.hasOwn(units, word) ? units[word] : undefined;
}

/** Returns a count as a person writes it: `5 shot`, `2 epochs`. */
export function count(value: number, unit: Unit): string {
  const plural = unitsWithoutPlural.has(unit) || value === 1 ? unit : `${unit}s`;
  return `${value} ${plural}`;
}

/** Describes a value in messages: "the metric `prototypes`", "`5 shot`", "a value of type `[way=5, shot=5]`". */
export function describe(value: Value): string {
  switch (value.kind) {
    case "int":
      return value.unit === undefined ? `the number ${value.value}` : `\`${count(value.value, value.unit)}\``;
    case "real":
      return `the number ${value.value}`;
    case "bool":
      return `\`${value.value}\``;
    case "text":
      return `the text "${value.value}"`;
    case "choice":
      return `\`${value.value}\``;
    case "list":
      return "a list";
    case "each":
      return value.word === "each" ? "an `each` list" : "an `any` list";
    case "tuple":
      return "a tuple";
    case "fn":
      return `the function \`${value.decl.name.text}\``;
    case "builtin":
      return `the built-in \`${value.name}\``;
    case "metric":
    case "backbone":
    case "block":
    case "dataset":
    case "episode":
      return `the ${value.kind} \`${value.decl.name.text}\``;
    case "source":
      return "a data source";
    case "split":
      return `the split \`${value.dataset.decl.name.text}.${value.split}\``;
    case "stage":
      return `the stage \`${value.id}\``;
    case "stageSlot":
      return `the ${value.slot} of \`${value.stage}\``;
    case "tensor":
      // Sizes are left out: in a method that no stage uses they only stand for unknown ones.
      return `a value of type \`${printType(value.expr.type, false)}\``;
    case "callable":
      return "a network";
    case "outputs":
      return "the outputs of a backbone";
    case "entry":
      return `the entry \`${value.name}\``;
    case "anything":
      return "something unknown";
  }
}

/** Prints a type: `[way=5, shot=5, feature=1600]`, or with its kind if it is not a plain number: `class [item]`. */
export function printType(type: { kind: string; axes: readonly Axis[] }, sizes = true): string {
  const axes = printAxes(type.axes, sizes);
  if (type.kind === "real") return type.axes.length === 0 ? "scalar" : axes;
  return type.axes.length === 0 ? type.kind : `${type.kind} ${axes}`;
}
export function printAxes(axes: readonly Axis[], sizes = true): string {
  return `[${axes.map((axis) => (sizes ? `${axis.name}=${axis.size}` : axis.name)).join(", ")}]`;
}
