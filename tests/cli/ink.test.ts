import { Console } from "node:console";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Terminal } from "@xterm/headless";
import { beforeAll, expect, test, vi } from "vitest";
import { fakeRun } from "./fake-run.js";

// Ink decides once, when it is loaded, whether it draws: as a person's terminal has it, not as CI.
vi.hoisted(() => {
  for (const name of ["CI", "CONTINUOUS_INTEGRATION", "GITHUB_ACTIONS", "BUILD_NUMBER", "RUN_ID"])
    delete process.env[name];
});
let inkReporter: typeof import("../../src/cli/reporters/ink.js").inkReporter;
beforeAll(async () => {
  // The test runner's console lacks the class that Ink needs to keep stray prints off the screen.
  console.Console ??= Console;
  ({ inkReporter } = await import("../../src/cli/reporters/ink.js"));
});

/** A terminal that keeps what was written to it, behind the face of a TTY stream. */
function fakeTty(cols: number, rows: number) {
  const terminal = new Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true, convertEol: true });
  const written: string[] = [];
  const stream = Object.assign(new EventEmitter(), {
    isTTY: true,
    columns: cols,
    rows,
    write(data: string, ...rest: unknown[]): boolean {
      written.push(data);
      terminal.write(data);
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    },
  }) as unknown as NodeJS.WriteStream;
  const resize = (c: number, r: number): void => {
    Object.assign(stream, { columns: c, rows: r });
    terminal.resize(c, r);
    stream.emit("resize");
  };
  const screen = async (): Promise<string[]> => {
    await new Promise<void>((done) => terminal.write("", done));
    const { baseY } = terminal.buffer.active;
    return Array.from({ length: terminal.rows }, (_, i) =>
      (terminal.buffer.active.getLine(baseY + i)?.translateToString(true) ?? "").trimEnd(),
    );
  };
  const scrolled = (): number => terminal.buffer.active.baseY;
  return { stream, written, resize, screen, scrolled };
}
const stdin = Object.assign(new EventEmitter(), { isTTY: false }) as unknown as NodeJS.ReadStream;
const events = fakeRun({ steps: 40, stepsPerEpoch: 10 });

test("a run is drawn in place: nothing scrolls, few frames, no screen is cleared", async () => {
  const tty = fakeTty(80, 24);
  const reporter = inkReporter({ stdout: tty.stream, stderr: tty.stream, stdin }, () => undefined);
  const middle = events.findIndex((e) => e.type === "stage.step" && e.step === 25);
  const started = Date.now();
  for (const [i, event] of events.slice(0, middle + 1).entries()) {
    reporter.event(event);
    if (i % 3 === 0) await sleep(10);
  }
  await sleep(250);
  const screen = await tty.screen();
  expect(screen.filter((line) => line.includes("● proto"))).toHaveLength(1);
  expect(screen.filter((line) => line.includes("step 25 of 40"))).toHaveLength(1);
  expect(tty.scrolled()).toBe(0);
  const frames = tty.written.filter((w) => w.includes("fslc")).length;
  expect(frames).toBeLessThanOrEqual((Date.now() - started) / 100 + 3);
  expect(tty.written.join("")).not.toContain("\x1b[2J");

  for (const event of events.slice(middle + 1)) reporter.event(event);
  await reporter.close();
  const last = await tty.screen();
  expect(last.join("\n")).toContain("✔ test");
  expect(tty.scrolled()).toBe(0);
  // The cursor was hidden while drawing and is back.
  expect(tty.written.join("").lastIndexOf("\x1b[?25h")).toBeGreaterThan(tty.written.join("").lastIndexOf("\x1b[?25l"));
});

test.each([
  [60, 14],
  [120, 40],
  [80, 8],
])("after a resize to %i × %i one whole frame is on the screen and scrollback was not cleared", async (cols, rows) => {
  const tty = fakeTty(80, 24);
  const reporter = inkReporter({ stdout: tty.stream, stderr: tty.stream, stdin }, () => undefined);
  for (const event of events.slice(
    0,
    events.findIndex((e) => e.type === "stage.step" && e.step === 25),
  ))
    reporter.event(event);
  await sleep(250);
  tty.resize(cols, rows);
  await sleep(500);
  const screen = await tty.screen();
  expect(screen[0]).toContain("fslc 0.1.0");
  expect(screen.filter((line) => line.includes("fslc 0.1.0"))).toHaveLength(1);
  expect(screen.filter((line) => line.includes("● proto"))).toHaveLength(1);
  expect(tty.written.join("")).not.toContain("\x1b[3J");
  await reporter.close();
});

test("the first interrupt says what it does and how to go further", async () => {
  const tty = fakeTty(80, 24);
  const reporter = inkReporter({ stdout: tty.stream, stderr: tty.stream, stdin }, () => undefined);
  for (const event of events.slice(0, 60)) reporter.event(event);
  reporter.interrupted();
  await sleep(250);
  expect((await tty.screen()).join("\n")).toContain("press again to abort");
  await reporter.close();
});

test("Ctrl-C counts each press, also where two are read at once", async () => {
  const tty = fakeTty(80, 24);
  const keys = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (): void => undefined,
    ref: (): void => undefined,
    unref: (): void => undefined,
  }) as unknown as NodeJS.ReadStream;
  let presses = 0;
  const reporter = inkReporter({ stdout: tty.stream, stderr: tty.stream, stdin: keys }, () => presses++);
  await sleep(100);
  (keys as unknown as PassThrough).write("\x03");
  await sleep(50);
  expect(presses).toBe(1);
  (keys as unknown as PassThrough).write("\x03\x03");
  await sleep(50);
  expect(presses).toBe(3);
  await reporter.close();
});
