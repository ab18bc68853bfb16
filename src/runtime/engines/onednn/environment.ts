/** The environment variables of a process that loads oneDNN. Its threads are those of GNU's OpenMP, which reads them when it is loaded. */

export function onednnEnvironment(threads: number): Readonly<Record<string, string>> {
  return {
    OMP_NUM_THREADS: String(threads),
    // A waiting thread sleeps. One that spins takes a core from other programs, which on a shared machine makes everything slower.
    OMP_WAIT_POLICY: "PASSIVE",
  };
}
