/** Follows one job of Slurm from its submission to its end, over failures of nodes and of this program. */
import { join } from "node:path";
import { diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { RunEvent } from "../../events/events.js";
import { fromDiagnostic } from "../../events/failure.js";
import type { Outcome } from "../../stages/job.js";
import { reason } from "../../system/reason.js";
import { JobFolder, type RemoteJob, removeBatch } from "../job-folder.js";
import { cancelJob, endOf, nameText, type QueuedJob, SlurmError } from "./commands.js";
import { jobId } from "./job-id.js";
import type { Submitter } from "./submitter.js";

/** The number of times that a job which ended without a result is submitted again. */
const mostRetries = 3;
/** The number of looks in a row that must not find a job before it counts as gone. A file system of a network may be some seconds late. */
const looksBeforeGone = 3;

export class SlurmTask {
  readonly outcome: Promise<Outcome>;
  private readonly folder: JobFolder;
  private finish: (outcome: Outcome) => void = () => {};
  /** True while Slurm has not answered a submission. */
  private submitting = false;
  private missed = 0;
  private retries = 0;
  private cancelled = false;
  /** The folders of the scripts of all submissions. */
  private readonly batches = new Set<string>();
  private adopting: boolean;

  /** Takes over the job of an earlier run if one computes the same, when the queue is looked at. */
  constructor(
    private readonly remote: RemoteJob,
    { jobs, cpus }: { readonly jobs: string; readonly cpus: number | undefined },
    private readonly submitter: Submitter,
    private readonly onEvent: (event: RunEvent) => void,
  ) {
    this.folder = new JobFolder(join(jobs, jobId(remote.job, remote.asked, cpus)));
    this.adopting = this.folder.readSubmitted() !== undefined;
    this.outcome = new Promise((resolve) => {
      this.finish = resolve;
    });
    if (!this.adopting) void this.submit();
  }

  /** Takes the job back from Slurm. It writes a checkpoint first, if it runs. */
  cancel(): void {
    this.cancelled = true;
    const { id } = this.folder.readSubmitted() ?? {};
    if (id !== undefined) void cancelJob(id);
  }

  /** Removes the folder of the job. */
  remove(): void {
    this.rememberBatch();
    this.folder.remove();
    for (const batch of this.batches) removeBatch(batch);
  }

  /** Passes on new events, and finds out whether the job has ended. `queue` is undefined if Slurm does not answer. */
  async look(queue: ReadonlyMap<string, QueuedJob> | undefined): Promise<void> {
    if (this.submitting || queue === undefined) return;
    const submitted = this.folder.readSubmitted();
    const queued = submitted === undefined ? undefined : queue.get(nameText(submitted));
    if (this.adopting) {
      this.adopting = false;
      if (queued === undefined && this.folder.readStatus()?.outcome?.kind !== "stored") return await this.submit();
      if (queued !== undefined) {
        this.folder.writeSubmitted({ batch: "", ...submitted, ...queued });
        this.note(`Slurm job ${queued.id} of an earlier run computes it`);
      }
    }
    for (const event of this.folder.newEvents()) this.onEvent({ ...event, ...this.renamed(event) });
    const outcome = this.folder.readStatus()?.outcome;
    if (outcome !== undefined && outcome.kind !== "stopped") return this.finish(outcome);
    if (queued !== undefined) {
      this.missed = 0;
      return;
    }
    if (this.cancelled) return this.finish({ kind: "stopped" });
    if (++this.missed >= looksBeforeGone) await this.explain(submitted?.id);
  }

  /** Submits the job again if it may help, because a node or the job was lost, or ends it with what Slurm says. */
  private async explain(id = "?"): Promise<void> {
    const end = await endOf(id);
    const how = end === undefined ? "Slurm does not know it any more" : `${end.state}, exit code ${end.exitCode}`;
    const isLost = end === undefined || !["CANCELLED", "OUT_OF_MEMORY", "DEADLINE"].includes(end.state);
    if (isLost && this.retries++ < mostRetries) {
      this.note(`Slurm job ${id} ended without a result: ${how}; it is submitted again`);
      return await this.submit();
    }
    const { node } = this.remote.job;
    const log = join(this.folder.readSubmitted()?.batch ?? "", `${this.folder.readSubmitted()?.index ?? 0}.log`);
    this.finish({
      kind: "failed",
      failure: fromDiagnostic(diagnostic("FSL7082", undefined, { stage: node, job: id, how, log })),
    });
  }

  private async submit(): Promise<void> {
    this.submitting = true;
    this.missed = 0;
    try {
      this.rememberBatch();
      this.folder.create(this.remote);
      await this.submitter.submit(this.folder);
      this.note(`submitted to Slurm as job ${this.folder.readSubmitted()?.id ?? "?"}`);
      if (this.cancelled) this.cancel();
    } catch (error) {
      const why = error instanceof SlurmError ? error.message : reason(error);
      this.finish({ kind: "failed", failure: fromDiagnostic(diagnostic("FSL7081", undefined, { why })) });
    } finally {
      this.submitting = false;
    }
  }

  private rememberBatch(): void {
    const batch = this.folder.readSubmitted()?.batch;
    if (batch !== undefined) this.batches.add(batch);
  }

  /** Returns the id of the stage in this run. The job may have been submitted by a run in which it has another one. */
  private renamed(event: RunEvent): object {
    return "stage" in event ? { stage: this.remote.job.node } : {};
  }

  private note(message: string): void {
    this.onEvent({ time: Date.now(), type: "stage.note", stage: this.remote.job.node, message });
  }
}
