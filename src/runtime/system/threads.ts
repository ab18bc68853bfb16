/** Divides the cores between the engine and the loaders. */
import { availableParallelism } from "node:os";

export interface ThreadBudget {
  /** The number of threads of the engine, which `numerics` records. */
  readonly engine: number;
  /** The number of threads that read and augment images while the engine runs. */
  readonly loaders: number;
}

/**
 * Returns the number of cores that this process may use, with affinity masks and container limits as Node sees them. In a job of Slurm
 * it is the number that the job was given, because Slurm does not always bind a job to its cores.
 */
export function availableThreads(): number {
  const given = Number(process.env["SLURM_CPUS_PER_TASK"] ?? process.env["SLURM_CPUS_ON_NODE"]);
  return Number.isSafeInteger(given) && given > 0 ? given : availableParallelism();
}

/**
 * Divides `total` cores. Loaders only crop, flip and jitter decoded images, so one loader is enough for an engine with a few
 * cores, and the engine uses all of them. From eight cores on, loaders get a quarter of the cores, but at most four.
 */
export function threadBudget(total: number): ThreadBudget {
  if (total < 8) return { engine: total, loaders: 1 };
  const loaders = Math.min(4, Math.floor(total / 4));
  return { engine: total - loaders, loaders };
}
