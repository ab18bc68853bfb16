/** Defines a reporter, which shows a run while it goes on. */
import type { RunEvent } from "../../runtime/events/events.js";

/** Shows a run. It receives every event in order and is closed after the last one. */
export interface Reporter {
  event(event: RunEvent): void;
  /** Tells the reporter that the user pressed Ctrl-C. The first press asks the run to stop, and the second aborts it. */
  interrupted(): void;
  close(): Promise<void>;
}

/** The streams of the process. Tests pass their own. */
export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}
