/** Tries oneDNN in a child process. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import { type ChildResult, type Failed, runTrial } from "../installing/trial.js";
import type { OnednnLocation } from "./locate.js";

/** The result that the child process prints. */
export interface TrialOutcome extends ChildResult {
  readonly version: string;
}

export type Trial = { readonly works: true; readonly version: string } | Failed;

/** The time limit in ms. */
const limit = 60_000;

export async function tryOnednn(
  { library, koffi }: OnednnLocation,
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const trial = await runTrial<TrialOutcome>([child, library, koffi], { signal, limit, explain: explainVersion });
  if (!trial.works) return trial;
  const { version } = trial.result;
  if (version.startsWith("3.")) return { works: true, version };
  return { works: false, why: `it is version ${version}, but fslc needs version 3` };
}

function explainVersion(stderr: string): string | undefined {
  return /undefined symbol|Cannot find function/.test(stderr)
    ? "it is not version 3 of oneDNN: it lacks functions that fslc calls"
    : undefined;
}
