/** Finds the task of images that a user brings, and the metric of a classifier for this task. */
import { type Diagnostic, DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Metric, PosedTasks, Task } from "../../compiler/typed/tree.js";
import { type NeedsEqualShots, withShots } from "../../compiler/typed/unequal-shots.js";
import type { Classifier } from "./classifier.js";

/** Elaborates the metric of the stage for further tasks. @throws RefusedError if it cannot have one of them. */
export type Pose = (tasks: PosedTasks) => readonly Metric[];

/** The most queries of one question, unless a metric has to see all of them together. */
const queriesPerQuestion = 64;

/** The number of supports of each class, and the number of queries. */
export interface BroughtImages {
  readonly shots: readonly number[];
  readonly queries: number;
}

export interface PosedMetric {
  readonly task: Task;
  readonly metric: Metric;
  /** A name that is the same for the same task and shots. */
  readonly program: string;
}

export function isTransductive({ metric }: Classifier): boolean {
  return metric.value.entries["classify"]?.transductive === true;
}

/**
 * Returns the task and the metric for it. The shots are those of the class with the most supports. A transductive metric sees all
 * queries together, whose number must be a multiple of the classes; others see some at a time, or a few if there are no more.
 *
 * @throws DiagnosticError FSL7063 if the metric cannot classify them.
 */
export function poseMetric(classifier: Classifier, { shots, queries }: BroughtImages, pose: Pose): PosedMetric {
  const { id, metric } = classifier;
  const classify = metric.value.entries["classify"];
  const way = shots.length;
  const shot = Math.max(...shots);
  const together = isTransductive(classifier);
  if (together && queries % way !== 0) {
    const why = `it sees all queries together, as many of each class, and ${queries} is no multiple of ${way}`;
    throw misfit(metric.value, { span: classify?.body.result.span, why }, ["give a multiple of the number of classes"]);
  }
  // Two numbers of queries are enough for all, so that programs are made twice at most.
  const query = together ? queries / way : queries <= way ? 1 : Math.ceil(queriesPerQuestion / way);
  const task = { way, shot, query };
  const program = `${shots.join()} ${query}`;
  const [posed, larger] = pose({ stage: id, tasks: [task, { ...task, shot: shot + 1 }] });
  if (posed === undefined || larger === undefined) throw new Error(`the metric of ${id} was not elaborated`);
  if (shots.every((count) => count === shot)) return { task, metric: posed, program };
  const changed = withShots(posed, larger, shots);
  if (!("why" in changed)) return { task, metric: changed, program };
  const counts = `the classes have ${Math.min(...shots)} to ${shot} supports, and it needs the same number of each`;
  throw misfit(posed, { span: changed.span, why: `${counts}: ${changed.why}` }, [
    `give each class the same number of supports, such as ${Math.min(...shots)}`,
  ]);
}

function misfit(
  { name }: Metric,
  { span, why }: Pick<NeedsEqualShots, "why"> & { readonly span: Diagnostic["span"] },
  help: readonly string[],
): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7063", span, { metric: name, why }, { help }));
}
