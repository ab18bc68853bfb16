/** The memory that this process may use: that of the machine, or of the container if it has less. */
import { totalmem } from "node:os";

/** In bytes. */
export interface Memory {
  readonly total: number;
  readonly free: number;
}

export function readMemory(): Memory {
  // Without a limit, Node.js gives a number that no machine reaches, or 0.
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { total, free: Math.min(total, process.availableMemory()) };
}
