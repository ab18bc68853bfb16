/** Refuses scores that are not numbers, in evaluations and in the validations of a training. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { SplitRef, Task } from "../../compiler/typed/tree.js";
import type { Classification } from "./classified-episodes.js";

/** The scored episodes as the message names them. */
interface Scored {
  /** The name of the stage, with its row or the word `validation`. */
  readonly stage: string;
  readonly task: Task;
  readonly span: SplitRef["span"];
}

/**
 * Checks that every query has scores that are numbers.
 *
 * @throws DiagnosticError FSL7009 if one does not, because an accuracy of such scores means nothing.
 */
export function requireNumbers({ unscored }: Classification, { stage, task, span }: Scored): void {
  const first = unscored.indexOf(1);
  if (first < 0) return;
  const perEpisode = task.way * task.query;
  throw new DiagnosticError(
    diagnostic("FSL7009", span, {
      stage,
      unscored: unscored.reduce((sum, one) => sum + one, 0),
      queries: unscored.length,
      query: (first % perEpisode) + 1,
      episode: Math.floor(first / perEpisode) + 1,
    }),
  );
}
