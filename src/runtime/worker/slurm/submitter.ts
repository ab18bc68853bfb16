/** Submits jobs to Slurm. Those that are ready at the same time become one array. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { packageRoot } from "../../system/package.js";
import { type Project, projectPaths } from "../../system/project.js";
import { type JobFolder, writeBatch } from "../job-folder.js";
import { submitArray } from "./commands.js";
import type { ClusterSettings } from "./settings.js";

/** The time in ms in which jobs are collected before they are submitted. */
const collectMs = 100;
/** The most jobs of one array: the default of Slurm. */
const mostInArray = 1000;

interface Waiting {
  readonly folder: JobFolder;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Submitter {
  private waiting: Waiting[] = [];

  constructor(
    private readonly project: Project,
    private readonly settings: ClusterSettings,
    private readonly cpus: number | undefined,
  ) {}

  /** Submits the job in a folder, and writes there what Slurm calls it. @throws SlurmError if Slurm refuses it. */
  submit(folder: JobFolder): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setTimeout(() => this.flush(), collectMs);
      this.waiting.push({ folder, resolve, reject });
    });
  }

  private flush(): void {
    const all = this.waiting;
    this.waiting = [];
    for (let at = 0; at < all.length; at += mostInArray) {
      const some = all.slice(at, at + mostInArray);
      void this.submitTogether(some.map(({ folder }) => folder)).then(
        () => some.forEach(({ resolve }) => void resolve()),
        (error: unknown) => some.forEach(({ reject }) => void reject(error)),
      );
    }
  }

  private async submitTogether(folders: readonly JobFolder[]): Promise<void> {
    const name = `fslc-${randomBytes(6).toString("hex")}`;
    const batch = join(projectPaths.jobs(this.project), name);
    const script = writeBatch(
      batch,
      folders.map(({ dir }) => dir),
      scriptText(this.project, batch, this.settings),
    );
    // The name is written first: a run that takes over finds the job by it, even if this process ends before Slurm answers.
    for (const [index, folder] of folders.entries()) folder.writeSubmitted({ name, index, batch });
    const { cpus, settings } = this;
    const id = await submitArray({ name, count: folders.length, script, output: batch, cpus }, settings);
    for (const [index, folder] of folders.entries())
      folder.writeSubmitted({ name, index, batch, id: `${id}_${index}` });
  }
}

/** Returns the script of a job. It becomes the worker, so that signals reach the worker and not a shell. */
function scriptText({ dir }: Project, batch: string, { before = [] }: ClusterSettings): string {
  const worker = join(packageRoot, "dist/cli/main.js");
  return [
    "#!/bin/sh",
    ...before,
    `cd ${quoted(dir)}`,
    `exec ${quoted(process.execPath)} ${quoted(worker)} worker --batch ${quoted(batch)} --index "$SLURM_ARRAY_TASK_ID"`,
    "",
  ].join("\n");
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
