/** The canonical form of a metric: its learned values, its fits and the entries that a stage uses. */
import { own } from "../../../common/own.js";
import type { Block, EntryParam, Learn, Metric, Network } from "../../typed/tree.js";
import { AxisNames } from "./axes.js";
import { canonicalBlock } from "./block.js";
import { canonicalNetwork } from "./network.js";
import { type Canonical, plain, plainFields } from "./value.js";

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
    const input = { form: fit.input.form, axes: inner.axes(fit.input.axes) };
    return { name: fit.name, input, body: body(fit.body, inner, [fit.input]) };
  });
  const used = entries.flatMap((name) => {
    const entry = own(metric.entries, name);
    if (entry === undefined) return [];
    const inner = names.inner();
    const params = entry.params.map((p) => ({ form: p.form, axes: inner.axes(p.axes) }));
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

export function canonicalLearns(learns: readonly Learn[], names: AxisNames): readonly Canonical[] {
  return learns.map((learn): Canonical => {
    switch (learn.kind) {
      case "tensor":
        return {
          ...plainFields(learn),
          axes: names.axes(learn.axes),
          ...(learn.of === undefined ? {} : { of: names.axes([learn.of]) }),
        };
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
