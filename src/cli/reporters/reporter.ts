/** What shows a run while it goes: fed with its events, closed after the last. */
import type { RunEvent } from "../../runtime/events/events.js";

export interface Reporter {
  event(event: RunEvent): void;
  /** The user pressed Ctrl-C: the first asks the run to stop, the second aborts it. */
  interrupted(): void;
  close(): Promise<void>;
}
export type ReporterName = "ink" | "plain" | "json";

/** The streams of the process, so that tests may bring their own. */
export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}
