import { expect, test } from "vitest";
import { withInterrupts } from "../../src/cli/interrupts.js";

/** Sends this process what a terminal sends at Ctrl-C. */
function interrupt(): void {
  process.emit("SIGINT");
}

test("the innermost part alone reacts to an interrupt, and the outer one again after it", async () => {
  const seen: string[] = [];
  const before = process.listenerCount("SIGINT");
  await withInterrupts(
    () => seen.push("start"),
    async (react) => {
      interrupt();
      await withInterrupts(
        () => seen.push("download"),
        async () => interrupt(),
      );
      interrupt();
      react(() => seen.push("run"));
      interrupt();
    },
  );
  expect(seen).toEqual(["start", "download", "start", "run"]);
  expect(process.listenerCount("SIGINT")).toBe(before);
});

test("a part that fails leaves no reaction behind", async () => {
  const before = process.listenerCount("SIGINT");
  const failing = withInterrupts(
    () => expect.unreachable(),
    () => Promise.reject(new Error("it failed")),
  );
  await expect(failing).rejects.toThrow("it failed");
  expect(process.listenerCount("SIGINT")).toBe(before);
});
