/** What an installation draws while it is under way. */
import { Writable } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { Progress } from "../../src/cli/progress.js";

afterEach(() => void vi.useRealTimers());

test("a step that is written again stays on one row of the terminal, and is said in full when it ends", () => {
  vi.useFakeTimers();
  const columns = 60;
  let text = "";
  const sink = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const stderr = Object.assign(sink, { isTTY: true, columns }) as unknown as NodeJS.WriteStream;
  const progress = new Progress({ stdout: stderr, stderr, stdin: process.stdin, env: {} });
  const step = "sources of the addon: @tensorflow/tfjs-node 4.22.0 and node-api-headers 1.9.0, from npm";
  progress.step(step);
  vi.advanceTimersByTime(200);
  progress.bytes(3 * 2 ** 20, 4 * 2 ** 20);
  const again = text.split("\r\u001B[K");
  expect(again).toHaveLength(2);
  for (const row of again) expect([...row].length).toBeLessThan(columns);
  expect(again.at(-1)).toMatch(/: 3\.00 MiB of 4\.00 MiB \(75 %\)$/);
  progress.close();
  expect(text).toMatch(new RegExp(`\r\u001B\\[K${step}: 3\\.00 MiB\n$`));
});
