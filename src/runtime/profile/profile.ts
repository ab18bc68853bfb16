/** Profiles a stage: records it while it runs, and leaves its profile in the folder of the run. */
import type { Engine } from "../engines/engine.js";
import { writeStageProfile } from "./files.js";
import { measurePeak } from "./peak.js";
import type { Recorder } from "./recorder.js";
import { fastestNode, summarize } from "./summary.js";
import { recordedEvents } from "./trace.js";

/** Writes what a recorder has recorded of a stage, with the peak of its engine, which is measured now. */
export async function finishProfile(
  recorder: Recorder,
  { stage, engine, runDir }: { readonly stage: string; readonly engine: Engine; readonly runDir: string },
): Promise<void> {
  const seconds = (performance.now() - recorder.started) / 1000;
  const events = recordedEvents(recorder);
  const peak = Math.max(await measurePeak(engine), fastestNode(recorder));
  const { dropped } = recorder;
  const profile = { stage, engine: engine.numerics, seconds, peak, dropped, ...summarize(recorder, seconds) };
  writeStageProfile(runDir, { profile, events });
}
