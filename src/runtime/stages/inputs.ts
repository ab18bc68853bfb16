/** Opens the stored stages that provide weights to a job. */
import { own } from "../../common/own.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { findEntry, readEntry, type StoreEntry } from "../store/store.js";
import { projectPaths } from "../system/project.js";
import type { Job } from "./job.js";

/**
 * Returns the entry of a stage that provides weights. If another process has replaced it since the job was made, as `--force` does, an
 * entry with the same output takes its place: the weights are the same then.
 *
 * @throws DiagnosticError FSL7032 if there is none.
 */
export function openInput({ inputs, project }: Pick<Job, "inputs" | "project">, id: string): StoreEntry {
  const input = own(inputs, id);
  if (input === undefined) throw new Error(`the stage ${id} was not stored`);
  const read = readEntry(input.dir);
  if (!("problem" in read)) return read.entry;
  const other = findEntry(projectPaths.store(project), input.key, { output: input.output });
  if (other !== undefined) return other;
  throw new DiagnosticError(diagnostic("FSL7032", undefined, { stage: id, why: read.problem }));
}
