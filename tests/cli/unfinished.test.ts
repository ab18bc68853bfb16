/** What a person is told about stages that a stop leaves unfinished: they continue where they were. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { printRunSummary } from "../../src/cli/print/run-summary.js";
import { plainReporter } from "../../src/cli/reporters/plain.js";
import { initialState, type RunState, reduce } from "../../src/cli/view/model.js";
import { effectOfStop, leftByStop } from "../../src/cli/view/unfinished.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { fakeRun } from "./fake-run.js";

/** The events of a run up to the first one that `when` accepts. */
function until(when: (event: RunEvent) => boolean): RunEvent[] {
  const events = fakeRun();
  return events.slice(0, events.findIndex(when) + 1);
}
const after = (events: readonly RunEvent[]): RunState => events.reduce(reduce, initialState);
const halfway = until((event) => event.type === "stage.step" && event.step === 300);

test("a training continues where it is, and the screen says how far that is", () => {
  expect(effectOfStop(after(halfway))).toBe("proto is 50 % done and would continue there");
});

test("an evaluation continues too; packed data and stages that wait lose nothing", () => {
  expect(effectOfStop(after(until((event) => event.type === "stage.progress" && event.phase === "evaluate")))).toMatch(
    /^test would continue where it is$/,
  );
  expect(effectOfStop(after(until((event) => event.type === "stage.progress")))).toBeUndefined();
  expect(effectOfStop(after(fakeRun()))).toBeUndefined();
});

test("plain lines say it at the first Ctrl-C", () => {
  const stderr = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;
  const reporter = plainReporter({ stderr });
  for (const event of halfway) reporter.event(event);
  stderr.read();
  reporter.interrupted();
  expect(String(stderr.read())).toBe(
    "stopping after this step; finished stages are kept; proto is 50 % done and would continue there; press Ctrl-C again to abort\n",
  );
});

test("the summary of an interrupted run says how the next one goes on", () => {
  const time = halfway.at(-1)?.time ?? 0;
  const state = after([...halfway, { time, type: "run.done", status: "interrupted", results: [], seconds: 83 }]);
  expect(leftByStop(state)).toBe("proto was 50 % done and the next run continues there");
  const summary = {
    run: "a",
    status: "interrupted",
    results: [],
    reports: [],
    files: [],
    failures: [],
    seconds: 83,
  } as const;
  const text = printRunSummary(summary, state, "/runs/a", { source: () => undefined, color: false, width: 200 });
  expect(text).toContain(
    "interrupted after 1:23; finished stages are kept; proto was 50 % done and the next run continues there",
  );
});
