// What the campaigns share: options of a command line, random numbers with a seed, and a small project whose data are folders of
// classes with pictures of 12 × 12 pixels. See crash.mjs, corrupt.mjs and slurm.mjs.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

/** The built command. */
export const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

export const flag = (name) => process.argv.includes(`--${name}`);
/** Returns the word after `--name`, or `otherwise` without such an option. */
export function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
}

/** Returns a function that gives whole numbers from 0 to below its argument (mulberry32). The seed decides all of them. */
export function randomFrom(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Makes a folder for a campaign. It is removed when the process ends, unless `--keep` is given. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `fslc-${name}-`));
  process.on("exit", () => {
    if (!flag("keep")) rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Writes a project: the experiment as `e.fsl`, and the data of its splits, which are drawn by `random`. */
export async function writeProject(folder, experiment, { splits, perClass, random }) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "e.fsl"), experiment);
  await writeTinyData(join(folder, "data"), splits, perClass, random);
}

/** Writes `perClass` pictures for each class of each split below the folder `data`. `random(n)` gives a whole number below n. */
async function writeTinyData(data, splits, perClass, random) {
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
