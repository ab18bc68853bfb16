/** Sends the numbers of a run to an MLflow server, by its REST interface. A run of fslc is a run of MLflow there. */
import { basename } from "node:path";
import { valueText } from "../../compiler/stages/variants.js";
import type { RunEvent } from "../../runtime/events/events.js";
import { reason } from "../../runtime/system/reason.js";
import { scalarsOf, type Tracker } from "./tracker.js";

/** The limits of one request that the interface describes. */
const limits = { metrics: 1000, params: 100, value: 500 } as const;
/** The time between two requests, and for which an answer is waited for, in ms. */
const times = { pause: 1000, answer: 30_000 } as const;

/** The environment that the clients of MLflow read too. */
export interface MlflowAccess {
  readonly token?: string | undefined;
  readonly experiment?: string | undefined;
}

interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

type Start = Extract<RunEvent, { type: "run.start" }>;
type Done = Extract<RunEvent, { type: "run.done" }>;

/** The states of a run in MLflow, by those of fslc. */
const statuses = { done: "FINISHED", failed: "FAILED", interrupted: "KILLED" } as const satisfies Record<
  Done["status"],
  string
>;

/** Returns the tracker, after the server has answered. @throws Error if it does not */
export async function mlflowTracker(url: string, access: MlflowAccess): Promise<Tracker> {
  const server = new MlflowServer(url, access.token);
  await server.ask("GET", "experiments/search?max_results=1");
  return new MlflowTracker(server, access.experiment);
}

class MlflowTracker implements Tracker {
  readonly name = "MLflow";
  private waiting: Metric[] = [];
  /** The request that is under way. Each waits for the one before it, so that MLflow gets the numbers in their order. */
  private sending: Promise<void> = Promise.resolve();
  private failure: Error | undefined;
  private run: string | undefined;
  private sent = 0;

  constructor(
    private readonly server: MlflowServer,
    private readonly experiment: string | undefined,
  ) {}

  event(event: RunEvent): void {
    if (this.failure !== undefined) throw this.failure;
    if (event.type === "run.start") this.queue(() => this.start(event));
    for (const { stage, name, value, step } of scalarsOf(event)) {
      // A number that is none cannot stand in JSON.
      if (Number.isFinite(value))
        this.waiting.push({ key: keyOf(`${stage}/${name}`), value, timestamp: event.time, step });
    }
    if (event.time - this.sent >= times.pause || this.waiting.length >= limits.metrics) {
      this.sent = event.time;
      this.send();
    }
    if (event.type === "run.done") {
      this.send();
      this.queue(() => this.end(event));
    }
  }

  async close(): Promise<void> {
    this.send();
    await this.sending;
    if (this.failure !== undefined) throw this.failure;
  }

  private queue(work: () => Promise<void>): void {
    this.sending = this.sending
      .then(() => (this.failure === undefined ? work() : undefined))
      .catch((error: unknown) => {
        this.failure = error as Error;
      });
  }

  private send(): void {
    const metrics = this.waiting;
    this.waiting = [];
    for (let from = 0; from < metrics.length; from += limits.metrics) {
      const some = metrics.slice(from, from + limits.metrics);
      this.queue(() => this.log({ metrics: some }));
    }
  }

  private async start(start: Start): Promise<void> {
    const name = this.experiment ?? basename(start.file, ".fsl");
    const created = await this.server.ask("POST", "runs/create", {
      experiment_id: await this.server.experiment(name),
      run_name: start.run,
      start_time: start.time,
      tags: Object.entries({ "fslc.run": start.run, "fslc.version": start.version, "fslc.file": start.file }).map(
        ([key, value]) => ({ key, value }),
      ),
    });
    this.run = (created as { run: { info: { run_id: string } } }).run.info.run_id;
    const params = paramsOf(start);
    for (let from = 0; from < params.length; from += limits.params)
      await this.log({ params: params.slice(from, from + limits.params) });
  }

  private async log(content: object): Promise<void> {
    await this.server.ask("POST", "runs/log-batch", { run_id: this.run, ...content });
  }

  private async end({ status, time }: Done): Promise<void> {
    await this.server.ask("POST", "runs/update", { run_id: this.run, status: statuses[status], end_time: time });
  }
}

function paramsOf({ seed, sweep, inputs }: Start): { readonly key: string; readonly value: string }[] {
  const all = [
    ["seed", (sweep?.seeds ?? [seed]).join(",")] as const,
    ...(inputs?.params ?? []).map(({ name, value }) => [name, valueText(value)] as const),
    ...(sweep?.params ?? []).map(({ name, values }) => [name, values.map(valueText).join(",")] as const),
  ];
  return all.map(([name, value]) => ({ key: keyOf(name), value: value.slice(0, limits.value) }));
}

/** Returns a name without characters that MLflow refuses in keys. */
function keyOf(name: string): string {
  return name.replace(/[^\p{L}\p{N}_\-. /]/gu, "_").slice(0, 250);
}

class MlflowServer {
  private readonly root: string;

  constructor(
    url: string,
    private readonly token: string | undefined,
  ) {
    this.root = `${url.replace(/\/+$/, "")}/api/2.0/mlflow/`;
  }

  /** Returns the id of an experiment, which is created if there is none of this name. */
  async experiment(name: string): Promise<string> {
    const path = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = (await this.ask("GET", path).catch((error: unknown) => {
      if (error instanceof Refused && error.problem === "RESOURCE_DOES_NOT_EXIST") return undefined;
      throw error;
    })) as { experiment: { experiment_id: string } } | undefined;
    if (found !== undefined) return found.experiment.experiment_id;
    return ((await this.ask("POST", "experiments/create", { name })) as { experiment_id: string }).experiment_id;
  }

  /** Returns the answer to a request. @throws Error that says in plain words why there is none */
  async ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(`${this.root}${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(times.answer),
      });
    } catch (error) {
      const { cause = error } = error as Error;
      throw new Error(`no MLflow server answers there: ${reason(cause)}`);
    }
    const text = await response.text();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new Error(`the server answers ${response.status} without JSON, so it is no MLflow server`);
    }
    if (response.ok) return answer;
    const { error_code = "", message = "" } = answer as { readonly error_code?: string; readonly message?: string };
    throw new Refused(
      error_code,
      `the MLflow server answers ${response.status}: ${error_code} ${message.slice(0, 200)}`,
    );
  }
}

class Refused extends Error {
  constructor(
    /** The word of MLflow for what is wrong. */
    readonly problem: string,
    message: string,
  ) {
    super(message);
  }
}
