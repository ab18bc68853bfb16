/**
 * Entry of a worker process: the control thread. It never blocks: it passes messages between the scheduler and the
 * engine thread, beats, and makes sure that no worker outlives its scheduler.
 */
import { Worker } from "node:worker_threads";
import type { PlacedJob } from "../stages/job.js";
import { type FromThread, type FromWorker, Shared, type ThreadData, type ToWorker } from "./protocol.js";

const beatEvery = 500;

/** Ends this process at once. A thread that is inside native code would hold `process.exit` back. */
function endNow(): void {
  process.kill(process.pid, "SIGKILL");
}

function send(message: FromWorker): void {
  process.send?.(message);
}

function start(job: PlacedJob): Int32Array {
  const shared = new SharedArrayBuffer(Shared.length * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(shared);
  const data: ThreadData = { job, shared };
  const thread = new Worker(new URL("./thread.js", import.meta.url), { workerData: data });
  thread.on("message", (message: FromThread) => send(message));
  // An error that the thread could not even report: let the scheduler say that the worker died.
  thread.on("error", (error) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`, endNow);
  });
  setInterval(() => {
    send({
      type: "beat",
      progress: Atomics.load(words, Shared.progress),
      patience: Atomics.load(words, Shared.patience),
    });
  }, beatEvery);
  return words;
}

let words: Int32Array | undefined;
process.on("message", (message: ToWorker) => {
  if (message.type === "job") words = start(message.job);
  else if (words !== undefined) Atomics.store(words, Shared.stop, 1);
});
process.on("disconnect", endNow);
// Ctrl-C reaches the whole process group; stopping is the scheduler's word.
process.on("SIGINT", () => {});
