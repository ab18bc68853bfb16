/** The lines that a stage must have. */

import { type StageContext, slotNames } from "./context.js";
import { intendedWords } from "./stage-lines.js";

const examples: Readonly<Record<string, string>> = {
  data: "data birds.train",
  encoder: "encoder conv64",
  head: "head linear(class)",
  metric: "metric prototypes",
  episodes: "episodes task from birds.test, 2000 episodes",
  optimizer: "optimizer sgd(lr: 0.1)",
  for: "for 100 epochs of 500 episodes, 4 episodes per step",
};

/** Returns whether the stage has the lines. An `of` stands for every slot. Reports FSL5001 for each line that is missing. */
export function hasRequiredLines({ decl, scope, lines }: StageContext, words: readonly string[]): boolean {
  const isSlot = (word: string): boolean => slotNames.some((slot) => slot === word);
  const missing = words.filter((word) => !lines.has(word) && !(isSlot(word) && lines.has("of")));
  const intended = intendedWords(decl);
  for (const line of missing) {
    if (intended.has(line)) continue;
    const holes = { kind: decl.stage, stage: decl.name.text, line };
    scope.checker.report("FSL5001", decl.name.span, holes, { help: [`for example \`${examples[line] ?? line}\``] });
  }
  return missing.length === 0;
}
