// Writes the small data of the campaigns: folders of classes with pictures of 12 × 12 pixels.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

/** Writes `perClass` pictures for each class of each split below the folder `data`. `random(n)` gives a whole number below n. */
export async function writeTinyData(data, splits, perClass, random) {
  for (const [split, classes] of Object.entries(splits)) {
    for (let c = 0; c < classes; c++) {
      const folder = join(data, split, `${split}${c}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < perClass; i++) {
        const raw = Buffer.from(Array.from({ length: 12 * 12 * 3 }, (_, at) => (random(90) + 40 * c + at) & 255));
        await sharp(raw, { raw: { width: 12, height: 12, channels: 3 } })
          .png()
          .toFile(join(folder, `${i}.png`));
      }
    }
  }
}
