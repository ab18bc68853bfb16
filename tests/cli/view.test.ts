import { expect, test } from "vitest";
import { bytes, count, duration, flops, interval, rate, shorten } from "../../src/cli/view/format.js";
import { graphRows, limitRows } from "../../src/cli/view/graph.js";
import { describeHidden, layout, screenLines } from "../../src/cli/view/layout.js";
import { type Line, lineWidth } from "../../src/cli/view/line.js";
import { initialState, interrupted, type RunState, reduce, secondsLeft } from "../../src/cli/view/model.js";
import { append, chart, emptySeries } from "../../src/cli/view/series.js";
import { runSecondsLeft } from "../../src/cli/view/time-left.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { fakeRun, fakeSweep } from "./fake-run.js";

function plainText(line: Line): string {
  return line.map((segment) => segment.text).join("");
}

/** The state after the first event that `when` accepts. */
function stateAt(events: readonly RunEvent[], when: (event: RunEvent) => boolean): { state: RunState; now: number } {
  let state = initialState;
  for (const event of events) {
    state = reduce(state, event);
    if (when(event)) return { state, now: event.time };
  }
  throw new Error("no such event");
}
const draw = (state: RunState, cols: number, rows: number, now: number): string =>
  screenLines(layout(state, cols, rows, now))
    .map((line) => plainText(line).trimEnd())
    .join("\n");

const sizes = [
  [40, 20],
  [60, 16],
  [80, 24],
  [120, 30],
  [200, 60],
] as const;

test.each(sizes)("every frame of a run fits %i × %i", (cols, rows) => {
  let state = initialState;
  for (const event of fakeRun({ steps: 200, stepsPerEpoch: 40, extraStages: 30 })) {
    state = reduce(state, event);
    const lines = screenLines(layout(state, cols, rows, event.time));
    expect(lines.length).toBeLessThanOrEqual(rows - 2);
    expect(Math.max(...lines.map(lineWidth))).toBeLessThanOrEqual(cols - 2);
  }
});

test.each(sizes)("a training screen at %i × %i", (cols, rows) => {
  const { state, now } = stateAt(fakeRun(), (e) => e.type === "stage.step" && e.step === 250);
  expect(draw(state, cols, rows, now)).toMatchSnapshot();
});

test.each(sizes)("the header names the card and keeps the time at %i × %i", (cols, rows) => {
  const adapter = "NVIDIA GeForce RTX 4090 Laptop GPU";
  const events = fakeRun().map((event): RunEvent => {
    if (event.type === "run.start")
      return { ...event, file: "experiments/of-this-year/a-long-name-of-an-experiment.fsl" };
    if (event.type !== "stage.start" || event.engine === undefined) return event;
    return { ...event, engine: { ...event.engine, device: "gpu", adapter } };
  });
  const { state, now } = stateAt(events, (e) => e.type === "stage.step" && e.step === 250);
  const header = draw(state, cols, rows, now).split("\n")[0] ?? "";
  expect(header).toContain(".fsl");
  expect(header).toMatch(/onnx g.* · 0:55$/);
  if (cols >= 120) expect(header).toContain(`onnx gpu (${adapter})`);
});

test("screens of the other moments at 80 × 24", () => {
  const events = fakeRun();
  const moments: [string, (event: RunEvent) => boolean][] = [
    ["decoding", (e) => e.type === "stage.progress" && e.done === 439 * 8],
    ["validating", (e) => e.type === "stage.progress" && e.phase === "validate" && e.done === 300],
    ["evaluating", (e) => e.type === "stage.progress" && e.phase === "evaluate" && e.done === 300],
    ["done", (e) => e.type === "run.done"],
  ];
  for (const [name, when] of moments) {
    const { state, now } = stateAt(events, when);
    expect(draw(state, 80, 24, now)).toMatchSnapshot(name);
  }
});

test("a failed stage shows its code, an interrupt what it will do", () => {
  const { state, now } = stateAt(fakeRun(), (e) => e.type === "stage.step" && e.step === 250);
  const failed = reduce(state, {
    time: now,
    type: "stage.failed",
    stage: "proto",
    code: "FSL7006",
    message: "the loss is not finite",
    fix: "lower the learning rate",
  });
  expect(draw(failed, 80, 24, now)).toContain("✘ proto   meta      FSL7006 the loss is not finite");
  const stopping = interrupted(state);
  expect(draw(stopping, 80, 24, now)).toMatch(
    /^stopping; proto is \d+ % done and would continue there {2,}press again to abort$/m,
  );
  expect(draw(interrupted(stopping), 80, 24, now)).toContain("aborting");
});

test("a stage that another process computes says so in its row", () => {
  const { state, now } = stateAt(fakeRun(), (e) => e.type === "run.start");
  const message = "process 1234 on box computes it; waiting for that";
  const waiting = reduce(state, { time: now, type: "stage.note", stage: "drawings", message });
  expect(draw(waiting, 80, 24, now)).toContain(`○ drawings    ingest    ${message}`);
  const started = reduce(waiting, { time: now, type: "stage.start", stage: "drawings", attempt: 1, engine: undefined });
  expect(draw(started, 80, 24, now)).not.toContain("process 1234");
});

test("a wide screen has a curve of the validations, and numbers at the axes", () => {
  const { state, now } = stateAt(fakeRun(), (e) => e.type === "stage.validate" && e.epoch === 5);
  const screen = draw(state, 200, 60, now);
  expect(screen).toMatch(/loss \d.*accuracy \d.*validation \d/);
  expect(screen).toMatch(/1 +step 500 +1 +step 500 +1 +epoch 5$/m);
});

