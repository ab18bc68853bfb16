import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, test } from "vitest";
import { decodeAll } from "../../src/runtime/data/decode.js";
import { ImageReader } from "../../src/runtime/data/image-reader.js";
import { ImagePreparer } from "../../src/runtime/data/prepare-images.js";
import type { ImageRef } from "../../src/runtime/data/sources/source.js";
import { dataset } from "../lower/fixtures.js";
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

test("an image that is too small for a crop has a reason, and the others are prepared", async () => {
  const dir = tempDir();
  write(
    join(dir, "small.png"),
    await sharp({ create: { width: 9, height: 20, channels: 3, background: "#abc" } })
      .png()
      .toBuffer(),
  );
  write(
    join(dir, "good.png"),
    await sharp({ create: { width: 20, height: 20, channels: 3, background: "#abc" } })
      .png()
      .toBuffer(),
  );
  write(join(dir, "broken.png"), Buffer.from("no image"));
  const chain = [{ op: "center_crop", size: 16 }] as const;
  const preparer = await ImagePreparer.open(dataset(3, 16, { train: chain, eval: chain }), 1);
  const names = ["small.png", "good.png", "broken.png", "none.png"];
  const prepared = await preparer.prepareFiles(names.map((name) => ({ name, file: join(dir, name) })));
  await preparer.close();
  expect(prepared.map((one) => ("why" in one ? one.why : one.pixels.length))).toEqual([
    "it has 20 × 9 pixels, too few for center_crop(16)",
    3 * 16 * 16,
    expect.stringContaining("unsupported image format"),
    "there is no such file",
  ]);
});
