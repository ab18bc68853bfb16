import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { decodeAll } from "../../src/runtime/data/decode.js";
import { ImageReader } from "../../src/runtime/data/image-reader.js";
import type { ImageRef } from "../../src/runtime/data/sources/source.js";
import { failsWith, picture, tempDir, write } from "./support.js";

/** A disk that takes its time with the first images. */
class SlowReader extends ImageReader {
  override async read(ref: ImageRef): Promise<Uint8Array> {
    if (ref.name.startsWith("slow")) await sleep(1500);
    return await super.read(ref);
  }
}

test("a thread that ends while it has nothing to do ends the decoding of what comes later", async () => {
  const file = join(tempDir(), "a.png");
  write(file, await picture(1));
  // Two chunks for one thread: the second is read first, and its images make the thread fail.
  const jobs = Array.from({ length: 32 }, (_, i) => ({
    ref: { name: `${i < 16 ? "slow" : "fast"} ${i}`, file },
    quarterTurns: [0] as const,
  }));
  const random = { op: "flip", p: 0.5 } as const; // No start of a chain draws: a thread does not expect it.
  const recipe = { channels: 3, prefixes: [[random]] };
  const decoded = decodeAll(jobs, new SlowReader(), recipe, 1, new AbortController().signal);
  const { message } = await failsWith("FSL6032", () => decoded.next());
  expect(message).toContain("flip draws random numbers");
});
