/** Checks that all data of a stage describe their classes by the same tables. */
import type { Span } from "../../../../grammar/ast.js";
import { seenForm } from "../../typed/described.js";
import type { Dataset, Metric } from "../../typed/tree.js";
import type { StageContext } from "./context.js";

/** A dataset whose classes the metric is told of beside those of the episodes. */
export interface AlsoDescribed {
  readonly dataset: Dataset;
  readonly span: Span;
  /** The parameters that are read from it: those of `classify` for a validation, of all entries for a training, of the fits for base data. */
  readonly of: "classify" | "entries" | "fits";
}

/** Returns whether `others` have the tables of the episodes. Reports FSL5074 for one that a dataset lacks, and FSL5075 for another one. */
export function checkTables(
  { name, entries, fits }: Metric,
  episodes: Dataset,
  others: readonly AlsoDescribed[],
  { scope: { checker } }: StageContext,
): boolean {
  const before = checker.errors;
  const inEntries = new Set(Object.values(entries).flatMap((entry) => entry.params.map(({ form }) => form)));
  const params = {
    classify: entries["classify"]?.params ?? [],
    entries: Object.values(entries).flatMap((entry) => entry.params),
    fits: fits.flatMap(({ inputs }) => inputs).filter(({ form }) => inEntries.has(form)),
  };
  for (const { dataset, span, of } of others) {
    for (const { form, description } of params[of]) {
      if (description === undefined || form === seenForm) continue;
      const own = dataset.descriptions?.find((one) => one.name === form);
      const asked = episodes.descriptions?.find((one) => one.name === form);
      if (own === undefined) {
        const help = [`add a line to the dataset: \`describe ${form}\``];
        checker.report(
          "FSL5074",
          span,
          { metric: name, form, dataset: dataset.name, has: "does not have it" },
          { help },
        );
      } else if (own.size !== asked?.size || own.digest !== asked.digest) {
        const places = `in \`${episodes.name}\` and in \`${dataset.name}\``;
        checker.report("FSL5075", span, { form, places });
      }
    }
  }
  return checker.errors === before;
}
