/** Turns the scores of a metric into probabilities. */
import type { Metric } from "../../compiler/typed/tree.js";

/**
 * Returns the probability of each class: the softmax of the logits divided by a temperature. The logarithms of probabilities are logits too,
 * so probabilities stay what they are at the temperature 1.
 */
export function probabilitiesOf(metric: Metric, scores: readonly number[], temperature = 1): readonly number[] {
  const areProbabilities = metric.entries["classify"]?.result.kind === "probabilities";
  if (areProbabilities && temperature === 1) return scores;
  const logits = areProbabilities ? scores.map((p) => Math.log(Math.max(p, Number.MIN_VALUE))) : scores;
  return softmax(logits.map((logit) => logit / temperature));
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - most));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
