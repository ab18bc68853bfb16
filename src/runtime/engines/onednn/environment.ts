/** The environment variables of a process that loads oneDNN. Its threads are those of GNU's OpenMP, which reads them when it is loaded. */

/**
 * The number of turns that a waiting thread looks for work before it sleeps: some 0.1 ms, longer than JavaScript needs between two
 * primitives. A thread that sleeps at once has to be woken for each primitive, which took half of the time of a step of MAML.
 */
const turns = 3000;

/** Returns the variables for this number of threads. A policy that the user has set for waiting decides alone. */
export function onednnEnvironment(threads: number, user: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const waiting =
    user.OMP_WAIT_POLICY === undefined
      ? // A thread that spins for long takes a core from other programs, which on a shared machine makes everything slower.
        { OMP_WAIT_POLICY: "PASSIVE", GOMP_SPINCOUNT: String(turns) }
      : {};
  return { OMP_NUM_THREADS: String(threads), ...waiting };
}
