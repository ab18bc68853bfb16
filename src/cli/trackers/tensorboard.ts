/**
 * Writes the numbers of a run as TensorBoard's event files, in a folder for each stage: `DIR/RUN/STAGE/`. The bytes depend on the events
 * alone, so that whoever replays a run writes the same files again.
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { RunEvent } from "../../runtime/events/events.js";
import { toFileName } from "../../runtime/system/project.js";
import { scalarRecord, versionRecord } from "./event-file.js";
import { scalarsOf, type Tracker } from "./tracker.js";

/** The time between two writes to a file, in ms of the events: TensorBoard looks for news every few seconds. */
const pause = 1000;

/** Returns the tracker. @throws an error of the system if the folder cannot be made */
export function tensorboardTracker(dir: string): Tracker {
  mkdirSync(dir, { recursive: true });
  let run = { id: "", started: 0 };
  const files = new Map<string, EventFile>();
  const fileOf = (stage: string): EventFile => {
    const known = files.get(stage);
    if (known !== undefined) return known;
    const file = new EventFile(join(dir, toFileName(run.id), toFileName(stage)), run.started);
    files.set(stage, file);
    return file;
  };
  return {
    name: "TensorBoard",
    event(event: RunEvent) {
      if (event.type === "run.start") run = { id: event.run, started: event.time };
      for (const { stage, name, step, value } of scalarsOf(event))
        fileOf(stage).add(scalarRecord(event.time / 1000, step, name, value), event.time);
      if (event.type === "stage.done" || event.type === "stage.failed") {
        files.get(event.stage)?.close();
        files.delete(event.stage);
      }
    },
    async close() {
      for (const file of files.values()) file.close();
    },
  };
}

class EventFile {
  private readonly file: number;
  private waiting: Buffer[];
  private written: number;

  constructor(dir: string, started: number) {
    mkdirSync(dir, { recursive: true });
    const seconds = Math.floor(started / 1000);
    // TensorBoard finds the file by the word `tfevents`, and sorts by the time after it.
    this.file = openSync(join(dir, `events.out.tfevents.${seconds}.fslc`), "w");
    this.waiting = [versionRecord(started / 1000)];
    this.written = 0;
  }

  add(record: Buffer, time: number): void {
    this.waiting.push(record);
    if (time - this.written < pause) return;
    this.flush();
    this.written = time;
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    if (this.waiting.length > 0) writeSync(this.file, Buffer.concat(this.waiting));
    this.waiting = [];
  }
}
