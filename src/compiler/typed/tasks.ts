/** The numbers of images in the episodes of a task. */
import type { Task } from "./tree.js";

/** Returns the number of queries of an episode. */
export const queriesIn = ({ way, query }: Task): number => way * query;

/** Returns the number of images of an episode without labels: those of the ways, and those of the distractor classes. */
export const unlabeledIn = ({ way, unlabeled = 0, distractor = 0 }: Task): number => (way + distractor) * unlabeled;

/** Returns the number of all images of an episode. */
export const imagesIn = (task: Task): number => task.way * task.shot + queriesIn(task) + unlabeledIn(task);

/** Returns the number of images that an episode needs of a class. */
export const imagesOfClass = ({ shot, query, unlabeled = 0 }: Task): number => shot + query + unlabeled;

/** Returns the number of classes that an episode needs. */
export const classesIn = ({ way, distractor = 0 }: Task): number => way + distractor;

/** Returns the numbers of the task that are not the defaults, in a fixed order: equal tasks give equal objects. */
export function plainTask({
  way,
  shot,
  query,
  unlabeled,
  distractor,
  dirichlet,
}: { readonly [K in keyof Task]: Task[K] | undefined } & Pick<Task, "way" | "shot" | "query">): Task {
  return {
    way,
    shot,
    query,
    ...(unlabeled === undefined ? {} : { unlabeled }),
    ...(distractor === undefined ? {} : { distractor }),
    ...(dirichlet === undefined ? {} : { dirichlet }),
  };
}
