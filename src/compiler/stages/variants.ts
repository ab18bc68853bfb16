/**
 * Makes one graph for several variants of an experiment, which differ in parameters or in the seed. A stage that computes the same in
 * several variants is one node, so that it is computed once.
 */
import { own } from "../../common/own.js";
import { seedAxis } from "../typed/sweep.js";
import type { DataDigests, Dataset, Experiment, ParamValue } from "../typed/tree.js";
import { ingestedDataset, type StageNode, stageGraph } from "./graph.js";
import { stageKey } from "./key.js";

export interface Variant {
  readonly experiment: Experiment;
  readonly seed: number;
  /** The values in which the variants differ, by the name of the parameter; empty for a variant that is alone. */
  readonly values: Readonly<Record<string, ParamValue>>;
}

/** A node of the graph of all variants. */
export interface VariantNode {
  /** The id that the node has in the graph of its experiment, with the values behind it that tell it apart: `proto@shots=5,seed=1`. */
  readonly id: string;
  readonly name: string;
  readonly kind: StageNode["kind"];
  /** Ids of nodes of this graph that come before this one. */
  readonly needs: readonly string[];
  /** The node in the graph of its experiment. */
  readonly of: StageNode;
  readonly experiment: Experiment;
  readonly seed: number;
  /** The id in this graph of each node of its experiment's graph. */
  readonly places: Readonly<Record<string, string>>;
  /** The id of an earlier node that computes the same under another name, so that this one will find it in the store. */
  readonly sameAs?: string;
}

/** A variant, and the id in the graph of all variants of each node of its own graph. */
export type PlacedVariant = Variant & Pick<VariantNode, "places">;

export interface VariantGraph {
  /** Every node once, in an order in which each comes after its needs. */
  readonly nodes: readonly VariantNode[];
  readonly variants: readonly PlacedVariant[];
}

/** Options of a graph of variants. */
export interface VariantGraphOptions {
  /** The ids of the stages that are wanted. The default is all stages of the root file. */
  readonly wanted?: readonly string[];
  /** Returns a text that two datasets share if their images are packed in the same way. */
  readonly sameData?: (dataset: Dataset) => string;
}

/** Returns the graph of all variants. The graph of one variant has the ids of the stage graph. */
export function variantGraph(variants: readonly Variant[], options: VariantGraphOptions = {}): VariantGraph {
  const { wanted, sameData = (dataset) => JSON.stringify(dataset) } = options;
  const graphs = variants.map(({ experiment }) => stageGraph(experiment, wanted).nodes);
  const identities = variants.map((variant, i) => identitiesOf(graphs[i] ?? [], variant, sameData));
  const names = suffixes(variants, identities);
  const nodes = new Map<string, VariantNode>();
  const firstWith = new Map<string, string>();
  const placed = variants.map((variant, i): PlacedVariant => {
    const suffixOf = (id: string): string => names.get(id)?.get(own(identities[i] ?? {}, id) ?? "") ?? "";
    const places = Object.fromEntries((graphs[i] ?? []).map(({ id }) => [id, id + suffixOf(id)]));
    for (const of of graphs[i] ?? []) {
      const id = own(places, of.id) ?? of.id;
      if (nodes.has(id)) continue;
      const needs = of.needs.map((need) => own(places, need) ?? need);
      const { experiment, seed } = variant;
      const identity = own(identities[i] ?? {}, of.id) ?? id;
      const sameAs = firstWith.get(identity);
      if (sameAs === undefined) firstWith.set(identity, id);
      const node = { id, name: of.name + suffixOf(of.id), kind: of.kind, needs, of, experiment, seed, places };
      nodes.set(id, sameAs === undefined ? node : { ...node, sameAs });
    }
    return { ...variant, places };
  });
  return { nodes: [...nodes.values()], variants: placed };
}

/**
 * Returns the inputs of a node by the ids of its experiment. The two functions return them by the ids of the graph; inputs that they do
 * not have are left out.
 */
export function inputsOf<Output, Data>(
  { of, places }: VariantNode,
  outputOf: (id: string) => Output | undefined,
  dataOf: (id: string) => Data | undefined,
): { readonly outputs: Readonly<Record<string, Output>>; readonly data: Readonly<Record<string, Data>> } {
  const outputs: [string, Output][] = [];
  const data: [string, Data][] = [];
  for (const need of of.needs) {
    const place = own(places, need) ?? need;
    const dataset = ingestedDataset(need);
    if (dataset === undefined) {
      const output = outputOf(place);
      if (output !== undefined) outputs.push([need, output]);
    } else {
      const packed = dataOf(place);
      if (packed !== undefined) data.push([dataset, packed]);
    }
  }
  return { outputs: Object.fromEntries(outputs), data: Object.fromEntries(data) };
}

