/**
 * The main module of a worker process, which is its control thread. It never blocks. It passes messages between the
 * scheduler and the engine thread, sends beats, and ends the process when the scheduler has ended.
 */
import { Worker } from "node:worker_threads";
import type { PlacedJob } from "../stages/job.js";
import { type FromThread, type FromWorker, Shared, type ThreadData, type ToWorker } from "./protocol.js";

/** The time between two beats, in ms. */
const beatInterval = 500;

/** Ends this process immediately. A thread inside native code would delay `process.exit`. */
function endNow(): void {
  process.kill(process.pid, "SIGKILL");
}

function send(message: FromWorker): void {
  process.send?.(message);
}

function start(job: PlacedJob): { readonly words: Int32Array; readonly thread: Worker } {
  const shared = new SharedArrayBuffer(Shared.length * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(shared);
  const data: ThreadData = { job, shared };
  const thread = new Worker(new URL("./thread.js", import.meta.url), { workerData: data });
  thread.on("message", (message: FromThread) => send(message));
  // The thread could not report this error itself, so the process ends and the scheduler reports its death.
  thread.on("error", (error) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`, endNow);
  });
  setInterval(() => {
    send({
      type: "beat",
      progress: Atomics.load(words, Shared.progress),
      patience: Atomics.load(words, Shared.patience),
    });
  }, beatInterval);
  return { words, thread };
}

let started: ReturnType<typeof start> | undefined;
process.on("message", (message: ToWorker) => {
  if (message.type === "job") started = start(message.job);
  else if (message.type === "question") started?.thread.postMessage(message);
  else if (started !== undefined) Atomics.store(started.words, Shared.stop, 1);
});
process.on("disconnect", endNow);
// Ctrl-C reaches the whole process group, and so do the signals of Slurm and of a terminal that is closed. Only the scheduler decides
// about stopping.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
