/** How the cores of a slot are shared between the engine and the loaders. */
import { availableParallelism } from "node:os";

export interface ThreadBudget {
  /** Threads inside one run of the engine: what `numerics` records. */
  readonly engine: number;
  /** Threads that read and augment images while the engine runs. */
  readonly loaders: number;
}

/** Cores that this process may use (affinity masks and container limits counted where Node sees them). */
export function availableThreads(): number {
  return availableParallelism();
}

/**
 * Loaders only crop, flip and jitter what is already decoded: one keeps a few cores' engine fed, and the engine keeps all
 * of them. From eight cores on, a quarter (at most four) goes to loaders.
 */
export function threadBudget(total: number): ThreadBudget {
  if (total < 8) return { engine: total, loaders: 1 };
  const loaders = Math.min(4, Math.floor(total / 4));
  return { engine: total - loaders, loaders };
}
