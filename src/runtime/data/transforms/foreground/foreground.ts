/** The transform `foreground`: the object of a photo on plain gray. */
import type { Box } from "../../box.js";
import { type Pixels, pixels } from "../../pixels.js";
import { resizeShorter } from "../../resample.js";
import { grabCut } from "./grab-cut.js";

/** The longer side at which the object is separated. More pixels take longer and change little. */
const longestSide = 256;
const iterations = 5;
/** The share of each side that is taken for background where no box is known. */
const margin = 0.05;
const gray = 128;

/**
 * Puts gray in the place of the background, which GrabCut separates from the object in the box. Without a box the object is taken to be anywhere
 * but at the edges. An image in which no object is found stays as it is.
 */
export function foreground(image: Pixels, box: Box | undefined): Pixels {
  const { channels, height, width, data } = image;
  const scale = Math.min(1, longestSide / Math.max(height, width));
  const small = scale === 1 ? image : resizeShorter(image, Math.max(1, Math.round(Math.min(height, width) * scale)));
  const object = grabCut(small, scaled(box ?? inner(image), small.height / height, small.width / width), iterations);
  if (object === undefined || !object.includes(1)) return image;
  const out = pixels(channels, height, width);
  out.data.fill(gray);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = Math.floor(((y + 0.5) * small.height) / height);
      const column = Math.floor(((x + 0.5) * small.width) / width);
      if (object[row * small.width + column] === 0) continue;
      for (let c = 0; c < channels; c++) {
        const place = (c * height + y) * width + x;
        out.data[place] = data[place] as number;
      }
    }
  return out;
}

function inner({ height, width }: Pixels): Box {
  const [top, left] = [Math.ceil(margin * height), Math.ceil(margin * width)];
  return { left, top, width: width - 2 * left, height: height - 2 * top };
}

function scaled(box: Box, down: number, across: number): Box {
  const [left, top] = [Math.floor(box.left * across), Math.floor(box.top * down)];
  const [right, bottom] = [Math.ceil((box.left + box.width) * across), Math.ceil((box.top + box.height) * down)];
  return { left, top, width: right - left, height: bottom - top };
}