type Identities = Readonly<Record<string, string>>;

/**
 * Returns a text for each node of one variant's graph. Nodes of two variants with equal texts have equal keys, whatever the digests of
 * their inputs will be: the text is the key of the stage with the texts of its inputs in place of their digests.
 */
function identitiesOf(
  nodes: readonly StageNode[],
  { experiment, seed }: Variant,
  sameData: (dataset: Dataset) => string,
): Identities {
  const outputs: Record<string, string> = {};
  const data: Record<string, DataDigests> = {};
  const found: Record<string, string> = {};
  for (const node of nodes) {
    if (node.kind === "ingest") {
      const whole = sameData(node.dataset);
      data[node.dataset.id] = { whole, splits: { train: whole, val: whole, test: whole } };
      found[node.id] = whole;
    } else {
      found[node.id] = outputs[node.id] = stageKey(node.stage, experiment, { seed, outputs, data }) ?? node.id;
    }
  }
  return found;
}

/**
 * Returns the suffix of each node by its id and identity, such as `@shots=5,seed=1`. It has only the values that tell the node apart from
 * the nodes of the same id: a training that all shots share is named by its seed alone.
 */
function suffixes(
  variants: readonly Variant[],
  identities: readonly Identities[],
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const labels = labelsOf(variants);
  const found = new Map<string, Map<string, string>>();
  for (const id of new Set(identities.flatMap((one) => Object.keys(one)))) {
    const ofId = identities.map((one) => own(one, id) ?? "");
    const used = decidingAxes(labels, ofId);
    const suffixOf = (i: number): string =>
      used.length === 0 ? "" : `@${used.map((axis) => `${axis}=${labels[i]?.[axis] ?? ""}`).join(",")}`;
    const suffixesOfId = new Map<string, string>();
    for (const [i, identity] of ofId.entries()) {
      if (!suffixesOfId.has(identity)) suffixesOfId.set(identity, suffixOf(i));
    }
    found.set(id, suffixesOfId);
  }
  return found;
}

/**
 * Returns the axes that decide what a stage computes: two variants with equal values on them have equal identities. `values` has the values
 * of each variant by axis, and `identities` a text for each of them.
 */
export function decidingAxes(
  values: readonly Readonly<Record<string, ParamValue>>[],
  identities: readonly string[],
): readonly string[] {
  const decide = (axes: readonly string[]): boolean => {
    const seen = new Map<string, string>();
    return values.every((one, i) => {
      const identity = identities[i] ?? "";
      const text = JSON.stringify(axes.map((axis) => own(one, axis)));
      if (!seen.has(text)) seen.set(text, identity);
      return seen.get(text) === identity;
    });
  };
  const axes = Object.keys(values[0] ?? {});
  return axes.reduce((left, axis) => {
    const without = left.filter((other) => other !== axis);
    return decide(without) ? without : left;
  }, axes);
}

/** The longest label of a value. Ids are names of folders too. */
const longestLabel = 24;

/** Returns the label of each value of each variant, with the seed as the last one if the seeds differ. */
function labelsOf(variants: readonly Variant[]): readonly Readonly<Record<string, string>>[] {
  const values = variants.map(({ values, seed }) => ({ ...values, [seedAxis]: seed }));
  const axes = Object.keys(values[0] ?? {}).filter(
    (axis) => axis !== seedAxis || new Set(variants.map(({ seed }) => seed)).size > 1,
  );
  const labels = new Map(axes.map((axis) => [axis, labelsOfAxis(values.map((one) => own(one, axis) ?? ""))]));
  return values.map((_, i) => Object.fromEntries(axes.map((axis) => [axis, labels.get(axis)?.[i] ?? ""])));
}

/** Returns the labels of the values of one axis. They are safe in names of files; two values have different labels. */
function labelsOfAxis(values: readonly ParamValue[]): readonly string[] {
  const known = new Map<string, string>();
  const taken = new Set<string>();
  return values.map((value) => {
    const text = JSON.stringify(value);
    const before = known.get(text);
    if (before !== undefined) return before;
    const plain = valueText(value)
      .replace(/[^\w.-]+/g, "-")
      .slice(0, longestLabel);
    let label = plain;
    for (let number = 2; label === "" || taken.has(label); number++) label = `${plain}.${number}`;
    taken.add(label);
    known.set(text, label);
    return label;
  });
}

/** Returns a value as a person writes it after `--sweep name=`. */
export function valueText(value: ParamValue): string {
  return typeof value === "object" ? `[${value.map(valueText).join(",")}]` : String(value);
}
