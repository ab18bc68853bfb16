/** The engine thread of a worker. It does everything that may block for long, and nothing else. */
import { parentPort, workerData } from "node:worker_threads";
import { describeFailure } from "../events/failure.js";
import { type JobContext, ProgressTracker, StoppedError, throttled } from "../stages/context.js";
import type { Outcome } from "../stages/job.js";
import type { Answer, Question } from "../stages/question.js";
import { runStage } from "../stages/run-stage.js";
import { type Asked, type FromThread, Shared, type ThreadData } from "./protocol.js";

const { job, shared } = workerData as ThreadData;
const words = new Int32Array(shared);
const port = parentPort;
if (port === null) throw new Error("the engine thread was not started as a thread");
const send = (message: FromThread): void => port.postMessage(message);

const progress = new ProgressTracker(
  (patience) => {
    Atomics.add(words, Shared.progress, 1);
    Atomics.store(words, Shared.patience, Math.min(Math.round(patience), 2 ** 31 - 1));
  },
  () => Atomics.load(words, Shared.stop) === 1,
);
const place = { stage: job.node, engine: job.engine.name, dir: job.runDir };

/** Answers one question after another. A question that cannot be answered says why, and the next one is answered all the same. */
function answerQuestions(answer: (question: Question) => Promise<Answer>): Promise<never> {
  let last = Promise.resolve();
  const answerNext = async ({ id, question }: Asked): Promise<void> => {
    progress.endPreparation();
    const failed = (error: unknown): Answer => ({ kind: "failed", failure: describeFailure(error, place) });
    send({ type: "answer", id, answer: await answer(question).catch(failed) });
    progress.rest();
  };
  progress.rest();
  return new Promise(() => {
    port?.on("message", (asked: Asked) => {
      last = last.then(() => answerNext(asked));
    });
  });
}

const context: JobContext = {
  job,
  progress,
  emit: throttled((event) => send({ type: "event", event: { time: Date.now(), stage: job.node, ...event } })),
};

async function outcomeOf(): Promise<Outcome> {
  try {
    return await runStage(context, answerQuestions);
  } catch (error) {
    if (error instanceof StoppedError) return { kind: "stopped" };
    return { kind: "failed", failure: describeFailure(error, place) };
  }
}

send({ type: "outcome", outcome: await outcomeOf() });
