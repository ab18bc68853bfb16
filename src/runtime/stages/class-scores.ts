/** Precision, recall and F1 of classes, from counts of confusions. */
import type { ClassScores, ReportData } from "../store/manifest.js";

type Cells = Extract<ReportData, { readonly kind: "confusion" }>["cells"];

/**
 * Returns the scores of each class that has queries, by its number. `cells` are [class of the query, predicted class, count]. A class that
 * no query was taken for has the precision 0, as in scikit-learn.
 */
export function scoresByClass(cells: Cells): ReadonlyMap<number, ClassScores & { readonly queries: number }> {
  const queries = new Map<number, number>();
  const taken = new Map<number, number>();
  const right = new Map<number, number>();
  const add = (to: Map<number, number>, key: number, count: number): void => {
    to.set(key, (to.get(key) ?? 0) + count);
  };
  for (const [truth, predicted, count] of cells) {
    add(queries, truth, count);
    add(taken, predicted, count);
    if (truth === predicted) add(right, truth, count);
  }
  return new Map(
    [...queries]
      .sort(([a], [b]) => a - b)
      .map(([c, own]) => {
        const hits = right.get(c) ?? 0;
        const precision = hits === 0 ? 0 : hits / (taken.get(c) ?? 0);
        const recall = hits / own;
        return [
          c,
          { queries: own, precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) },
        ];
      }),
  );
}

/** Returns the means over classes, each of which counts equally (macro averages). */
export function macroScores(classes: Iterable<ClassScores>): ClassScores {
  const all = [...classes];
  const mean = (of: keyof ClassScores): number => all.reduce((sum, one) => sum + one[of], 0) / all.length;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}
