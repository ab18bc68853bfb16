/** Starts a worker process, receives its messages, and notices when it hangs or dies. */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { engineEnvironment } from "../engines/environment.js";
import type { RunEvent } from "../events/events.js";
import { fromDiagnostic } from "../events/failure.js";
import type { Outcome, PlacedJob } from "../stages/job.js";
import type { Answer, Question } from "../stages/question.js";
import { toFileName } from "../system/project.js";
import { threadUrl } from "../system/thread-url.js";
import { diagnoseExit, outOfMemoryKills } from "./diagnose-exit.js";
import type { RunningJob } from "./executor.js";
import type { FromWorker, ToWorker } from "./protocol.js";
import { Questions } from "./questions.js";
import { Watchdog } from "./watchdog.js";

export interface WorkerRun extends RunningJob {
  /** The id of the worker process, or undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Asks a classifier that stays loaded. If the worker has ended or ends, the answer says why. */
  ask(question: Question): Promise<Answer>;
}

/** Runs a job in a process of its own. `entry` is the main module of the worker. */
export function runInWorker(
  job: PlacedJob,
  onEvent: (event: RunEvent) => void,
  entry: URL = threadUrl(import.meta.url, "./main.js"),
): WorkerRun {
  const log = openLog(job);
  const kills = outOfMemoryKills();
  const child = fork(entry, {
    serialization: "advanced",
    execArgv: [],
    env: { ...process.env, ...engineEnvironment({ ...job.engine, threads: job.threads.engine }) },
    // Native libraries write to their terminal without asking. Their output must not reach the user's screen.
    stdio: ["ignore", log.file, log.file, "ipc"],
  });
  closeSync(log.file);
  send(child, { type: "job", job });
  const diagnose = (how: string): Diagnostic =>
    diagnoseExit({ stage: job.node, engine: job.engine.name, how, log, kills });
  const questions = new Questions((message) => send(child, message));
  const watched = watch(child, job, { onEvent, onAnswer: (id, answer) => questions.settle(id, answer) }, diagnose);
  const outcome = watched.finally(() => {
    child.kill("SIGKILL");
    log.close();
  });
  void watched.then((end) => questions.end(end));
  return {
    pid: child.pid,
    outcome,
    ask: (question) => questions.ask(question),
    stop: () => send(child, { type: "stop" }),
    abort: () => void child.kill("SIGKILL"),
  };
}

interface Listeners {
  readonly onEvent: (event: RunEvent) => void;
  readonly onAnswer: (id: number, answer: Answer) => void;
}

function watch(
  child: ChildProcess,
  job: PlacedJob,
  { onEvent, onAnswer }: Listeners,
  diagnose: (how: string) => Diagnostic,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const watchdog = new Watchdog(performance.now());
    const timer = setInterval(() => {
      const silence = watchdog.silence(performance.now());
      if (silence === undefined) return;
      const holes = { stage: job.node, seconds: Math.round(silence / 1000) };
      finish({ kind: "failed", failure: fromDiagnostic(diagnostic("FSL7021", undefined, holes)) });
    }, 1000);
    let finished = false;
    const finish = (outcome: Outcome): void => {
      if (finished) return;
      finished = true;
      clearInterval(timer);
      child.removeAllListeners();
      child.on("error", () => {}); // A late error of a process that is being killed changes nothing.
      resolve(outcome);
    };
    const fail = (how: string): void => finish({ kind: "failed", failure: fromDiagnostic(diagnose(how)) });
    child.on("message", (message: FromWorker) => {
      if (message.type === "event") onEvent(message.event);
      else if (message.type === "beat") watchdog.beat(message.progress, message.patience, performance.now());
      else if (message.type === "answer") onAnswer(message.id, message.answer);
      else finish(message.outcome);
    });
    child.on("error", (error) => fail(error.message));
    child.on("exit", (code, signal) => {
      // Earlier messages of the worker may still be in the pipe.
      setTimeout(() => fail(signal === null ? `exit code ${code}` : `signal ${signal}`), 200);
    });
  });
}

function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {}); // If the worker has ended, the event `exit` reports it.
}

/** Opens the file in the run's folder that receives the output of the worker. An empty file is removed afterwards. */
function openLog(job: PlacedJob): { file: number; path: string; from: number; close(): void } {
  const dir = join(job.runDir, "logs");
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${toFileName(job.node)}.log`);
  const file = openSync(path, "a");
  return {
    file,
    path,
    from: fstatSync(file).size,
    close() {
      if (statSync(path, { throwIfNoEntry: false })?.size === 0) rmSync(path, { force: true });
    },
  };
}
