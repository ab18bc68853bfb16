/** The canonical form of a metric: its learned values, its fits and the entries that a stage uses. */
import { own } from "../../../common/own.js";
import type { Block, EntryParam, Learn, Metric, Network } from "../../typed/tree.js";
import { AxisNames } from "./axes.js";
import { canonicalBlock, canonicalValues } from "./block.js";
import { canonicalNetwork } from "./network.js";
import { canonicalTensor } from "./tensor.js";
import { type Canonical, plain } from "./value.js";

export interface MetricUse {
  /** The entries that the stage uses. All others are left out. */
  readonly entries: readonly string[];
  readonly encoder: Network;
  /** Returns the digest of another stage's weights. */
  readonly output: (stage: string) => string;
}

export function canonicalMetric(metric: Metric, { entries, encoder, output }: MetricUse): Canonical {
  const names = AxisNames.of([encoder, ...modulesOf(metric.learns)]);
  const body = (block: Block, axes: AxisNames, params: readonly EntryParam[]): Canonical =>
    canonicalBlock(block, { axes, params: params.map((p) => p.name), output });
  // Learned tensors come first, because every body reads them by the same names.
  const learns = canonicalLearns(metric.learns, names);
  const fits = metric.fits.map((fit) => {
    const inner = names.inner();
    const inputs = fit.inputs.map((input) => canonicalParam(input, inner));
    const [value, ...others] = fit.values;
    const [input, ...more] = inputs;
    const blockNames = { axes: inner, params: fit.inputs.map((own) => own.name), output };
    // A fit of one value from one input keeps the form that it had before there were others, and its stages keep their keys.
    if (value !== undefined && input !== undefined && others.length + more.length === 0)
      return { name: value.name, input, body: canonicalBlock({ ...fit, result: value.result }, blockNames) };
    const results = fit.values.map((own) => own.result);
    const values = fit.values.map((own) => ({ name: own.name, axes: inner.axes(own.type.axes) }));
    return { values, inputs, body: canonicalValues({ ...fit, results }, blockNames) };
  });
  const used = entries.flatMap((name) => {
    const entry = own(metric.entries, name);
    if (entry === undefined) return [];
    const inner = names.inner();
    const params = entry.params.map((param) => canonicalParam(param, inner));
    const result = { kind: entry.result.kind, axes: inner.axes(entry.result.axes) };
    const { transductive } = entry;
    const random = entry.random ? { random: true } : {};
    const assumes = entry.assumes.length > 0 ? { assumes: entry.assumes } : {};
    return [
      [
        name,
        { params, result, transductive, ...random, ...assumes, body: body(entry.body, inner, entry.params) },
      ] as const,
    ];
  });
  return { learns, fits, entries: Object.fromEntries(used) };
}

function canonicalParam({ form, axes, description }: EntryParam, names: AxisNames): Canonical {
  const described = description === undefined ? {} : { description: description.digest ?? null };
  return { form, axes: names.axes(axes), ...described };
}

export function canonicalLearns(learns: readonly Learn[], names: AxisNames): readonly Canonical[] {
  return learns.map((learn): Canonical => {
    switch (learn.kind) {
      case "tensor":
        return canonicalTensor(learn, names);
      case "module":
        return { name: learn.name, network: canonicalNetwork(learn.network) };
      case "like":
        return plain(learn);
    }
  });
}

/** The networks among learned values. */
export function modulesOf(learns: readonly Learn[]): readonly Network[] {
  return learns.flatMap((learn) => (learn.kind === "module" ? [learn.network] : []));
}
