/** Turns the scores of a metric into probabilities. */
import type { Metric } from "../../compiler/typed/tree.js";

/** Returns the probability of each class. Scores that are probabilities already stay, and others go through a softmax. */
export function probabilitiesOf(metric: Metric, scores: readonly number[]): readonly number[] {
  return metric.entries["classify"]?.result.kind === "probabilities" ? scores : softmax(scores);
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - most));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