test("time left counts the validations between the steps", () => {
  const { state } = stateAt(
    fakeRun({ steps: 400, stepsPerEpoch: 100, msPerStep: 100 }),
    (e) => e.type === "stage.step" && e.step === 201,
  );
  const training = state.stages.find((s) => s.outline.name === "proto")?.training;
  // 199 steps of 100 ms, and per 100 steps one validation of 1.55 s.
  expect(training && secondsLeft(training)).toBeCloseTo(199 * (0.1 + 0.0155), 0);
});

test("the time left of a sweep goes by the variants that have been computed, and is unknown before the first", () => {
  const at = (ended: number): RunState => fakeSweep(2, ended).reduce(reduce, initialState);
  const started = (state: RunState): number => state.startedAt ?? 0;
  expect(runSecondsLeft(at(1), started(at(1)))).toBeUndefined();
  // Of 40 stages of 61 s each, 10 are done and one has just started.
  const state = at(10);
  const running = state.stages.filter(({ status }) => status === "running").length;
  expect(runSecondsLeft(state, started(state) + 1000)).toBeCloseTo((30 * 61) / Math.max(1, running), -1);
  expect(draw(state, 100, 24, started(state) + 1000)).toMatch(/^fslc.* · about \d+:\d+ left$/m);
});

test("the graph hangs each stage under the deepest that it needs and names only what that does not imply", () => {
  const { state } = stateAt(fakeRun(), (e) => e.type === "run.start");
  const rows = graphRows(state.stages).map((r) => `${r.rails}${r.stage.outline.name} ${r.alsoNeeds.join()}`.trimEnd());
  expect(rows).toEqual(["drawings", "├ base", "│ └ proto", "│   └ test", "└ pixels"]);
});

test("where stages do not fit, running ones stay and the rest is counted", () => {
  const { state } = stateAt(fakeRun({ extraStages: 20 }), (e) => e.type === "stage.step");
  const { rows, hidden } = limitRows(graphRows(state.stages), 4);
  expect(rows.map((r) => r.stage.outline.name)).toContain("proto");
  expect(rows).toHaveLength(3);
  expect(hidden && describeHidden(hidden)).toBe("… plus 20 more waiting, 2 more finished");
});

test.each([
  [80, 24],
  [140, 24],
] as const)("a sweep of 201 stages at %i × %i: the running ones are shown, the idle ones are counted", (cols, rows) => {
  const state = fakeSweep(10, 101).reduce(reduce, initialState);
  const screen = draw(state, cols, rows, Date.UTC(2026, 0, 1, 12, 0, 30));
  expect(screen).toMatchSnapshot();
});

test("many failed stages hide neither the running ones nor their number", () => {
  const failed = fakeSweep(10, 0).flatMap((event): RunEvent[] => {
    if (event.type !== "run.start") return event.type === "stage.cached" ? [event] : [];
    const stages = event.stages.filter(({ kind }) => kind === "meta").slice(0, 60);
    return [
      event,
      ...stages.map(({ id }): RunEvent => {
        return { time: event.time, type: "stage.failed", stage: id, code: "FSL7010", message: "no", fix: undefined };
      }),
      { time: event.time, type: "stage.start", stage: event.stages[199]?.id ?? "", attempt: 1, engine: undefined },
    ];
  });
  const { rows, hidden } = limitRows(graphRows(failed.reduce(reduce, initialState).stages), 10);
  expect(rows.map(({ stage }) => stage.status)).toContain("running");
  expect(hidden && describeHidden(hidden)).toBe("… plus 139 more waiting, 1 more finished, 52 more failed");
});

test("a stage below another is named by the values that the other does not have", () => {
  const { state } = stateAt(fakeSweep(1, 0), (e) => e.type === "run.start");
  expect(
    graphRows(state.stages)
      .slice(0, 3)
      .map(({ rails, name }) => rails + name),
  ).toEqual(["drawings", "├ proto@method=prototypes,rate=0.01,seed=0", "│ └ test"]);
});

test("a curve keeps its mean and its ends at bounded size", () => {
  let series = emptySeries;
  for (let i = 0; i < 10_000; i++) series = append(series, i);
  expect(series.values.length).toBeLessThanOrEqual(512);
  expect(series.values[0]).toBeLessThan(50);
  expect(series.values.at(-1)).toBeGreaterThan(9_900);
  expect(append(series, Number.NaN)).toBe(series);
});

test("a chart's lowest value is its lowest block, its highest the highest", () => {
  const series = [0, 1, 2, 3, 4, 5, 6, 7].reduce(append, emptySeries);
  expect(chart(series, 8, 1)).toEqual({ rows: ["▁▂▃▄▅▆▇█"], low: 0, high: 7 });
  expect(chart(series, 8, 2).rows).toEqual(["    ▂▄▆█", "▁▃▅▇████"]);
  expect(chart(append(emptySeries, 3), 8, 1)).toEqual({ rows: ["▁"], low: 3, high: 3 });
  expect(chart(emptySeries, 8, 2)).toEqual({ rows: ["", ""], low: undefined, high: undefined });
});

test("numbers for people", () => {
  expect([count(1234567), duration(3723), duration(7), interval(0.78312, 0.0061)]).toEqual([
    "1,234,567",
    "1:02:03",
    "0:07",
    "78.31 ± 0.61 %",
  ]);
  expect(interval(0.78312, Number.NaN)).toBe("78.31 %");
  expect([rate(0.123), rate(12.34), rate(1234), bytes(1536), flops(3.2e9)]).toEqual([
    "0.12",
    "12.3",
    "1,234",
    "1.50 KiB",
    "3.20 GFLOP",
  ]);
  expect(shorten("examples/deep/emoji.fsl", 11)).toBe("examp…i.fsl");
});
