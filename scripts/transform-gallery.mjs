// Writes the pictures of docs/transforms.md: the image and five draws of each transform in a row. Run it after `npm run build`:
// node scripts/transform-gallery.mjs IMAGE (any file that sharp reads, such as an SVG).
import { mkdirSync } from "node:fs";
import sharp from "sharp";
import { applyFixed, applyStep } from "../dist/src/runtime/data/augment.js";

const side = 72;
const draws = 5;
const range = { scale: [0.2, 1], ratio: [0.75, 1.333] };
const steps = [
  { op: "resize", size: 24 },
  { op: "center_crop", size: 48 },
  { op: "random_crop", size: 60, pad: 4 },
  { op: "random_resized_crop", size: side, ...range },
  { op: "flip", p: 0.5 },
  { op: "rotate", degrees: 30 },
  { op: "color_jitter", brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  { op: "noise", std: 0.1 },
  { op: "compress", quality: [5, 40], p: 1 },
  { op: "erase", p: 1, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
  { op: "blur", sigma: [0.1, 2], p: 1 },
  { op: "posterize", bits: 2, p: 0.5 },
  { op: "solarize", threshold: 128, p: 0.5 },
  { op: "rand_augment", count: 2, strength: 9 },
  { op: "foreground" },
  { op: "trim", bottom: 20 },
  { op: "box", pad: 0 },
  { op: "grayscale" },
  { op: "invert" },
];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: node scripts/transform-gallery.mjs IMAGE");
const { data } = await sharp(file, { density: 300 })
  .resize(side, side)
  .flatten({ background: "#ffffff" })
  .removeAlpha()
  .raw()
  .toBuffer({ resolveWithObject: true });
const plane = side * side;
const image = { channels: 3, height: side, width: side, data: new Uint8Array(3 * plane) };
for (let i = 0; i < 3 * plane; i++) image.data[i] = data[(i % plane) * 3 + Math.floor(i / plane)];

/** Returns an image as a PNG, in the middle of a tile. */
async function tile({ channels, height, width, data: bytes }) {
  const area = height * width;
  const samples = Buffer.alloc(3 * area);
  for (let i = 0; i < area; i++)
    for (let c = 0; c < 3; c++) samples[3 * i + c] = bytes[Math.min(c, channels - 1) * area + i];
  return await sharp(samples, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: "contain", background: "#ffffff", kernel: "nearest", withoutEnlargement: true })
    .png()
    .toBuffer();
}

/** The box of the object, which data sets bring for `box`. */
const box = { left: 7, top: 5, width: 60, height: 62 };
const apply = (step, i) =>
  ["box", "foreground"].includes(step.op) ? applyFixed(step, image, box) : applyStep(step, image, [i, 5], 0);

const folder = new URL("../docs/transforms/", import.meta.url);
mkdirSync(folder, { recursive: true });
const gap = 8;
for (const step of steps) {
  // The first draws may leave the image as it is; those that change it show more.
  const changed = Array.from({ length: 40 }, (_, i) => apply(step, i)).filter((each) => each !== image);
  const shown = [
    image,
    ...changed.slice(
      0,
      [
        "resize",
        "center_crop",
        "flip",
        "posterize",
        "solarize",
        "foreground",
        "trim",
        "box",
        "grayscale",
        "invert",
      ].includes(step.op)
        ? 1
        : draws,
    ),
  ];
  const tiles = await Promise.all(shown.map(tile));
  await sharp({
    create: { width: shown.length * (side + gap) - gap, height: side, channels: 3, background: "#ffffff" },
  })
    .composite(tiles.map((input, i) => ({ input, left: i * (side + gap), top: 0 })))
    .png({ compressionLevel: 9, palette: true, colours: 128 })
    .toFile(new URL(`${step.op}.png`, folder).pathname);
}
